"""Unit: what is counted, such as points or cents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from referral_engine.ledger.expiry import Expiry
from referral_engine.validation import Amount, Part

UnitKind = Literal["points", "credit", "cash"]


class Unit(Part):
    """A kind of value that the ledger counts in whole minor units; `scale` is the number of decimals shown.

    `expires` says when what was posted expires, None never. Members may pass it on to each other if it is
    `transferable`. Cash leaves by payouts of at least `payout_min`, in minor units.
    """

    scale: Annotated[int, Field(ge=0, le=8)] = 0
    kind: UnitKind = "points"
    expires: Expiry | None = None
    transferable: bool = False
    payout_min: Amount = 1
