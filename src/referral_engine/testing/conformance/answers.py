"""Answers: what is compared between an engine and the model, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.ledger.grant import Grant
    from referral_engine.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome in short: `given` by rule, member, amount and amount wanted, in order, and so `confirmed`.

    `taken` is what was reversed, sorted: by member, amount, the part of it that was held, the part now owed, and what
    was waived beside it.
    """

    status: str
    reasons: tuple[str, ...] = ()
    referrer: str | None = None
    given: tuple[tuple[str, str, int, int], ...] = ()
    taken: tuple[tuple[str, int, int, int, int], ...] = ()
    confirmed: tuple[tuple[str, str, int, int], ...] = ()


def answer_of(outcome: Outcome) -> Answer:
    """Put an outcome in short."""
    return Answer(
        status=outcome.status,
        reasons=tuple(reason.code for reason in outcome.reasons),
        referrer=None if outcome.referral is None else outcome.referral.referrer,
        given=_in_short(outcome.grants),
        taken=tuple(sorted((one.member, one.amount, one.from_held, one.debt, one.waived) for one in outcome.reversals)),
        confirmed=_in_short(outcome.confirmed),
    )


def _in_short(grants: Sequence[Grant]) -> tuple[tuple[str, str, int, int], ...]:
    return tuple((grant.rule, grant.member, grant.amount, grant.wanted) for grant in grants)
