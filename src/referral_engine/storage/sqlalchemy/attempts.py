"""Attempts: why one try at a decision came to nothing, and how often and when it is tried again."""

from __future__ import annotations

import random

from referral_engine.errors import Conflict, ReferralEngineError, StoreError
from referral_engine.ports import ATTEMPTS_MAX

PAUSE_MIN_S = 0.001
PAUSE_MAX_S = 0.1
"""The first pause between attempts, which doubles, and the longest; each is cut at random, so that rivals part."""


class StartAgain(Exception):
    """An attempt that must be rolled back and made again.

    `shared`: a guard on what everybody shares did not hold, so the next attempt locks it. `lost`: the database ended
    the transaction, so that only its owner can begin another one. `broken`: it was the connection that ended.
    """

    def __init__(self, problem: str, *, shared: bool = False, lost: bool = False, broken: bool = False) -> None:
        self.problem = problem
        self.shared = shared
        self.lost = lost
        self.broken = broken
        super().__init__(problem)

    def final(self, *, host: bool) -> ReferralEngineError:
        """What the caller is told when no further attempt is made; `host`: the transaction is the caller's own."""
        if self.broken:
            return StoreError(f"the connection to the database was lost: {self.problem}")
        return Conflict(self.problem, host_must_retry=host)


class Attempts:
    """Counts the attempts at one decision, and remembers whether what is shared must be locked."""

    def __init__(self, *, host: bool = False) -> None:
        self._host = host
        self._made = 0
        self.exact: bool = False

    def failed(self, again: StartAgain) -> float:
        """Note a failed attempt and answer how many seconds to wait; raises when it was the last."""
        self._made += 1
        self.exact = self.exact or again.shared
        if self._made >= ATTEMPTS_MAX or (self._host and again.lost):
            raise again.final(host=self._host) from again.__cause__
        longest = min(PAUSE_MIN_S * 2**self._made, PAUSE_MAX_S)
        return random.uniform(0, longest)  # noqa: S311 - parts rivals, keeps no secret
