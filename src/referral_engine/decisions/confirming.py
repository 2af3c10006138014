"""Confirming: an event of the host posts the grants that its earlier event left on hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.decisions.origin import origin_of
from referral_engine.decisions.releasing import post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.decisions.case import Case
    from referral_engine.ledger import Grant


def awaiting(case: Case) -> tuple[Grant, ...]:
    """Name the grants that wait for an event of this type about the one it names. Raises Refused for a wrong name."""
    if case.event.of is None:
        return ()
    return tuple(grant for grant in origin_of(case).outcome.grants if grant.confirmed_by == case.event.type)


def confirm(case: Case, grants: Sequence[Grant]) -> None:
    """Post those of the grants that are still held."""
    for grant in grants:
        stored = case.draft.grant(grant.id)
        if stored.state == "held":
            post(case.compiled, case.draft, stored, case.at, case.now)
            case.confirmed.append(grant)
