"""Scenario: a program lived through in a unit test, event by event, under a clock that the test moves."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from referral_engine.engine import ReferralEngine, Released
from referral_engine.engine.recording import read_event
from referral_engine.errors import InvalidInput
from referral_engine.events import REFUND, SIGNUP, Event
from referral_engine.ids import derived_id, id_problem, require_id
from referral_engine.outcomes import Outcome
from referral_engine.storage import MemoryStore
from referral_engine.testing.clock import FakeClock
from referral_engine.testing.telling import Advanced, Recorded, Redeemed, Step, story_of, why_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from referral_engine.codes import InviteCode
    from referral_engine.engine import BoardView, EventInput
    from referral_engine.ledger import Balance, Budget, Transfer
    from referral_engine.ports import BlockingStore
    from referral_engine.program import Program

_PAGE = 1_000
