"""Origin: the earlier event that a refund or a confirmation names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.decisions.refused import Refused
from referral_engine.events import REFUND
from referral_engine.outcomes import Reason

if TYPE_CHECKING:
    from referral_engine.decisions.case import Case
    from referral_engine.facts import StoredEvent


def origin_of(case: Case) -> StoredEvent:
    """Find the event named in `of`. Raises Refused for one that is unknown, of another member, or itself a refund."""
    event = case.event
    origin = case.draft.event(event.of or "")
    if origin is None or origin.member != event.member or origin.type == REFUND:
        raise Refused(Reason.of("unknown_event", of=event.of, member=event.member))
    return origin
