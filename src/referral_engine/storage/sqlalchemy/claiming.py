"""Claiming: which members a decision concerns, made where they are missing, and locked in one order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from referral_engine.storage.sqlalchemy.statements import Bulk, Lookup, Row, Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

Led = Mapping[str, Collection[str]]
"""The names, by the way that leads from them to members."""

STUB_COLUMNS = ("member", "root", "depth", "referrals_total", "referrals_qualified")
"""What is written of a member who is made to be locked; the numbers are 0, and it is its own root."""


class Way(NamedTuple):
    """How a name leads to a member: the table, the column that holds the member and that which holds the name."""

    table: Table
    found: str
    by: str


class Claimed(NamedTuple):
    """All members concerned, the rows of those that were there, and those that were made."""

    ids: frozenset[str]
    rows: Sequence[Row]
    stubs: frozenset[str]


class Claim(Protocol):
    """Claims the members concerned until the end of the transaction."""

    def members(
        self, connection: Connection, program: str, named: Collection[str], led: Led, arriving: Collection[str]
    ) -> Claimed:
        """Claim those named and those led to; those of them that are arriving and missing are made first."""
        ...


class RowSql(Sql, Protocol):
    """Builds statements for a database that locks rows, where members are claimed before they are read."""

    def claim(self, members: Table, columns: Sequence[str], ways: Mapping[str, Way]) -> Claim:
        """Build the claim of members, of which `columns` are answered, the id first, and of those that ways lead to."""
        ...


class Finding(Protocol):
    """Finds the members that names lead to, by one statement."""

    def found(self, connection: Connection, program: str, **values: Collection[str]) -> dict[str, set[str]]:
        """Name what each way leads to."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimInSteps:
    """Finds, makes and locks by a statement each; `resolve` has a way `known` from members to themselves."""

    resolve: Finding
    stubs: Bulk
    locked: Lookup

    def members(
        self, connection: Connection, program: str, named: Collection[str], led: Led, arriving: Collection[str]
    ) -> Claimed:
        """As Claim.members."""
        found = self.resolve.found(connection, program, known=arriving, **led)
        known = found.pop("known")
        ids = frozenset(named).union(*found.values()) - {None}
        if stubs := sorted((ids & set(arriving)) - known):
            self.stubs.run(connection, [(program, member, member, 0, 0, 0) for member in stubs])
        rows = self.locked.rows(connection, program, ids, lock=True)
        there = [row for row in rows if row[1] is not None]
        return Claimed(ids, there, frozenset(stubs) - {row[0] for row in there})
