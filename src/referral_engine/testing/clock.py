"""FakeClock: a clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta

from referral_engine.engine.arguments import require_time
from referral_engine.errors import InvalidInput


class FakeClock:
    """Tells the time it was given, in UTC, until it is moved. `start` is an aware datetime or RFC 3339 text.

    It is a `Clock` for any engine. Raises InvalidInput for a naive or impossible time, here and below.
    """

    __slots__ = ("_now",)

    def __init__(self, start: datetime | str) -> None:
        self._now = require_time("start", start)

    def now(self) -> datetime:
        """The time it stands at, in UTC."""
        return self._now

    def advance(self, delta: timedelta) -> datetime:
        """Go forward by `delta`, zero or more, and answer the new time."""
        if not isinstance(delta, timedelta):
            raise InvalidInput("delta", "must be a timedelta, such as timedelta(days=14)")
        if delta < timedelta(0):
            raise InvalidInput("delta", "must not be negative; use set() for a clock that goes back")
        try:
            moment = self._now + delta
        except OverflowError as exc:
            raise InvalidInput("delta", "leads out of the years 1970 to 2999") from exc
        self._now = require_time("delta", moment)
        return self._now

    def set(self, moment: datetime | str) -> datetime:
        """Go to `moment`, also back, as the clock of a machine may jump, and answer it."""
        self._now = require_time("moment", moment)
        return self._now

    def __repr__(self) -> str:
        """Show the time it stands at."""
        return f"FakeClock({self._now.isoformat()!r})"
