"""Case: one event being decided, and what it has led to so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from referral_engine.decisions.compiled import Compiled
from referral_engine.decisions.draft import Draft
from referral_engine.decisions.refused import Refused
from referral_engine.events import Event
from referral_engine.facts import NO_FOOTPRINT, TALLY_SUM_MAX, Footprint, LimitKey, ScoreKey
from referral_engine.ledger import Grant, Reversal
from referral_engine.outcomes import Reason, Verdict


@dataclass(slots=True)
class Case:
    """An event with its resolved time, the program and the working copy it is decided on, and the time of deciding.

    The lists collect, in order, what the outcome tells and what the footprint keeps.
    """

    compiled: Compiled
    draft: Draft
    event: Event
    at: datetime
    now: datetime
    grants: list[Grant] = field(default_factory=list)
    reversals: list[Reversal] = field(default_factory=list)
    confirmed: list[Grant] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    limits: list[tuple[LimitKey, int]] = field(default_factory=list)
    scores: list[tuple[ScoreKey, int]] = field(default_factory=list)
    code: str | None = None

    def charge(self, key: LimitKey, by: int) -> None:
        """Charge a limit, or give back."""
        self.draft.adjust_limit(key, by)
        self.limits.append((key, by))

    def score(self, key: ScoreKey, by: int) -> None:
        """Add to a score."""
        self.draft.adjust_score(key, by)
        self.scores.append((key, by))

    def refuse_overflow(self, amount: int) -> None:
        """Refuse an event whose amount would take the sum of its type past the largest that is kept. Raises Refused."""
        if self.draft.tally(self.event.member, self.event.type).sum + amount > TALLY_SUM_MAX:
            raise Refused(Reason.of("invalid_event", problem="the sum of the member's amounts would pass 2**63 - 1"))

    def footprint(self) -> Footprint:
        """What to keep with the event."""
        if not self.limits and not self.scores and self.code is None:
            return NO_FOOTPRINT
        return Footprint(tuple(self.limits), tuple(self.scores), self.code)
