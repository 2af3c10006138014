"""Rewarding: every rule of an event's type is judged; then those that matched are settled in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from referral_engine.decisions.compiled import CompiledRule
from referral_engine.decisions.judging import Judgement
from referral_engine.decisions.scoring import score_grant
from referral_engine.decisions.settling import settle
from referral_engine.decisions.view import View
from referral_engine.facts import Tally
from referral_engine.members import Member
from referral_engine.outcomes import Reason, Verdict
from referral_engine.referrals import Referral
from referral_engine.rewards.compiling import MISSING, Failure

if TYPE_CHECKING:
    from referral_engine.decisions.arrival import Arrival
    from referral_engine.decisions.case import Case


@dataclass(frozen=True, slots=True)
class Judged:
    """The rules of one event with what each of them wants; None for a rule that is not active at the time."""

    view: View
    referral: Referral | None
    referrer: Member | None
    rules: tuple[tuple[CompiledRule, Judgement | None], ...]


def judge_all(case: Case, arrival: Arrival) -> Judged | None:
    """Judge without writing, so that a rule that fails leaves no trace. Raises Refused.

    The rules see the members as the event leaves them: credited, and with the event counted.
    """
    draft, event, at = case.draft, case.event, case.at
    rules = case.compiled.rules.get(event.type)
    if rules is None:
        return None
    referral = arrival.referral or draft.referral(event.member)
    if referral is not None and not referral.live:
        referral = None
    referrer = arrival.referrer
    if referrer is None and referral is not None:
        referrer = draft.member(referral.referrer)

    def tally(member: str, event_type: str) -> Tally:
        kept = draft.tally(member, event_type)
        if event_type != event.type or member != event.member:
            return kept
        return Tally(kept.count + 1, kept.sum + (event.amount or 0))

    view = View(event, at, arrival.member, None, None, tally)
    judged: list[tuple[CompiledRule, Judgement | None]] = []
    for rule in rules:
        if rule.active(at):
            _show(view, rule, referral, referrer)
            judged.append((rule, rule.judge(view)))
        else:
            judged.append((rule, None))
    return Judged(view, referral, referrer, tuple(judged))


def _show(view: View, rule: CompiledRule, referral: Referral | None, referrer: Member | None) -> None:
    """A campaign sees a referral that is nobody's or its own."""
    seen = referral is not None and (referral.campaign is None or referral.campaign == rule.campaign.id)
    view.referral = referral if seen else None
    view.referrer = referrer if seen else None


def reward(case: Case, judged: Judged) -> None:
    """Give what the rules want, as far as limits and budgets go, and note how each of them ended."""
    view = judged.view
    for rule, judgement in judged.rules:
        if judgement is None:
            case.verdicts.append(Verdict(rule.id, "inactive"))
        elif not judgement.awards:
            case.verdicts.append(_not_met(rule, judgement))
        else:
            _show(view, rule, judged.referral, judged.referrer)
            given = len(case.grants)
            reason = settle(case, rule, view, judgement.awards)
            case.verdicts.append(_verdict(rule, judgement, reason))
            if reason is not None:
                case.reasons.append(reason)
            for grant in case.grants[given:]:
                score_grant(case, grant, rule.campaign.id)


def _not_met(rule: CompiledRule, judgement: Judgement) -> Verdict:
    failure = judgement.failure
    if failure is None:
        return Verdict(rule.id, "not_met", because=judgement.because)
    return Verdict(rule.id, "not_met", failure.path, failure.field, _plain(failure))


def _plain(failure: Failure) -> str | int | bool | None:
    found = failure.found
    if found is MISSING or found is None:
        return None
    if isinstance(found, str | int):
        return found
    return found.isoformat() if isinstance(found, datetime) else str(found)


def _verdict(rule: CompiledRule, judgement: Judgement, reason: Reason | None) -> Verdict:
    if reason is None:
        return Verdict(rule.id, "matched", because=judgement.because)
    return Verdict(
        rule.id, "limited" if reason.code == "limited" else "skipped", code=reason.code, because=judgement.because
    )
