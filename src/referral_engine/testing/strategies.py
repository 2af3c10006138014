"""Hypothesis strategies: ids, amounts, times, events, histories, conditions, rules and programs, valid as drawn.

    @given(histories(program))
    def test_nobody_is_paid_twice(history):
        s = Scenario(program, start="2026-03-01T00:00:00Z")
        for event in history:
            s.record(event)
        assert s.engine.verify() == []

Every value is accepted where it is meant for: an `Event`, `Rule` or `Program` that is drawn could be built. What becomes
of an event is another matter: histories hold self-referrals, refunds of too much and unknown codes as well.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, get_args

from hypothesis import strategies as st

from referral_engine.codes import CodeSpec, check_symbol
from referral_engine.events import REFUND, SIGNUP, Event
from referral_engine.leaderboard import Board
from referral_engine.ledger import Recipient, Unit
from referral_engine.periods import Span
from referral_engine.program import Campaign, Program
from referral_engine.rewards import AllOf, AnyOf, Condition, Leaf, Limit, Reward, Rule
from referral_engine.rewards.limit import Per
from referral_engine.testing.histories import Step, play, steps
from referral_engine.validation import AMOUNT_MAX, TOTAL_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

MEMBERS = ("alice", "bob", "carol", "dave")
TYPES = ("purchase", "checkin")
START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
