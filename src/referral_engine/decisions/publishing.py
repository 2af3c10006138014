"""Publishing: the program that is in force from now on is kept, with who put it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.changes import AddAudit, AddRevision, Decision
from referral_engine.facts import Facts, Wanted
from referral_engine.outcomes import Revision
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from datetime import datetime

    from referral_engine.decisions.compiled import Compiled


def want_publication(program: str) -> Wanted:
    """Name what publishing needs."""
    return Wanted(program=program, revision=True)


def decide_publication(
    compiled: Compiled, facts: Facts, actor: str, memo: str | None, now: datetime
) -> Decision[Revision]:
    """Keep the program as the latest revision, unless it is that, and note who changed it from which. Pure."""
    before = facts.revision
    if before is not None and before.revision == compiled.revision:
        return Decision(before)
    number = 1 if before is None else before.number + 1
    made = Revision(number, compiled.revision, compiled.program.canonical(), actor, now)
    noted = AddAudit(
        actor=actor,
        action="publish",
        subject=compiled.id,
        at=now,
        before=FrozenDict[str]() if before is None else FrozenDict(revision=before.revision),
        after=FrozenDict(revision=made.revision),
        memo=memo,
        ordinal=0,
    )
    return Decision(made, (noted, AddRevision(made)), 1)
