"""Rule: a reward rule as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self, cast

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from referral_engine.errors import RuleError
from referral_engine.events import REFUND
from referral_engine.ids import Name
from referral_engine.rewards.condition import Condition, ConditionField
from referral_engine.rewards.limit import Limit
from referral_engine.rewards.reward import Reward
from referral_engine.validation import Part, Several, Time, at_most, require_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from referral_engine.errors import Problem

PRIORITY_MAX = 1_000_000


def _trigger(value: str) -> str:
    if value == REFUND:
        raise PydanticCustomError("trigger", "a refund takes back what its event was paid; no rule is judged on it")
    return value


Trigger = Annotated[Name, AfterValidator(_trigger)]
Priority = Annotated[int, Field(ge=-PRIORITY_MAX, le=PRIORITY_MAX)]
Limits = Annotated[Several[Limit], at_most(16)]


if TYPE_CHECKING:
    Where = Condition | str | Mapping[str, Any]
else:
    Where = ConditionField


class Rule(Part):
    """When an event of type `on` meets `where`, give every reward of `give`, all or none.

    `where` is text, a condition built with `field()`, or data; None always holds. The rule is judged for events whose
    `at` is in [starts_at, ends_at), inside its campaign. Higher `priority` is judged, and draws on a budget, first;
    equal ones go by id.
    """

    id: Name
    on: Trigger
    where: Where | None = None
    give: Annotated[Several[Reward], Field(min_length=1), at_most(16)]
    limits: Limits = ()
    priority: Priority = 0
    starts_at: Time | None = None
    ends_at: Time | None = None

    @property
    def condition(self) -> Condition | None:
        """The condition that `where` was read as, whichever of its three forms was given."""
        return cast("Condition | None", self.where)

    @classmethod
    def _refuse(cls, problems: Sequence[Problem]) -> RuleError:
        return RuleError(problems)

    @model_validator(mode="after")
    def _interval(self) -> Self:
        require_interval(self.starts_at, self.ends_at)
        return self
