"""Pure decisions: facts and what is asked in, an answer and changes out; no I/O, no clock, no randomness."""

from referral_engine.decisions.adjusting import Adjustment, decide_adjustment, want_adjustment
from referral_engine.decisions.compiled import Compiled
from referral_engine.decisions.expiring import decide_expiry, want_expiry
from referral_engine.decisions.membership import (
    CodeLot,
    decide_code_lot,
    decide_disable,
    decide_invite,
    decide_join,
    fresh_code,
    want_code,
    want_code_lot,
    want_invite,
    want_member,
)
from referral_engine.decisions.paying_out import (
    FinalState,
    PayoutDecision,
    decide_payout,
    decide_payout_request,
    payout_transfer,
    want_payout_decision,
    want_payout_request,
)
from referral_engine.decisions.publishing import decide_publication, want_publication
from referral_engine.decisions.recording import decide_events, rejected
from referral_engine.decisions.redeeming import Redemption, decide_redemption, want_redemption
from referral_engine.decisions.releasing import decide_release, want_release
from referral_engine.decisions.transferring import MemberTransfer, decide_transfer, want_transfer
from referral_engine.decisions.wanting import want_events

__all__ = [
    "Adjustment",
    "CodeLot",
    "Compiled",
    "FinalState",
    "MemberTransfer",
    "PayoutDecision",
    "Redemption",
    "decide_adjustment",
    "decide_code_lot",
    "decide_disable",
    "decide_events",
    "decide_expiry",
    "decide_invite",
    "decide_join",
    "decide_payout",
    "decide_payout_request",
    "decide_publication",
    "decide_redemption",
    "decide_release",
    "decide_transfer",
    "fresh_code",
    "payout_transfer",
    "rejected",
    "want_adjustment",
    "want_code",
    "want_code_lot",
    "want_events",
    "want_expiry",
    "want_invite",
    "want_member",
    "want_payout_decision",
    "want_payout_request",
    "want_publication",
    "want_redemption",
    "want_release",
    "want_transfer",
]
