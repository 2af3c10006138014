"""The loop, once, and its two thin faces: ReferralEngine and AsyncReferralEngine."""

from referral_engine.engine.asynchronous import AsyncReferralEngine
from referral_engine.engine.blocking import ReferralEngine
from referral_engine.engine.boards import AsyncBoardView, BoardView
from referral_engine.engine.clock import SystemClock
from referral_engine.engine.closing import Released
from referral_engine.engine.explanation import Explanation
from referral_engine.engine.recording import BATCH_MAX, EventInput

__all__ = [
    "BATCH_MAX",
    "AsyncBoardView",
    "AsyncReferralEngine",
    "BoardView",
    "EventInput",
    "Explanation",
    "ReferralEngine",
    "Released",
    "SystemClock",
]
