"""Pure decisions: facts and what is asked in, an answer and changes out; no I/O, no clock, no randomness."""

from referral_engine.decisions.compiled import Compiled
from referral_engine.decisions.membership import (
    Lot,
    decide_disable,
    decide_invite,
    decide_join,
    decide_lot,
    fresh_code,
    want_code,
    want_invite,
    want_lot,
    want_member,
)
from referral_engine.decisions.recording import decide_events, rejected
from referral_engine.decisions.redeeming import Redemption, decide_redemption, want_redemption
from referral_engine.decisions.releasing import decide_release, want_release
from referral_engine.decisions.wanting import want_events

__all__ = [
    "Compiled",
    "Lot",
    "Redemption",
    "decide_disable",
    "decide_events",
    "decide_invite",
    "decide_join",
    "decide_lot",
    "decide_redemption",
    "decide_release",
    "fresh_code",
    "rejected",
    "want_code",
    "want_events",
    "want_invite",
    "want_lot",
    "want_member",
    "want_redemption",
    "want_release",
]
