"""Scoring: what an event adds to the boards of the campaigns that see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.facts import ScoreKey

if TYPE_CHECKING:
    from referral_engine.decisions.case import Case
    from referral_engine.decisions.compiled import CompiledBoard
    from referral_engine.facts import StoredEvent
    from referral_engine.ledger import Grant
    from referral_engine.referrals import Referral

QUALIFIED = "referrals.qualified"
TOTAL = "referrals.total"


def score_referral(case: Case, referral: Referral) -> None:
    """A new, qualified referral counts for its referrer."""
    for metric in (TOTAL, QUALIFIED):
        for on in case.compiled.boards_by_metric.get(metric, ()):
            if referral.campaign in {None, on.campaign.id}:
                _score(case, on, referral.referrer, 1)


def score_count(case: Case) -> None:
    """An event counts for its member."""
    for on in case.compiled.boards_by_count.get(case.event.type, ()):
        _score(case, on, case.event.member, 1)


def score_grant(case: Case, grant: Grant, campaign: str) -> None:
    """A grant counts, held or not, for the member who gets it."""
    for on in case.compiled.boards_by_metric.get(f"granted.{grant.unit}", ()):
        if on.campaign.id == campaign:
            _score(case, on, grant.member, grant.amount)


def _score(case: Case, on: CompiledBoard, member: str, by: int) -> None:
    if on.campaign.covers(case.at):
        case.score(ScoreKey(on.board.id, case.compiled.calendar.key(on.board.period, case.at), member), by)


def unscore(case: Case, origin: StoredEvent, metric: str, member: str, by: int, *, campaign: str | None = None) -> None:
    """Lower the scores that a refunded event raised, in the period they were raised in.

    With `campaign`, only on its boards: those of another one never counted the grant.
    """
    for key in dict(origin.footprint.scores):
        on = case.compiled.boards.get(key.board)
        if on is None or on.board.metric != metric or key.member != member:
            continue
        if campaign is None or on.campaign.id == campaign:
            case.score(key, -by)
