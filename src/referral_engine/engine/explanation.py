"""Explanation: why each rule paid or did not pay for one event, from the trace that was kept with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from referral_engine.ledger.grant import Grant, Reversal
from referral_engine.outcomes import Reason, Verdict
from referral_engine.referrals.referral import Referral

if TYPE_CHECKING:
    from referral_engine.facts import StoredEvent


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a recorded event was decided: a verdict for every rule of its type, under the revision named."""

    event_id: str
    type: str
    member: str
    at: datetime
    revision: str
    referral: Referral | None
    verdicts: tuple[Verdict, ...]
    grants: tuple[Grant, ...]
    reversals: tuple[Reversal, ...]
    reasons: tuple[Reason, ...]
    confirmed: tuple[Grant, ...] = ()

    def text(self) -> str:
        """The explanation for people: a line for the event, one for what it refused, one for each rule."""
        lines = [f"{self.type} {self.event_id} of {self.member} at {self.at.isoformat()}"]
        if self.referral is not None:
            lines.append(f"  referred by {self.referral.referrer}")
        lines += [f"  {reason.code}{_values(reason)}" for reason in self.reasons if reason.rule is None]
        lines += [line for verdict in self.verdicts for line in self._lines(verdict)]
        lines += [f"  confirmed {grant.amount} {grant.unit} of {grant.member}" for grant in self.confirmed]
        lines += [f"  took back {back.amount} {back.unit} of {back.member}{_debt(back)}" for back in self.reversals]
        if not self.verdicts:
            lines.append(f"  no rule is triggered by {self.type}")
        return "\n".join(lines)

    def _lines(self, verdict: Verdict) -> list[str]:
        head = f"  {verdict.rule}: {verdict.status}"
        if verdict.field is not None:
            found = "missing" if verdict.found is None else repr(verdict.found)
            head += f", {verdict.field} was {found} ({verdict.path})"
        reason = next((one for one in self.reasons if one.rule == verdict.rule and one.code == verdict.code), None)
        if reason is not None:
            head += f", {reason.code}{_values(reason)}"
        lines = [head, *(f"    because: {words}" for words in verdict.because)]
        return lines + [f"    {_paid(grant)}" for grant in self.grants if grant.rule == verdict.rule]


def _values(reason: Reason) -> str:
    shown = ", ".join(f"{name}={value}" for name, value in reason.values.items())
    return f" ({shown})" if shown else ""


def _debt(back: Reversal) -> str:
    parts = [
        f"{back.from_held} from the hold" if back.from_held else "",
        f"{back.debt} as debt" if back.debt else "",
        f"{back.waived} waived" if back.waived else "",
    ]
    shown = ", ".join(part for part in parts if part)
    return f" ({shown})" if shown else ""


def _paid(grant: Grant) -> str:
    text = f"{grant.to} {grant.member}: {grant.amount} {grant.unit}"
    if grant.amount < grant.wanted:
        text += f" of {grant.wanted} wanted"
    if grant.held_until is not None:
        text += f", held until {grant.held_until.isoformat()}"
    if grant.confirmed_by is not None:
        text += f", {'or' if grant.held_until else 'held'} until an event {grant.confirmed_by} confirms it"
    return text


def explanation_of(event: StoredEvent) -> Explanation:
    """Read the explanation off the trace."""
    outcome = event.outcome
    return Explanation(
        event_id=event.id,
        type=event.type,
        member=event.member,
        at=event.at,
        revision=outcome.revision,
        referral=outcome.referral,
        verdicts=event.verdicts,
        grants=outcome.grants,
        reversals=outcome.reversals,
        reasons=outcome.reasons,
        confirmed=outcome.confirmed,
    )
