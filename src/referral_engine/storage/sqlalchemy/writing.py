"""Writing: the changes of a decision as one statement for each kind, in the order in which the locks are taken.

First what the members' locks guard, then what everybody shares, then the program's counter, and last what is appended
at the position that the counter gave; as many at a time as the database takes together. A step whose row count is
short, or whose key is taken, ends the attempt.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, assert_never

from referral_engine import changes as c
from referral_engine.storage.sqlalchemy.sealing import Sealing
from referral_engine.storage.sqlalchemy.sending import Move, Write
from referral_engine.storage.sqlalchemy.statements import Merge
from referral_engine.storage.sqlalchemy.steps import appended_steps, member_steps, money_steps, shared_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from referral_engine.facts import Facts
    from referral_engine.storage.sqlalchemy.reading import Held
    from referral_engine.storage.sqlalchemy.sending import Sender
    from referral_engine.storage.sqlalchemy.statements import Sql
    from referral_engine.storage.sqlalchemy.steps import Step
    from referral_engine.storage.sqlalchemy.tables import Tables

_ACKNOWLEDGE = """
UPDATE {counters} SET acknowledged = CASE WHEN position < :up_to THEN position ELSE :up_to END
WHERE program = :program AND acknowledged < :up_to
"""


StepsByKind = dict[type, list[tuple[int, "Step"]]]
"""Steps by the kind of change that they write, each with its place in their order."""

_PLACE = itemgetter(0)


class Writer:
    """Carries out decisions."""

    def __init__(self, sql: Sql, tables: Tables, sender: Sender, *, row_locks: bool) -> None:
        self._sender = sender
        self._row_locks = row_locks
        guarded = [*member_steps(sql, tables, stubs=row_locks), *money_steps(sql, tables), *shared_steps(sql, tables)]
        self._guarded, self._appended = _by_kind(guarded), _by_kind(appended_steps(sql, tables))
        self._unstub = sql.delete(tables.members, ["member"])
        self._no_spends = sql.insert(tables.spends, ["campaign", "unit", "spent", "held"], Merge())
        self._codes_in_order = sql.lookup(tables.codes, ["text"], ["text"], order=["text"])
        self._spends_in_order = sql.lookup(
            tables.spends, ["campaign"], ["campaign", "unit"], order=["campaign", "unit"]
        )
        self._position = sql.advance(tables.counters, "position")
        self._sealing = Sealing(sql, tables)
        self._acknowledge = sql.query(_ACKNOWLEDGE)

    def write(
        self, connection: Connection, program: str, decision: c.Decision[Any], facts: Facts, held: Held | None
    ) -> None:
        """Carry out the changes, or raise StartAgain or a driver's error, after which all must be rolled back."""
        groups = _grouped(decision.changes)
        self._prepare_shared(connection, program, groups, facts)
        writes = [*self._left(program, groups, held), *_written(self._guarded, program, groups, 0)]
        move = Move(self._position, program, decision.ordinals) if decision.ordinals else None
        base = self._sender.send(connection, writes, move, lambda base: _written(self._appended, program, groups, base))
        for acknowledged in groups.get(c.Acknowledge, ()):
            self._acknowledge.run(connection, program=program, up_to=acknowledged.up_to)
        if decision.chained and (added := groups.get(c.AddTransfer)):
            self._sealing.add(connection, program, added, base)

    def _left(self, program: str, groups: dict[type, list[Any]], held: Held | None) -> list[Write]:
        """Take away the members who were made to be locked, and are not put."""
        if held is None or not held.stubs:
            return []
        left = sorted(held.stubs - {change.member.id for change in groups.get(c.PutMember, ())})
        return [Write(self._unstub, [(program, member) for member in left], keys=1)] if left else []

    def _prepare_shared(
        self, connection: Connection, program: str, groups: dict[type, list[Any]], facts: Facts
    ) -> None:
        """Make the spends that are missing, and lock several codes or spends in the order of their keys.

        One row needs no order, and its guarded update is its lock.
        """
        codes = {change.text for kind in (c.UseCode, c.DisableCode) for change in groups.get(kind, ())}
        if self._row_locks and len(codes) > 1:
            self._codes_in_order.rows(connection, program, codes, lock=True)
        spends = {(change.campaign, change.unit) for change in groups.get(c.AdjustSpend, ())}
        if missing := sorted(spends - facts.spends.keys()):
            self._no_spends.run(connection, [(program, *key, 0, 0) for key in missing])
        if self._row_locks and len(spends) > 1:
            campaigns, units = zip(*spends, strict=True)
            self._spends_in_order.rows(connection, program, set(campaigns), set(units), lock=True)


def _by_kind(steps: Sequence[Step]) -> StepsByKind:
    """Sort steps by kind."""
    found: StepsByKind = {}
    for place, step in enumerate(steps):
        found.setdefault(step.kind, []).append((place, step))
    return found


def _written(steps: StepsByKind, program: str, groups: dict[type, list[Any]], base: int) -> list[Write]:
    """Give each step the changes of its kind, from the cursor of ordinal 0."""
    found = [
        (place, write)
        for kind, changes in groups.items()
        for place, step in steps.get(kind, ())
        if (write := step.write(program, changes, base)) is not None
    ]
    found.sort(key=_PLACE)
    return [write for _, write in found]


def _grouped(changes: Sequence[c.Change]) -> dict[type, list[Any]]:
    """Group changes by kind, in their order; an unknown kind fails loudly."""
    groups: dict[type, list[Any]] = {}
    for change in changes:
        group = groups.get(change.__class__)
        if group is None:
            _known(change)
            group = groups[change.__class__] = []
        group.append(change)
    return groups


def _known(change: c.Change) -> None:
    """Refuse a kind of change that no step carries out."""
    match change:
        case (
            c.PutMember()
            | c.AddReferral()
            | c.UpdateReferral()
            | c.AddCode()
            | c.DisableCode()
            | c.UseCode()
            | c.AddEvent()
            | c.PutRefunded()
            | c.AdjustTally()
            | c.AdjustBalance()
            | c.AdjustLot()
            | c.AddPayout()
            | c.UpdatePayout()
            | c.AddAudit()
            | c.AddRevision()
            | c.AddGrant()
            | c.UpdateGrant()
            | c.AddTransfer()
            | c.AdjustLimit()
            | c.AdjustSpend()
            | c.AdjustScore()
            | c.AddMessage()
            | c.Acknowledge()
        ):
            return
        case _:
            assert_never(change)
