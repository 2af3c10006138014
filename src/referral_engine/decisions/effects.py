"""Effects: what one event has led to so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from referral_engine.facts import NO_FOOTPRINT, Footprint, LimitKey, ScoreKey
from referral_engine.ledger.grant import Grant, Reversal
from referral_engine.outcomes import Reason, Verdict


@dataclass(slots=True)
class Effects:
    """Collects, in order, what the outcome tells and what the footprint keeps."""

    grants: list[Grant] = field(default_factory=list)
    reversals: list[Reversal] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    limits: list[tuple[LimitKey, int]] = field(default_factory=list)
    scores: list[tuple[ScoreKey, int]] = field(default_factory=list)
    code: str | None = None

    def footprint(self) -> Footprint:
        """What to keep with the event."""
        if not self.limits and not self.scores and self.code is None:
            return NO_FOOTPRINT
        return Footprint(tuple(self.limits), tuple(self.scores), self.code)
