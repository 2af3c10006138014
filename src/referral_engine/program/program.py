"""Program: the whole configuration, its cross-checks, its canonical form and its revision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from referral_engine.codes.spec import CodeSpec
from referral_engine.ids import Name
from referral_engine.ledger.units import Unit
from referral_engine.periods import zone_named
from referral_engine.program.campaign import UNITS_MAX, Campaign, choose_error
from referral_engine.referrals.attribution import Attribution
from referral_engine.rewards.data_rule import Rule
from referral_engine.validation import Freeze, Model, Several, Thaw, at_most, problems_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from referral_engine.errors import InvalidProgram, Problem

CAMPAIGNS_MAX = 1_000


def _zone(value: str) -> str:
    try:
        return zone_named(value).key
    except ValueError as exc:
        raise PydanticCustomError("timezone", "{problem}", {"problem": str(exc)}) from exc


class Program(Model):
    """What one referral programme is: units, campaigns with rules and boards, the zone its calendar goes by.

    Rule ids and board ids are unique within the program. `codes` is the form of its invite codes. With `ledger_chain`
    every transfer is sealed with the one before it, and `verify` checks the seals.
    """

    id: Name = Field(kw_only=False)
    units: Annotated[Mapping[Name, Unit], Field(min_length=1), at_most(UNITS_MAX), Freeze, Thaw] = Field(kw_only=False)
    campaigns: Annotated[Several[Campaign], at_most(CAMPAIGNS_MAX)] = Field(kw_only=False)
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    attribution: Attribution = Attribution()
    codes: CodeSpec = CodeSpec()
    ledger_chain: bool = False

    @classmethod
    def _refuse(cls, problems: Sequence[Problem]) -> InvalidProgram:
        return choose_error(problems)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if found := list(self._misfits()):
            details: list[InitErrorDetails] = [
                {"type": PydanticCustomError(kind, "{problem}", {"problem": text}), "loc": loc, "input": None}
                for kind, loc, text in found
            ]
            cause = ValidationError.from_exception_data("Program", details)
            raise choose_error(problems_of(cause)) from cause
        return self

    def _misfits(self) -> Iterator[tuple[str, tuple[int | str, ...], str]]:
        """Find what is wrong between the parts: kind, location, problem."""
        ids: dict[tuple[str, str], bool] = {}
        for place, campaign in enumerate(self.campaigns):
            at = ("campaigns", place)
            named = [
                ("campaign", campaign.id, (*at, "id")),
                *(("rule", rule.id, (*at, "rules", n, "id")) for n, rule in enumerate(campaign.rules)),
                *(("board", board.id, (*at, "boards", n, "id")) for n, board in enumerate(campaign.boards)),
            ]
            for kind, name, loc in named:
                if ids.setdefault((kind, name), False):
                    yield "duplicate_id", loc, f"there is another {kind} {name!r}; ids are unique within a program"
                ids[kind, name] = True
            for loc, unit in _units_of(campaign):
                if unit not in self.units:
                    yield "unknown_unit", (*at, *loc), f"the program has no unit {unit!r}; add it to units"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone that days, months and the like are counted in."""
        return ZoneInfo(self.timezone)

    @cached_property
    def revision(self) -> str:
        """SHA-256, in hexadecimal, of the canonical form: defaults left out, keys sorted, times in UTC."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def canonical(self) -> str:
        """The program as canonical JSON text."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign of that id, or None."""
        return next((campaign for campaign in self.campaigns if campaign.id == campaign_id), None)


def _units_of(campaign: Campaign) -> Iterator[tuple[tuple[int | str, ...], str]]:
    for unit in campaign.budget or ():
        yield ("budget", unit), unit
    for place, rule in enumerate(campaign.rules):
        at = ("rules", place)
        rewards: Any = rule.give if isinstance(rule, Rule) else ()
        for n, reward in enumerate(rewards):
            yield (*at, "give", n, "unit"), reward.unit
        for n, limit in enumerate(rule.limits):
            if limit.unit is not None:
                yield (*at, "limits", n, "unit"), limit.unit
    for n, board in enumerate(campaign.boards):
        head, _, tail = board.metric.partition(".")
        if head == "granted":
            yield ("boards", n, "metric"), tail
