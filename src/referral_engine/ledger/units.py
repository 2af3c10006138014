"""Unit: what is counted, such as points or cents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from referral_engine.validation import Part

UnitKind = Literal["points", "credit", "cash"]


class Unit(Part):
    """A kind of value that the ledger counts in whole minor units; `scale` is the number of decimals shown."""

    scale: Annotated[int, Field(ge=0, le=8)] = 0
    kind: UnitKind = "points"
