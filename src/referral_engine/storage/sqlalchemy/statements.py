"""Statements: what one database's SQL is built from, once, when a store is built.

SQL text is made of the names in our own table metadata and of templates written in this package, never of data. In a
template `{name}` is a table, `:name` a given value and, in bulk statements, `kept.name` a column of the row there is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection, CursorResult, Table
    from sqlalchemy.sql.compiler import IdentifierPreparer

    from referral_engine.storage.sqlalchemy.tables import Tables

Row = tuple[Any, ...]
"""A row as the driver takes it and gives it; the first value of a written row is the program."""

GIVEN = re.compile(r":(\w+)")
"""A given value in a template."""


def fetched(result: CursorResult[Any]) -> Sequence[Row]:
    """Answer all rows as the driver gives them; SQLAlchemy's own row objects cost as much again."""
    cursor: Any = result.cursor
    rows: list[Row] = cursor.fetchall()
    result.close()
    return rows


class Lookup(Protocol):
    """Finds the rows of one program whose columns are among given values."""

    def rows(self, connection: Connection, program: str, *among: Collection[str], lock: bool = False) -> Sequence[Row]:
        """Answer the rows; `lock` keeps others from changing them until the end of the transaction."""
        ...


class Bulk(Protocol):
    """Writes many rows by one statement."""

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Write the rows, at least one, and answer how many were written or changed."""
        ...


class Query(Protocol):
    """Any one statement with named values."""

    def rows(self, connection: Connection, **values: object) -> Sequence[Row]:
        """Run it and answer its rows."""
        ...

    def run(self, connection: Connection, **values: object) -> None:
        """Run it for its effect."""
        ...


class Sql(Protocol):
    """Builds statements in the words of one database."""

    def lookup(
        self, table: Table, columns: Sequence[str], among: Sequence[str], *, order: Sequence[str] = ()
    ) -> Lookup:
        """Build a look-up of `columns` by the program and the columns in `among`."""
        ...

    def insert(self, table: Table, columns: Sequence[str], conflict: str = "") -> Bulk:
        """Build an insert of rows of the program and `columns`; `conflict` is what to do with a key that is there."""
        ...

    def update(
        self, table: Table, keys: Sequence[str], given: Sequence[str], changes: Mapping[str, str], guard: str = ""
    ) -> Bulk:
        """Build an update of rows of the program, `keys` and `given`: only rows that fit the guard are changed."""
        ...

    def delete(self, table: Table, keys: Sequence[str]) -> Bulk:
        """Build a delete of rows of the program and `keys`."""
        ...

    def query(self, template: str) -> Query:
        """Build any one statement."""
        ...


class Names:
    """Writes the names of our tables and columns as a database quotes them."""

    def __init__(self, tables: Tables, preparer: IdentifierPreparer) -> None:
        self._preparer = preparer
        prefix = len(tables.members.name) - len("members")
        self._tables = {table.name[prefix:]: preparer.format_table(table) for table in tables.all()}

    def table(self, table: Table) -> str:
        """Quote the name of a table, with its schema."""
        return self._preparer.format_table(table)

    def column(self, name: str) -> str:
        """Quote the name of a column."""
        return self._preparer.quote(name)

    def columns(self, names: Sequence[str], prefix: str = "") -> str:
        """Quote the names of columns and set commas between them."""
        return ", ".join(prefix + self._preparer.quote(name) for name in names)

    def fill(self, template: str) -> str:
        """Put the tables into a template."""
        return template.format_map(self._tables)
