"""Reward: what a rule gives, and Award: the same when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from referral_engine.errors import RuleError
from referral_engine.events import REFUND, SIGNUP
from referral_engine.ids import NAME_FORM, Name, name_problem
from referral_engine.ledger.grant import Recipient
from referral_engine.validation import Amount, Hold, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.errors import Problem


def confirmation_problem(value: object) -> str | None:
    """Say what is wrong with the type of a confirming event, or None."""
    if value in {SIGNUP, REFUND}:
        return "a sign-up or a refund confirms nothing; name an event type of your own, such as delivery"
    return name_problem(value)


def _checked_confirmation(value: object) -> object:
    if problem := confirmation_problem(value):
        raise PydanticCustomError("confirmed_by", "{problem}", {"problem": problem})
    return value


Confirmation = Annotated[str, BeforeValidator(_checked_confirmation), Field(description=NAME_FORM)]


class Reward(Part):
    """A flat amount, in minor units, for one end of the referral or for the member of the event.

    With `hold` it is granted but cannot be spent until that long after the event; with `confirmed_by`, until an event
    of that type names the event in its `of`; with both, until the first of the two.
    """

    to: Recipient = Field(kw_only=False)
    unit: Name = Field(kw_only=False)
    amount: Amount = Field(kw_only=False)
    hold: Hold | None = None
    confirmed_by: Confirmation | None = None

    @classmethod
    def _refuse(cls, problems: Sequence[Problem]) -> RuleError:
        return RuleError(problems)


@dataclass(frozen=True, slots=True)
class Award:
    """One amount that a rule wants to give for an event."""

    to: Recipient
    unit: str
    amount: int
    hold: timedelta | None
    confirmed_by: str | None = None
