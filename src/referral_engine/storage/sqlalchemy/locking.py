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
    from referral_engine.storage.sqlalchemy.postgresql import PostgresSql
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

    def __init__(self, sql: PostgresSql, tables: Tables) -> None:
        self._resolve = sql.finding(
            [
                ("known", tables.members, "member", "member"),
                ("referrers", tables.referrals, "referrer", "referee"),
                ("owners", tables.codes, "owner", "text"),
                ("origins", tables.events, "member", "id"),
                ("recipients_of", tables.grants, "member", "event"),
                ("recipients", tables.grants, "member", "id"),
            ]
        )
        self._members = sql.lookup(tables.members, rows.MEMBER_COLUMNS, ["member"], order=["member"])
        self._codes = sql.lookup(tables.codes, ["text"], ["text"], order=["text"])
        self._spends = sql.lookup(tables.spends, ["campaign"], ["campaign", "unit"], order=["campaign", "unit"])
        stub = ["member", "root", "depth", "referrals_total", "referrals_qualified"]
        self._stubs = sql.insert(tables.members, stub, "ON CONFLICT DO NOTHING")
        self._no_spends = sql.insert(tables.spends, ["campaign", "unit", "spent", "held"], "ON CONFLICT DO NOTHING")

    def hold(self, connection: Connection, wanted: Wanted, *, exact: bool) -> Held | None:
        """As Locking.hold."""
        program = wanted.program
        concerned, known = self._resolved(connection, wanted)
        if stubs := sorted((wanted.arriving & concerned) - known):
            self._stubs.run(connection, [(program, member, member, 0, 0, 0) for member in stubs])
        locked = self._members.rows(connection, program, concerned, lock=True)
        members = {row[0]: rows.member_of(row) for row in locked if row[1] is not None}
        if exact:
            self._hold_shared(connection, wanted)
        return Held(concerned, members, frozenset(stubs) - members.keys())

    def _resolved(self, connection: Connection, wanted: Wanted) -> tuple[frozenset[str], set[str]]:
        """Name the members concerned, before they are locked, and those of the arriving ones that are known."""
        found = self._resolve.found(
            connection,
            wanted.program,
            known=wanted.arriving,
            referrers=wanted.actors,
            owners=wanted.codes,
            origins=wanted.origins,
            recipients_of=wanted.origins,
            recipients=wanted.grants,
        )
        known = found.pop("known")
        return (wanted.actors | wanted.members).union(*found.values()) - {None}, known

    def _hold_shared(self, connection: Connection, wanted: Wanted) -> None:
        program = wanted.program
        self._codes.rows(connection, program, wanted.codes, lock=True)
        if wanted.spends:
            self._no_spends.run(connection, [(program, *key, 0, 0) for key in sorted(wanted.spends)])
            campaigns, units = zip(*wanted.spends, strict=True)
            self._spends.rows(connection, program, set(campaigns), set(units), lock=True)
