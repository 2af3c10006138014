"""Attempts: why one try at a decision came to nothing, and how often and when it is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from referral_engine.errors import Conflict, ReferralEngineError, StoreError
from referral_engine.ports import ATTEMPTS_MAX

PAUSE_MIN_S = 0.001
PAUSE_MAX_S = 0.1
"""The first pause between attempts, which doubles, and the longest; each is cut at random, so that rivals part."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt is made, as those before it and the transaction that it is made in teach.

    `exact`: what everybody shares is locked. `also`: members to lock, because they turned out to be concerned. `host`:
    the transaction is the host's. `stale`: what it reads without a lock may be older than what it locks.
    """

    exact: bool = False
    also: frozenset[str] = frozenset()
    host: bool = False
    stale: bool = False


class StartAgain(Exception):
    """An attempt that must be rolled back and made again.

    `shared`: a guard on what everybody shares did not hold, so the next attempt locks it. `lost`: the transaction
    cannot go on, because the database ended it or it will never see what it met; only its owner can begin another.
    `broken`: it was the connection that ended. `also`: these members are concerned too.
    """

    def __init__(
        self,
        problem: str,
        *,
        shared: bool = False,
        lost: bool = False,
        broken: bool = False,
        also: frozenset[str] = frozenset(),
    ) -> None:
        self.problem = problem
        self.shared = shared
        self.lost = lost
        self.broken = broken
        self.also = also
        super().__init__(problem)

    def final(self, *, host: bool) -> ReferralEngineError:
        """What the caller is told when no further attempt is made; `host`: only the caller can make one."""
        if self.broken:
            return StoreError(f"the connection to the database was lost: {self.problem}")
        return Conflict(self.problem, host_must_retry=host)


class Attempts:
    """Counts the attempts at one decision, and remembers what must be locked."""

    def __init__(self, *, host: bool = False) -> None:
        self._host = host
        self._made = 0
        self._exact = False
        self._also: frozenset[str] = frozenset()

    def following(self, *, stale: bool = False) -> Attempt:
        """Tell how the next attempt is made; `stale` as in Attempt."""
        return Attempt(self._exact, self._also, self._host, stale)

    def failed(self, again: StartAgain) -> float:
        """Note a failed attempt and answer how many seconds to wait; raises when it was the last."""
        self._made += 1
        self._exact = self._exact or again.shared
        self._also |= again.also
        if self._made >= ATTEMPTS_MAX or (self._host and again.lost):
            raise again.final(host=self._host and again.lost) from again.__cause__
        longest = min(PAUSE_MIN_S * 2**self._made, PAUSE_MAX_S)
        return random.uniform(0, longest)  # noqa: S311 - parts rivals, keeps no secret
