"""Recording: events, in order, over a working copy of the facts, into outcomes and changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from referral_engine.changes import Decision
from referral_engine.decisions.arrival import Arrival, arrive
from referral_engine.decisions.compiled import Compiled
from referral_engine.decisions.draft import Draft
from referral_engine.decisions.effects import Effects
from referral_engine.decisions.judging import RuleFailed
from referral_engine.decisions.refunding import Refused, refund
from referral_engine.decisions.rewarding import judge_all, reward
from referral_engine.decisions.scoring import score_count, score_referral
from referral_engine.events import REFUND, SIGNUP, Event
from referral_engine.facts import NO_FOOTPRINT, Facts, StoredEvent
from referral_engine.members.member import newcomer
from referral_engine.outcomes import Outcome, Reason
from referral_engine.validation import AMOUNT_MAX, TOTAL_MAX, FrozenDict


@dataclass(frozen=True, slots=True)
class _Run:
    compiled: Compiled
    facts: Facts
    draft: Draft
    now: datetime


def decide_events(compiled: Compiled, facts: Facts, events: Sequence[Event], now: datetime) -> Decision[list[Outcome]]:
    """Judge the events in order; a rejected one leaves no trace and the others go on. Pure.

    Answers one outcome per event, and the changes that all of them together come to.
    """
    run = _Run(compiled, facts, Draft(facts), now)
    outcomes = [_record(run, event) for event in events]
    return Decision(outcomes, run.draft.changes(), run.draft.ordinals)


def rejected(compiled: Compiled, event_id: str | None, reason: Reason) -> Outcome:
    """An outcome that says why nothing was written."""
    return Outcome(event_id, "rejected", None, (), (), (reason,), compiled.revision)


def _record(run: _Run, event: Event) -> Outcome:
    digest = event.digest()
    if (known := run.draft.event(event.id)) is not None:
        if known.digest == digest:
            return replace(known.outcome, status="duplicate")
        return rejected(run.compiled, event.id, Reason("idempotency_conflict", None, FrozenDict(key=event.id)))
    at = run.now if event.at is None else event.at
    try:
        if event.type == REFUND:
            return _refund(run, event, at, digest)
        return _happen(run, event, at, digest)
    except Refused as exc:
        return rejected(run.compiled, event.id, exc.reason)
    except RuleFailed as exc:
        values = FrozenDict(error=exc.error, message=exc.message)
        return rejected(run.compiled, event.id, Reason("rule_error", exc.rule, values))


def _refund(run: _Run, event: Event, at: datetime, digest: bytes) -> Outcome:
    effects = Effects()
    _refuse_overflow(run.draft.tally(event.member, REFUND).sum, event.amount or AMOUNT_MAX)
    amount = refund(run.draft, run.compiled, event, at, effects)
    run.draft.count(event.member, REFUND, amount or 0)
    score_count(run.draft, run.compiled, REFUND, event.member, at, effects)
    return _keep(run, event, at, digest, effects, None, amount)


def _happen(run: _Run, event: Event, at: datetime, digest: bytes) -> Outcome:
    draft, compiled = run.draft, run.compiled
    member = draft.member(event.member)
    if event.type != SIGNUP:
        arrival = Arrival(newcomer(event.member, at) if member is None else member)
    elif member is None:
        arrival = arrive(draft, run.facts, compiled.program.codes, event, at)
    else:
        effects = Effects(reasons=[Reason("already_member", None, FrozenDict(member=event.member))])
        return _keep(run, event, at, digest, effects, None, event.amount, counted=False)
    _refuse_overflow(draft.tally(event.member, event.type).sum, event.amount)
    judged = judge_all(draft, compiled, event, at, arrival)
    effects = Effects(reasons=[] if arrival.reason is None else [arrival.reason], code=arrival.code)
    if member is None:
        _join(run, arrival, at, effects)
    draft.count(event.member, event.type, event.amount or 0)
    score_count(draft, compiled, event.type, event.member, at, effects)
    if judged is not None:
        reward(draft, compiled, judged, effects)
    return _keep(run, event, at, digest, effects, arrival, event.amount)


def _refuse_overflow(total: int, amount: int | None) -> None:
    if total + (amount or 0) > TOTAL_MAX:
        values = FrozenDict(problem="the sum of this member's amounts would pass 2**63 - 1")
        raise Refused(Reason("invalid_event", None, values))


def _join(run: _Run, arrival: Arrival, at: datetime, effects: Effects) -> None:
    draft, referral = run.draft, arrival.referral
    draft.put_member(arrival.member)
    if arrival.code is not None:
        draft.use_code(arrival.code)
    if referral is None or arrival.referrer is None:
        return
    draft.put_member(arrival.referrer)
    draft.add_referral(referral)
    draft.message(
        "referral.qualified",
        at,
        FrozenDict(referee=referral.referee, referrer=referral.referrer, campaign=referral.campaign),
    )
    score_referral(draft, run.compiled, referral, at, effects)


def _keep(
    run: _Run,
    event: Event,
    at: datetime,
    digest: bytes,
    effects: Effects,
    arrival: Arrival | None,
    amount: int | None,
    *,
    counted: bool = True,
) -> Outcome:
    """Write the event with its receipt and trace, and answer its outcome."""
    outcome = Outcome(
        event.id,
        "accepted",
        None if arrival is None else arrival.referral,
        tuple(effects.grants),
        tuple(effects.reversals),
        tuple(effects.reasons),
        run.compiled.revision,
    )
    stored = StoredEvent(
        id=event.id,
        type=event.type,
        member=event.member,
        at=at,
        recorded_at=run.now,
        amount=amount,
        of=event.of,
        attributes=event.attributes,
        digest=digest,
        outcome=outcome,
        verdicts=tuple(effects.verdicts),
        footprint=effects.footprint() if counted else NO_FOOTPRINT,
        counted=counted,
    )
    run.draft.add_event(stored)
    return outcome
