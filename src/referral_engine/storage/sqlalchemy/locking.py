"""Locking: who holds what while a decision is made.

SQLite locks the whole file, so there is nothing to choose. PostgreSQL and MariaDB lock the rows of the members
concerned, all in the order of their ids, and first make rows for those who arrive, so that two first purchases of an
unseen member are not both judged first. What everybody shares is locked only when a guard on it failed before, and
after the members.

A host's transaction on MariaDB may show the rows of its beginning to every read that does not lock. There all is locked
that is read; and because such a read of a row that is missing locks the gap, the program's counter is locked first, so
that no two decisions hold gaps that the other one fills.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from referral_engine.storage.sqlalchemy import rows
from referral_engine.storage.sqlalchemy.claiming import Way
from referral_engine.storage.sqlalchemy.reading import Held
from referral_engine.storage.sqlalchemy.statements import Merge

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from referral_engine.facts import Wanted
    from referral_engine.storage.sqlalchemy.attempts import Attempt
    from referral_engine.storage.sqlalchemy.claiming import RowSql
    from referral_engine.storage.sqlalchemy.tables import Tables


class Locking(Protocol):
    """Takes the locks of one decision."""

    def hold(self, connection: Connection, wanted: Wanted, attempt: Attempt) -> Held | None:
        """Lock the members concerned, and what everybody shares as the attempt has it; None when all is locked."""
        ...


class FileLocking:
    """The transaction has locked the whole file."""

    def hold(self, connection: Connection, wanted: Wanted, attempt: Attempt) -> Held | None:
        """As Locking.hold."""
        del connection, wanted, attempt
        return None


class RowLocking:
    """Locks rows in one order: members, then codes, then spends, each by its key, then the program's counter."""

    def __init__(self, sql: RowSql, tables: Tables) -> None:
        ways = {
            "referrers": Way(tables.referrals, "referrer", "referee"),
            "owners": Way(tables.codes, "owner", "text"),
            "origins": Way(tables.events, "member", "id"),
            "recipients_of": Way(tables.grants, "member", "event"),
            "recipients": Way(tables.grants, "member", "id"),
            "payees": Way(tables.payouts, "member", "id"),
        }
        self._claim = sql.claim(tables.members, rows.MEMBER_COLUMNS, ways)
        self._own_codes = sql.lookup(tables.codes, ["text"], ["owner", "invite_for"])
        self._codes = sql.lookup(tables.codes, ["text"], ["text"], order=["text"])
        self._spends = sql.lookup(tables.spends, ["campaign"], ["campaign", "unit"], order=["campaign", "unit"])
        self._no_spends = sql.insert(tables.spends, ["campaign", "unit", "spent", "held"], Merge())
        self._position = sql.advance(tables.counters, "position")

    def hold(self, connection: Connection, wanted: Wanted, attempt: Attempt) -> Held | None:
        """As Locking.hold."""
        program, named = wanted.program, wanted.actors | wanted.members | attempt.also
        led = {
            "referrers": wanted.actors,
            "owners": wanted.codes,
            "origins": wanted.origins,
            "recipients_of": wanted.origins,
            "recipients": wanted.grants,
            "payees": wanted.payouts,
        }
        claimed = self._claim.members(connection, program, named, led, wanted.arriving)
        if attempt.stale and wanted.own_codes:
            owners, campaigns = zip(*wanted.own_codes, strict=True)
            self._own_codes.rows(connection, program, set(owners), set(map(rows.invite_for, campaigns)), lock=True)
        if attempt.exact or attempt.stale:
            self._hold_shared(connection, wanted)
        if attempt.stale:
            self._position.to(connection, program, 0)
        return Held(claimed.ids, {row[0]: rows.member_of(row) for row in claimed.rows}, claimed.stubs)

    def _hold_shared(self, connection: Connection, wanted: Wanted) -> None:
        program = wanted.program
        self._codes.rows(connection, program, wanted.codes, lock=True)
        if wanted.spends:
            self._no_spends.run(connection, [(program, *key, 0, 0) for key in sorted(wanted.spends)])
            campaigns, units = zip(*wanted.spends, strict=True)
            self._spends.rows(connection, program, set(campaigns), set(units), lock=True)
