"""Refused: how a decision ends for an event that is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from referral_engine.outcomes import Reason


class Refused(Exception):
    """The event is rejected, for this reason."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.code)
