"""Scoring: what an event adds to the boards of the campaigns that see it."""

from __future__ import annotations

from datetime import datetime

from referral_engine.decisions.compiled import Compiled, CompiledBoard
from referral_engine.decisions.draft import Draft
from referral_engine.decisions.effects import Effects
from referral_engine.facts import ScoreKey
from referral_engine.ledger.grant import Grant
from referral_engine.referrals.referral import Referral

QUALIFIED = "referrals.qualified"
TOTAL = "referrals.total"


def score_referral(draft: Draft, compiled: Compiled, referral: Referral, at: datetime, effects: Effects) -> None:
    """A new, qualified referral counts for its referrer."""
    for metric in (TOTAL, QUALIFIED):
        for compiled_board in compiled.boards_by_metric.get(metric, ()):
            if referral.campaign in {None, compiled_board.campaign.id}:
                _score(draft, compiled, compiled_board, referral.referrer, at, 1, effects)


def score_count(
    draft: Draft, compiled: Compiled, event_type: str, member: str, at: datetime, effects: Effects
) -> None:
    """An event counts for its member."""
    for compiled_board in compiled.boards_by_metric.get(f"count.{event_type}", ()):
        _score(draft, compiled, compiled_board, member, at, 1, effects)


def score_grant(
    draft: Draft, compiled: Compiled, grant: Grant, campaign: str, at: datetime, effects: Effects
) -> None:
    """A grant counts, held or not, for the member who gets it."""
    for compiled_board in compiled.boards_by_metric.get(f"granted.{grant.unit}", ()):
        if compiled_board.campaign.id == campaign:
            _score(draft, compiled, compiled_board, grant.member, at, grant.amount, effects)


def _score(
    draft: Draft, compiled: Compiled, on: CompiledBoard, member: str, at: datetime, by: int, effects: Effects
) -> None:
    if not on.campaign.covers(at):
        return
    key = ScoreKey(on.board.id, compiled.calendar.key(on.board.period, at), member)
    draft.adjust_score(key, by)
    effects.scores.append((key, by))
