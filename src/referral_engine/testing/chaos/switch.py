"""Switch: what a test does with the weather of a store, and sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from referral_engine.testing.chaos.faults import Faults, Injected
    from referral_engine.testing.chaos.storm import Storm


class Switch:
    """Begins and ends the storm."""

    _storm: Storm

    @property
    def seed(self) -> int:
        """What the faults are drawn from."""
        return self._storm.weather.seed

    @property
    def faults(self) -> Faults:
        """How often which fault strikes while it storms."""
        return self._storm.weather.faults

    @property
    def log(self) -> tuple[Injected, ...]:
        """The faults that struck so far, in order."""
        return self._storm.weather.log

    def calm(self) -> None:
        """Inject nothing from now on, so that a test can look at what came of it; calls are not counted."""
        self._storm.weather.calm = True

    def storm(self, faults: Faults | None = None) -> None:
        """Begin again, with the same faults or with others, where the count of calls stood."""
        if faults is not None:
            self._storm.weather.faults = faults
        self._storm.weather.calm = False

    def __repr__(self) -> str:
        """Show the seed and what struck, for the message of a failing test."""
        return f"{type(self).__name__}({self._storm.weather.text()})"
