"""Board: what a leaderboard counts, over which period, and how it ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from referral_engine.ids import Name, name_problem
from referral_engine.validation import Part

REFERRALS = frozenset({"referrals.qualified", "referrals.total"})


def _metric(value: str) -> str:
    head, _, tail = value.partition(".")
    if value in REFERRALS or (head in {"granted", "count"} and name_problem(tail) is None):
        return value
    raise PydanticCustomError(
        "metric", "a board counts referrals.qualified, referrals.total, granted.<unit> or count.<event type>"
    )


Metric = Annotated[str, AfterValidator(_metric)]


class Board(Part):
    """A leaderboard of a campaign, by calendar month in the program's zone or over the campaign's lifetime.

    Ranks are competition ranks (1, 1, 3); members with equal scores are listed by who reached the score first.
    """

    id: Name = Field(kw_only=False)
    metric: Metric = Field(kw_only=False)
    period: Literal["month", "lifetime"] = Field(kw_only=False)
    ranking: Literal["competition"] = "competition"
    ties: Literal["earliest"] = "earliest"


@dataclass(frozen=True, slots=True)
class BoardEntry:
    """One line of a board."""

    member: str
    score: int
    rank: int
