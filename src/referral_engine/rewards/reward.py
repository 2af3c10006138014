"""Reward: what a rule gives, and Award: the same when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from referral_engine.errors import RuleError
from referral_engine.ids import Name
from referral_engine.ledger.grant import Recipient
from referral_engine.validation import Amount, Hold, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.errors import Problem


class Reward(Part):
    """A flat amount, in minor units, for one end of the referral or for the member of the event.

    With `hold` it is granted but cannot be spent until that long after the event.
    """

    to: Recipient = Field(kw_only=False)
    unit: Name = Field(kw_only=False)
    amount: Amount = Field(kw_only=False)
    hold: Hold | None = None

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
