"""Weather: counts the calls, knows whether it storms, and keeps the log of what struck."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from referral_engine.errors import InvalidInput
from referral_engine.testing.chaos.faults import Faults, Injected, Plan, plan_of

if TYPE_CHECKING:
    from referral_engine.testing.chaos.faults import Fault

LOG_SHOWN = 40
"""How many of the last faults a text shows."""


class Weather:
    """What a ChaosStore and the stores bound from it share. Safe for threads.

    Raises InvalidInput for a seed or faults of another type.
    """

    def __init__(self, seed: int, faults: Faults) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise InvalidInput("seed", "must be an int, always the same, so that what failed once fails again")
        if not isinstance(faults, Faults):
            raise InvalidInput("faults", "must be Faults(...), such as Faults(cut_after_commit=0.2), or STORM")
        self.seed: int = seed
        self.faults: Faults = faults
        self.calm: bool = False
        self._lock = Lock()
        self._calls: Counter[str] = Counter()
        self._log: dict[Injected, None] = {}

    def plan(self, method: str) -> Plan:
        """Plan the next call of a method; in calm weather it meets nothing and is not counted."""
        with self._lock:
            if self.calm:
                return Plan(method, 0)
            self._calls[method] += 1
            return plan_of(self.faults, self.seed, method, self._calls[method])

    def strike(self, plan: Plan, fault: Fault) -> str:
        """Note that a fault strikes a call, once for each call, and answer the text for an error."""
        struck = Injected(plan.method, plan.call, fault)
        with self._lock:
            self._log[struck] = None
        return f"injected by the seed {self.seed} at {struck}"

    @property
    def log(self) -> tuple[Injected, ...]:
        """What struck so far, in order."""
        with self._lock:
            return tuple(self._log)

    def text(self) -> str:
        """The seed, and the last faults that struck."""
        log = self.log
        shown = ", ".join(map(str, log[-LOG_SHOWN:]))
        return f"seed={self.seed}, {len(log)} faults injected{', the last: ' * bool(log)}{shown}"
