"""Campaign: the rules, budgets and boards that hold for a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from referral_engine.errors import InvalidProgram, RuleError
from referral_engine.ids import Name
from referral_engine.leaderboard.board import Board
from referral_engine.ledger.grant import ReversalPolicy
from referral_engine.rewards.data_rule import Rule
from referral_engine.rewards.python_rule import PythonRule
from referral_engine.validation import (
    TOTAL_MAX,
    Freeze,
    FrozenDict,
    Part,
    Several,
    Thaw,
    Time,
    at_most,
    require_interval,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from referral_engine.errors import Problem

RULES_MAX = 1_000
BOARDS_MAX = 100
UNITS_MAX = 64


def _rule_kind(value: Any) -> str:
    named = isinstance(value, Mapping) and "python" in value
    return "<python>" if named or isinstance(value, PythonRule) else "<rule>"


AnyRule = Annotated[
    Annotated[Rule, Tag("<rule>")] | Annotated[PythonRule, Tag("<python>")],
    Discriminator(_rule_kind),
]
_Total = Annotated[int, Field(ge=0, le=TOTAL_MAX)]


def choose_error(problems: Sequence[Problem]) -> InvalidProgram:
    """A RuleError when the first problem lies inside a rule, else InvalidProgram."""
    in_rule = bool(problems) and "rules[" in problems[0].path
    return RuleError(problems) if in_rule else InvalidProgram(problems)


class Campaign(Part):
    """Rules, boards and budgets for events whose `at` is in [starts_at, ends_at); None is open.

    `budget` is the most, by unit and in minor units, that its rules may give in all: held and spent count, reversed
    money returns; a unit without one has no limit, and 0 is none. A rule that does not fit gives nothing (`skip`) or
    what is left (`clamp`). `reversal` says how far a refund reaches into what was posted already: not at all
    (`held_only`), as far as it is still there (`within_balance`), or all of it, the rest as a debt (`debt`). What
    qualifies a referral is its sign-up (`qualify=None`).
    """

    id: Name = Field(kw_only=False)
    starts_at: Time | None = Field(default=None, kw_only=False)
    ends_at: Time | None = Field(default=None, kw_only=False)
    rules: Annotated[Several[AnyRule], at_most(RULES_MAX)] = Field(default=(), kw_only=False)
    budget: Annotated[Mapping[Name, _Total], at_most(UNITS_MAX), Freeze, Thaw] | None = None
    over_budget: Literal["skip", "clamp"] = "skip"
    reversal: ReversalPolicy = "debt"
    qualify: None = None
    boards: Annotated[Several[Board], at_most(BOARDS_MAX)] = ()

    @classmethod
    def _refuse(cls, problems: Sequence[Problem]) -> InvalidProgram:
        return choose_error(problems)

    @model_validator(mode="after")
    def _interval(self) -> Self:
        require_interval(self.starts_at, self.ends_at)
        return self

    def total(self, unit: str) -> int | None:
        """The budget in one unit, None when there is none."""
        return (self.budget or FrozenDict[int]()).get(unit)

    def covers(self, at: datetime) -> bool:
        """Whether an event of that time belongs to the campaign."""
        return (self.starts_at is None or at >= self.starts_at) and (self.ends_at is None or at < self.ends_at)
