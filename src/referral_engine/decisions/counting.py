"""Counting: the sum of the amounts of a member's events of one type, and how large it may become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.decisions.refused import Refused
from referral_engine.facts import TALLY_SUM_MAX
from referral_engine.outcomes import Reason

if TYPE_CHECKING:
    from referral_engine.decisions.case import Case


def refuse_overflow(case: Case, amount: int) -> None:
    """Refuse an event whose amount would take the sum past the largest that is kept. Raises Refused."""
    if case.draft.tally(case.event.member, case.event.type).sum + amount > TALLY_SUM_MAX:
        raise Refused(Reason.of("invalid_event", problem="the sum of the member's amounts would pass 2**63 - 1"))
