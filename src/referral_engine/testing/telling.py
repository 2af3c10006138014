"""Telling what happened in a scenario: its story in order, and why one member was paid or was not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from referral_engine.engine import Released
from referral_engine.ledger import Transfer
from referral_engine.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from referral_engine.engine import Explanation, ReferralEngine


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it was given, and what came of it; `referrer` is the one it names."""

    type: str
    event_id: str
    member: str
    referrer: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A redemption that went through."""

    transfer: Transfer


@dataclass(frozen=True, slots=True)
class Moved:
    """The clock, moved to `now`, and what was due then."""

    now: datetime
    released: Released


Step = Recorded | Redeemed | Moved


def story_of(engine: ReferralEngine, steps: Sequence[Step]) -> str:
    """Tell every step in order; of an accepted event, why each rule paid or did not."""
    program = engine.program
    parts = [f"program {program.id}, revision {program.revision[:12]}"]
    parts += [_step(engine, step) for step in steps] or ["nothing happened"]
    return "\n".join(parts)


def _step(engine: ReferralEngine, step: Step) -> str:
    if isinstance(step, Recorded):
        return engine.explain(step.event_id).text() if step.outcome.status == "accepted" else _refused(step)
    if isinstance(step, Moved):
        holds, lots = step.released.holds, step.released.lots
        text = f"clock at {step.now.isoformat()}: {holds} hold{'' if holds == 1 else 's'} released"
        return f"{text}, {lots} lot{'' if lots == 1 else 's'} expired" if lots else text
    made = step.transfer
    return f"redemption {made.reference} of {made.member} at {made.at.isoformat()}: {made.amount} {made.unit}"


def _refused(step: Recorded) -> str:
    lines = [f"{step.type} {step.event_id} of {step.member}: {step.outcome.status}"]
    for reason in step.outcome.reasons:
        values = ", ".join(f"{name}={value}" for name, value in reason.values.items())
        head = reason.code if reason.rule is None else f"{reason.rule}: {reason.code}"
        lines.append(f"  {head} ({values})" if values else f"  {head}")
    return "\n".join(lines)


def why_of(engine: ReferralEngine, steps: Sequence[Step], member: str, rule: str | None) -> str:
    """Tell every decision, of one rule or of all, about the events that concern a member, in order, each once."""
    recorded = [step for step in steps if isinstance(step, Recorded)]
    parts = list(_decisions(engine, recorded, member, rule))
    if parts:
        return "\n".join(parts)
    return f"no event concerns {member}" if rule is None else f"rule {rule} decided nothing about {member}"


def _decisions(engine: ReferralEngine, recorded: Sequence[Recorded], member: str, rule: str | None) -> Iterator[str]:
    rules = {grant.id: grant.rule for step in recorded for grant in step.outcome.grants}
    told: set[str] = set()
    for step in recorded:
        if step.event_id in told and step.outcome.status != "rejected":
            continue
        if not _concerns(engine, step, member):
            continue
        if step.outcome.status == "rejected":
            if rule is None or any(reason.rule == rule for reason in step.outcome.reasons):
                yield _refused(step)
            continue
        told.add(step.event_id)
        explanation = engine.explain(step.event_id)
        shown = explanation if rule is None else _only(explanation, rule, rules)
        if shown is not None:
            yield shown.text()


def _concerns(engine: ReferralEngine, step: Recorded, member: str) -> bool:
    """Whether the event is hers, or that of somebody she referred, or names her, or gave to or took from her."""
    outcome = step.outcome
    paid = {grant.member for grant in outcome.grants} | {back.member for back in outcome.reversals}
    if member in paid or member in {step.member, step.referrer}:
        return True
    if outcome.event_id is None or outcome.status == "rejected":
        return False
    referral = engine.referral(step.member)
    return referral is not None and referral.referrer == member


def _only(explanation: Explanation, rule: str, rules: dict[str, str]) -> Explanation | None:
    """Leave one rule in an explanation, with what a refund took back of its grants; None when it has no part in it."""
    verdicts = tuple(verdict for verdict in explanation.verdicts if verdict.rule == rule)
    reversals = tuple(back for back in explanation.reversals if rules.get(back.grant) == rule)
    if not verdicts and not reversals:
        return None
    return replace(explanation, verdicts=verdicts, reversals=reversals)
