"""Locking: who holds what while a decision is made.

SQLite locks the whole file, so there is nothing to choose. PostgreSQL locks the rows of the members concerned, all in
the order of their ids, and first makes rows for those who arrive, so that two first purchases of an unseen member are
not both judged first. What everybody shares is locked only when a guard on it failed before, and after the members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from referral_engine.storage.sqlalchemy import rows
from referral_engine.storage.sqlalchemy.reading import Held

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from referral_engine.facts import Wanted
    from referral_engine.storage.sqlalchemy.statements import Sql
    from referral_engine.storage.sqlalchemy.tables import Tables


class Locking(Protocol):
    """Takes the locks of one decision."""

    def hold(self, connection: Connection, wanted: Wanted, *, exact: bool) -> Held | None:
        """Lock the members concerned, and with `exact` the codes and spends wanted; None when all is locked."""
        ...


class FileLocking:
    """The transaction has locked the whole file."""

    def hold(self, connection: Connection, wanted: Wanted, *, exact: bool) -> Held | None:
        """As Locking.hold."""
        del connection, wanted, exact
        return None


class RowLocking:
    """Locks rows in one order: members, then codes, then spends, each by its key."""

    def __init__(self, sql: Sql, tables: Tables) -> None:
        self._owners = sql.lookup(tables.codes, ["owner"], ["text"])
        self._origins = sql.lookup(tables.events, ["member"], ["id"])
        self._recipients_of = sql.lookup(tables.grants, ["member"], ["event"])
        self._recipients = sql.lookup(tables.grants, ["member"], ["id"])
        self._referrers = sql.lookup(tables.referrals, ["referrer"], ["referee"])
        self._known = sql.lookup(tables.members, ["member"], ["member"])
        self._members = sql.lookup(tables.members, rows.MEMBER_COLUMNS, ["member"], order=["member"])
        self._codes = sql.lookup(tables.codes, ["text"], ["text"], order=["text"])
        self._spends = sql.lookup(tables.spends, ["campaign"], ["campaign", "unit"], order=["campaign", "unit"])
        stub = ["member", "root", "depth", "referrals_total", "referrals_qualified"]
        self._stubs = sql.insert(tables.members, stub, "ON CONFLICT DO NOTHING")
        self._no_spends = sql.insert(tables.spends, ["campaign", "unit", "spent", "held"], "ON CONFLICT DO NOTHING")

    def hold(self, connection: Connection, wanted: Wanted, *, exact: bool) -> Held | None:
        """As Locking.hold."""
        program = wanted.program
        concerned = self._resolved(connection, wanted)
        arriving = wanted.arriving & concerned
        known = {member for (member,) in self._known.rows(connection, program, arriving)}
        if stubs := sorted(arriving - known):
            self._stubs.run(connection, [(program, member, member, 0, 0, 0) for member in stubs])
        locked = self._members.rows(connection, program, concerned, lock=True)
        members = {row[0]: rows.member_of(row) for row in locked if row[1] is not None}
        if exact:
            self._hold_shared(connection, wanted)
        return Held(concerned, members, frozenset(stubs) - members.keys())

    def _resolved(self, connection: Connection, wanted: Wanted) -> frozenset[str]:
        """Name the members concerned, before they are locked."""
        ways = (
            (self._referrers, wanted.actors),
            (self._owners, wanted.codes),
            (self._origins, wanted.origins),
            (self._recipients_of, wanted.origins),
            (self._recipients, wanted.grants),
        )
        found = {member for lookup, ids in ways for (member,) in lookup.rows(connection, wanted.program, ids)}
        return (wanted.actors | wanted.members | found) - {None}

    def _hold_shared(self, connection: Connection, wanted: Wanted) -> None:
        program = wanted.program
        self._codes.rows(connection, program, wanted.codes, lock=True)
        if wanted.spends:
            self._no_spends.run(connection, [(program, *key, 0, 0) for key in sorted(wanted.spends)])
            campaigns, units = zip(*wanted.spends, strict=True)
            self._spends.rows(connection, program, set(campaigns), set(units), lock=True)
