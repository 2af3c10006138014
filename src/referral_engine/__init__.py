"""Referral mechanics that other applications embed: codes, attribution, reward rules, a ledger, boards."""

from referral_engine.codes import Alphabet, CodeSpec, InviteCode
from referral_engine.engine import (
    BATCH_MAX,
    AsyncBoardView,
    AsyncReferralEngine,
    BoardView,
    Explanation,
    ReferralEngine,
    Released,
    SystemClock,
)
from referral_engine.errors import (
    CodeSpaceExhausted,
    CodeTaken,
    Conflict,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidEvent,
    InvalidInput,
    InvalidProgram,
    OutcomeUnknown,
    Problem,
    ReferralEngineError,
    RuleError,
    StoreError,
    UndeclaredFact,
    UnknownCode,
    UnknownMember,
)
from referral_engine.events import Event
from referral_engine.leaderboard import Board, BoardEntry
from referral_engine.ledger import Balance, Budget, Entry, Grant, Reversal, Transfer, Unit
from referral_engine.members import Member
from referral_engine.outcomes import Drift, Message, Outcome, Reason, Verdict
from referral_engine.ports import Clock
from referral_engine.program import Campaign, Program
from referral_engine.referrals import Attribution, Referral
from referral_engine.rewards import Condition, Limit, PythonRule, Reward, Rule, RuleContext, field, rule

__all__ = [
    "BATCH_MAX",
    "Alphabet",
    "AsyncBoardView",
    "AsyncReferralEngine",
    "Attribution",
    "Balance",
    "Board",
    "BoardEntry",
    "BoardView",
    "Budget",
    "Campaign",
    "Clock",
    "CodeSpaceExhausted",
    "CodeSpec",
    "CodeTaken",
    "Condition",
    "Conflict",
    "Drift",
    "Entry",
    "Event",
    "Explanation",
    "Grant",
    "IdempotencyConflict",
    "InsufficientBalance",
    "InvalidEvent",
    "InvalidInput",
    "InvalidProgram",
    "InviteCode",
    "Limit",
    "Member",
    "Message",
    "Outcome",
    "OutcomeUnknown",
    "Problem",
    "Program",
    "PythonRule",
    "Reason",
    "Referral",
    "ReferralEngine",
    "ReferralEngineError",
    "Released",
    "Reversal",
    "Reward",
    "Rule",
    "RuleContext",
    "RuleError",
    "StoreError",
    "SystemClock",
    "Transfer",
    "UndeclaredFact",
    "Unit",
    "UnknownCode",
    "UnknownMember",
    "Verdict",
    "field",
    "rule",
]
