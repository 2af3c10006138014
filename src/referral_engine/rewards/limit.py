"""Limit: how often, or how much, one rule may give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from referral_engine.errors import RuleError
from referral_engine.ids import Name
from referral_engine.periods import Span
from referral_engine.validation import TOTAL_MAX, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.errors import Problem

Per = Literal["referrer", "referee", "pair"]
_Cap = Annotated[int, Field(ge=0, le=TOTAL_MAX)]


class Limit(Part):
    """A cap on one rule, within a calendar period of the program's zone that the event's `at` falls in.

    Either `times` counts firings of the rule, both sides as one, or `amount` counts all that the rule gives in `unit`,
    in minor units, both sides as one. `per` names who has a cap of its own: each referrer, each referee (the member
    of the event), or each pair. Over the limit the rule gives nothing (`skip`) or what is left (`clamp`, for amounts).
    """

    times: _Cap | None = None
    amount: _Cap | None = None
    unit: Name | None = None
    per: Per
    within: Span = "lifetime"
    over: Literal["skip", "clamp"] = "skip"

    @classmethod
    def _refuse(cls, problems: Sequence[Problem]) -> RuleError:
        return RuleError(problems)

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.times is None) == (self.amount is None):
            raise PydanticCustomError("limit", "give times=, or amount= with unit=")
        if (self.amount is None) != (self.unit is None):
            raise PydanticCustomError("limit", "amount and unit go together")
        if self.times is not None and self.over == "clamp":
            raise PydanticCustomError("limit", 'over="clamp" needs an amount; a firing cannot be cut')
        return self
