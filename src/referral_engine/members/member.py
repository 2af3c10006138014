"""Member: a participant, and where it stands in the forest of referrals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A participant of one program.

    `root` is the first ancestor (the member itself when nobody referred it) and `depth` the number of steps to it.
    `referrals_total` and `referrals_qualified` count the members that this one referred, and those of them that
    qualified and were not reversed.
    """

    id: str
    joined_at: datetime
    referrer: str | None
    root: str
    depth: int
    roles: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    referrals_total: int = 0
    referrals_qualified: int = 0


def newcomer(member_id: str, joined_at: datetime) -> Member:
    """A member whom nobody referred."""
    return Member(id=member_id, joined_at=joined_at, referrer=None, root=member_id, depth=0)
