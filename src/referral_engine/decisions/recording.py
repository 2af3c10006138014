"""Recording: events, in order, over a working copy of the facts, into outcomes and changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from referral_engine.decisions.arrival import Arrival, arrive, referral_payload
from referral_engine.decisions.case import Case
from referral_engine.decisions.confirming import awaiting, confirm
from referral_engine.decisions.draft import Draft
from referral_engine.decisions.refunding import refund
from referral_engine.decisions.refused import Refused
from referral_engine.decisions.rewarding import judge_all, reward
from referral_engine.decisions.scoring import score_count, score_referral
from referral_engine.events import REFUND, SIGNUP, Event
from referral_engine.facts import Facts, StoredEvent
from referral_engine.members import newcomer
from referral_engine.outcomes import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from referral_engine.changes import Decision
    from referral_engine.decisions.compiled import Compiled


def decide_events(compiled: Compiled, facts: Facts, events: Sequence[Event], now: datetime) -> Decision[list[Outcome]]:
    """Judge the events in order; a rejected one leaves no trace and the others go on. Pure.

    Answers one outcome per event, and the changes that all of them together come to.
    """
    draft = Draft(facts, chained=compiled.chained)
    return draft.decision([_record(compiled, draft, event, now) for event in events])


def rejected(compiled: Compiled, event_id: str | None, reason: Reason) -> Outcome:
    """An outcome that says why nothing was written."""
    return Outcome(event_id, "rejected", None, (), (), (reason,), compiled.revision)


def _record(compiled: Compiled, draft: Draft, event: Event, now: datetime) -> Outcome:
    digest = event.digest()
    if (known := draft.event(event.id)) is not None:
        if known.digest == digest:
            return replace(known.outcome, status="duplicate")
        return rejected(compiled, event.id, Reason.of("idempotency_conflict", key=event.id))
    case = Case(compiled, draft, event, now if event.at is None else event.at, now)
    try:
        outcome, amount, counted = _decide(case)
    except Refused as exc:
        return rejected(compiled, event.id, exc.reason)
    draft.add_event(
        StoredEvent(
            id=event.id,
            type=event.type,
            member=event.member,
            at=case.at,
            recorded_at=now,
            amount=amount,
            of=event.of,
            attributes=event.attributes,
            digest=digest,
            outcome=outcome,
            verdicts=tuple(case.verdicts),
            footprint=case.footprint(),
            counted=counted,
        )
    )
    return outcome


def _decide(case: Case) -> tuple[Outcome, int | None, bool]:
    """Answer the outcome, the amount to keep, and whether the event counts."""
    event = case.event
    if event.type == REFUND:
        return _refund(case)
    member = case.draft.member(event.member)
    if event.type == SIGNUP:
        if member is not None:
            case.reasons.append(Reason.of("already_member", member=event.member))
            return _outcome(case, None), event.amount, False
        arrival = arrive(case)
    else:
        arrival = Arrival(newcomer(event.member, case.at) if member is None else member)
    if event.amount is not None:
        case.refuse_overflow(event.amount)
    awaited = awaiting(case)
    judged = judge_all(case, arrival)
    if member is None:
        _join(case, arrival)
    case.draft.count(event.member, event.type, event.amount or 0)
    score_count(case)
    confirm(case, awaited)
    if judged is not None:
        reward(case, judged)
    return _outcome(case, arrival), event.amount, True


def _refund(case: Case) -> tuple[Outcome, int | None, bool]:
    amount = refund(case)
    case.draft.count(case.event.member, REFUND, amount or 0)
    score_count(case)
    return _outcome(case, None), amount, True


def _join(case: Case, arrival: Arrival) -> None:
    draft, referral = case.draft, arrival.referral
    draft.put_member(arrival.member)
    if arrival.reason is not None:
        case.reasons.append(arrival.reason)
    if arrival.code is not None:
        draft.use_code(arrival.code)
        case.code = arrival.code
    if referral is None or arrival.referrer is None:
        return
    draft.put_member(arrival.referrer)
    draft.add_referral(referral)
    draft.message("referral.qualified", case.at, referral_payload(referral))
    score_referral(case, referral)


def _outcome(case: Case, arrival: Arrival | None) -> Outcome:
    return Outcome(
        case.event.id,
        "accepted",
        None if arrival is None else arrival.referral,
        tuple(case.grants),
        tuple(case.reversals),
        tuple(case.reasons),
        case.compiled.revision,
        tuple(case.confirmed),
    )
