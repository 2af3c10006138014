"""Standings: what a store tells about a board, and the ranks that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.leaderboard.board import BoardEntry

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's score and the place in the order in which the scores were reached."""

    member: str
    score: int
    reached: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member stands: `above` members have a higher score, `before` are listed earlier (ties: who was first)."""

    standing: Standing
    above: int
    before: int


def ranked(page: Sequence[Standing], *, first: int, above: int) -> list[BoardEntry]:
    """Give competition ranks to a page in order.

    `first` is how many entries are listed before the page and `above` how many of all have a higher score than the
    page's first entry. Equal scores share a rank; the next rank counts all who are above.
    """
    entries: list[BoardEntry] = []
    rank, score = above + 1, None
    for offset, standing in enumerate(page):
        if score is not None and standing.score != score:
            rank = first + offset + 1
        score = standing.score
        entries.append(BoardEntry(member=standing.member, score=standing.score, rank=rank))
    return entries


def window(before: int, count: int, size: int) -> int:
    """How many entries to skip so that a page of `size` has `size // 2` before the member, shifted at the ends."""
    return max(0, min(before - size // 2, count - size))
