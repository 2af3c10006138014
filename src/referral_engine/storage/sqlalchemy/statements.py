"""Statements: what one database's SQL is built from, once, when a store is built.

SQL text is made of the names in our own table metadata and of templates written in this package, never of data. In a
template `{name}` is a table, `"name"` a column whose name some database reserves, `:name` a given value and, in bulk
statements, `kept.name` a column of the row there is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection, CursorResult, Table
    from sqlalchemy.sql.compiler import IdentifierPreparer

    from referral_engine.storage.sqlalchemy.tables import Tables

Row = tuple[Any, ...]
"""A row as the driver takes it and gives it; the first value of a written row is the program."""

GIVEN = re.compile(r":(\w+)")
"""A given value in a template."""

KEPT = re.compile(r"\bkept\.(\w+)")
"""A column of the row there is in a template."""

_RESERVED = re.compile(r'"(\w+)"')


def fetched(result: CursorResult[Any]) -> Sequence[Row]:
    """Answer all rows as the driver gives them; SQLAlchemy's own row objects cost as much again."""
    cursor: Any = result.cursor
    rows: list[Row] = cursor.fetchall()
    result.close()
    return rows


@dataclass(frozen=True, slots=True)
class Merge:
    """What an insert does with a row whose primary key is there: nothing, but for the columns named here.

    To the columns in `add` the new value is added, those in `replace` become it, and those in `greatest`, which are
    never NULL, become it where it is greater than the kept one. What is added must be a value that a row could begin
    with, for the checks of a table look at the new row first. One statement names each key once.
    """

    add: Sequence[str] = ()
    replace: Sequence[str] = ()
    greatest: Sequence[str] = ()


class Lookup(Protocol):
    """Finds the rows of one program whose columns are among given values."""

    def rows(self, connection: Connection, program: str, *among: Collection[str], lock: bool = False) -> Sequence[Row]:
        """Answer the rows; `lock` keeps others from changing them until the end of the transaction."""
        ...


class Ask(NamedTuple):
    """What a look-up is asked for: a list of values for each column that it goes by; `lock` as for Lookup.rows."""

    among: tuple[Collection[str], ...]
    lock: bool = False


class Lookups(Protocol):
    """Several look-ups by name, which are asked together: none needs another one's answer."""

    def rows(self, connection: Connection, program: str, asked: Mapping[str, Ask]) -> dict[str, Sequence[Row]]:
        """Answer the rows of each look-up that is asked, by its name."""
        ...


@dataclass(frozen=True, slots=True)
class OneByOne:
    """Asks one look-up after the other."""

    lookups: Mapping[str, Lookup]

    def rows(self, connection: Connection, program: str, asked: Mapping[str, Ask]) -> dict[str, Sequence[Row]]:
        """As Lookups.rows."""
        return {
            name: self.lookups[name].rows(connection, program, *ask.among, lock=ask.lock) for name, ask in asked.items()
        }


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


class Advance(Protocol):
    """Moves a counter of a program."""

    def to(self, connection: Connection, program: str, by: int) -> int:
        """Add to the counter, which begins at 0, lock it until the end of the transaction and answer where it is."""
        ...


@dataclass(frozen=True, slots=True)
class ReturningAdvance:
    """Moves a counter by one statement that returns a row."""

    query: Query

    def to(self, connection: Connection, program: str, by: int) -> int:
        """As Advance.to."""
        ((position,),) = self.query.rows(connection, program=program, by=by)
        return int(position)


class Sql(Protocol):
    """Builds statements in the words of one database."""

    def lookup(
        self, table: Table, columns: Sequence[str], among: Sequence[str], *, order: Sequence[str] = ()
    ) -> Lookup:
        """Build a look-up of `columns` by the program and the columns in `among`."""
        ...

    def lookups(self, named: Mapping[str, tuple[Table, Sequence[str], Sequence[str]]]) -> Lookups:
        """Build look-ups by name: of which table, which columns, by which columns."""
        ...

    def insert(self, table: Table, columns: Sequence[str], merge: Merge | None = None) -> Bulk:
        """Build an insert of rows of the program and `columns`.

        A key that is there is an error of the driver or, with `merge`, merged into: every row then counts as written,
        and the count means nothing where the merge names no columns.
        """
        ...

    def update(
        self, table: Table, keys: Sequence[str], given: Sequence[str], changes: Mapping[str, str], guard: str = ""
    ) -> Bulk:
        """Build an update of rows of the program, `keys` and `given`: only rows that fit the guard are changed."""
        ...

    def delete(self, table: Table, keys: Sequence[str]) -> Bulk:
        """Build a delete of rows of the program and `keys`."""
        ...

    def query(self, template: str, *, lock: bool = False) -> Query:
        """Build any one statement; `lock` makes a SELECT see the newest rows and lock them, as in Lookup.rows."""
        ...

    def advance(self, table: Table, column: str) -> Advance:
        """Build the move of a counter: a column of a table with one row for each program, of whole numbers."""
        ...


class Names:
    """Writes the names of our tables and columns as a database quotes them."""

    def __init__(self, tables: Tables, preparer: IdentifierPreparer) -> None:
        self.preparer: IdentifierPreparer = preparer
        prefix = len(tables.members.name) - len("members")
        self._tables = {table.name[prefix:]: preparer.format_table(table) for table in tables.all()}

    def table(self, table: Table) -> str:
        """Quote the name of a table, with its schema."""
        return self.preparer.format_table(table)

    def column(self, name: str) -> str:
        """Quote the name of a column."""
        return self.preparer.quote(name)

    def columns(self, names: Sequence[str], prefix: str = "") -> str:
        """Quote the names of columns and set commas between them."""
        return ", ".join(prefix + self.column(name) for name in names)

    def fill(self, template: str) -> str:
        """Put the tables into a template, and quote the columns that need it."""
        return _RESERVED.sub(lambda match: self.column(match[1]), template.format_map(self._tables))

    def on_conflict(self, table: Table, merge: Merge | None, greatest: str) -> str:
        """Write the merge of a row in the words that SQLite and PostgreSQL share; `greatest` is their function."""
        if merge is None:
            return ""
        column = self.column
        sets = [
            *(f"{column(name)} = kept.{column(name)} + excluded.{column(name)}" for name in merge.add),
            *(f"{column(name)} = excluded.{column(name)}" for name in merge.replace),
            *(f"{column(name)} = {greatest}(kept.{column(name)}, excluded.{column(name)})" for name in merge.greatest),
        ]
        if not sets:
            return "ON CONFLICT DO NOTHING"
        return f"ON CONFLICT ({self.columns(table.primary_key.columns.keys())}) DO UPDATE SET {', '.join(sets)}"

    def returning_advance(self, table: Table, column: str, values: str = "VALUES (:program, :by{others})") -> str:
        """Write the move of a counter in the words that SQLite and PostgreSQL share; `{others}` are further zeros."""
        others = [name for name in table.columns.keys() if name not in {"program", column}]  # noqa: SIM118 - a collection
        head = f"INSERT INTO {self.table(table)} AS kept ({self.columns(['program', column, *others])})"
        conflict = self.on_conflict(table, Merge(add=[column]), "")
        row = values.format(others=", 0" * len(others))
        return f"{head} {row} {conflict} RETURNING {self.column(column)}"
