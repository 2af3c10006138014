"""SystemClock: the time of this machine."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """Tells the time of this machine, in UTC."""

    def now(self) -> datetime:
        """The time now."""
        return datetime.now(UTC)
