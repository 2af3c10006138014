"""PostgreSQL's words: each list travels as one array, so that a commit is a small and fixed number of statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql.base import PGDialect

from referral_engine.storage.sqlalchemy.statements import GIVEN, Names, Row, fetched

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection, Table

_TYPES = PGDialect().type_compiler_instance  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class PostgresLookup:
    """Select each value of an array by the index, in the order of the array; further arrays with `= ANY (…)`.

    Left to choose, PostgreSQL reads all rows of a program whose table it has not analysed yet; the inner select is a
    fence that it does not look behind.
    """

    inner: str
    outer: str
    among: tuple[str, ...]

    def rows(self, connection: Connection, program: str, *among: Collection[str], lock: bool = False) -> Sequence[Row]:
        """As Lookup.rows."""
        if not all(among):
            return ()
        given = {name: sorted(values) for name, values in zip(self.among, among, strict=True)}
        text = self.outer.format(inner=f"{self.inner} FOR UPDATE" if lock else self.inner)
        return fetched(connection.exec_driver_sql(text, {"program": program, **given}))


@dataclass(frozen=True, slots=True)
class PostgresBulk:
    """One statement over arrays, one for each column."""

    text: str
    columns: tuple[str, ...]

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """As Bulk.run."""
        program, *columns = zip(*rows, strict=True)
        given: dict[str, object] = {name: list(values) for name, values in zip(self.columns, columns, strict=True)}
        return connection.exec_driver_sql(self.text, {"program": program[0], **given}).rowcount


@dataclass(frozen=True, slots=True)
class PostgresQuery:
    """One statement with named values."""

    text: str

    def rows(self, connection: Connection, **values: object) -> Sequence[Row]:
        """As Query.rows."""
        return fetched(connection.exec_driver_sql(self.text, values))

    def run(self, connection: Connection, **values: object) -> None:
        """As Query.run."""
        connection.exec_driver_sql(self.text, values)


class PostgresSql:
    """Builds statements for PostgreSQL, in psycopg's style of placeholders."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def _arrays(self, table: Table, columns: Sequence[str]) -> str:
        """Write the rows of the arrays as a table named `given`; a column that the table has not is a number."""
        kinds = {column.name: _TYPES.process(column.type).partition(" ")[0] for column in table.columns}
        arrays = ", ".join(f"%({name})s::{kinds.get(name, 'BIGINT')}[]" for name in columns)
        return f"unnest({arrays}) AS given ({self._names.columns(columns)})"

    def lookup(
        self, table: Table, columns: Sequence[str], among: Sequence[str], *, order: Sequence[str] = ()
    ) -> PostgresLookup:
        """As Sql.lookup."""
        names, (first, *others) = self._names, among
        inner = (
            f"SELECT {names.columns(tuple(dict.fromkeys((*columns, *order))))} FROM {names.table(table)} "  # noqa: S608 - own names
            f"WHERE program = %(program)s AND {names.column(first)} = given.value"
            + "".join(f" AND {names.column(column)} = ANY (%({column})s::text[])" for column in others)
        )
        outer = (
            f"SELECT {names.columns(columns, 'kept.')} FROM unnest(%({first})s::text[]) AS given (value) "  # noqa: S608
            f"CROSS JOIN LATERAL ({{inner}}) AS kept" + (f" ORDER BY {names.columns(order, 'kept.')}" if order else "")
        )
        return PostgresLookup(f"{inner} OFFSET 0", outer, tuple(among))

    def insert(self, table: Table, columns: Sequence[str], conflict: str = "") -> PostgresBulk:
        """As Sql.insert."""
        names = self._names
        head = f"INSERT INTO {names.table(table)} AS kept (program, {names.columns(columns)})"
        rows = f"SELECT %(program)s::text, given.* FROM {self._arrays(table, columns)}"  # noqa: S608 - own names
        return PostgresBulk(f"{head} {rows} {conflict}", tuple(columns))

    def update(
        self, table: Table, keys: Sequence[str], given: Sequence[str], changes: Mapping[str, str], guard: str = ""
    ) -> PostgresBulk:
        """As Sql.update."""
        names, columns = self._names, (*keys, *given)
        where = [f"kept.{names.column(key)} = :{key}" for key in keys] + ([guard] if guard else [])
        sets = ", ".join(f"{names.column(column)} = {new}" for column, new in changes.items())
        head = f"UPDATE {names.table(table)} AS kept SET {self._given(sets)} FROM {self._arrays(table, columns)}"  # noqa: S608 - own names
        return PostgresBulk(f"{head} WHERE kept.program = %(program)s AND {self._given(' AND '.join(where))}", columns)

    def delete(self, table: Table, keys: Sequence[str]) -> PostgresBulk:
        """As Sql.delete."""
        names = self._names
        head = f"DELETE FROM {names.table(table)} AS kept USING {self._arrays(table, keys)}"  # noqa: S608 - own names
        where = " AND ".join(f"kept.{names.column(key)} = given.{names.column(key)}" for key in keys)
        return PostgresBulk(f"{head} WHERE kept.program = %(program)s AND {where}", tuple(keys))

    def _given(self, template: str) -> str:
        return GIVEN.sub(lambda match: f"given.{self._names.column(match[1])}", template)

    def query(self, template: str) -> PostgresQuery:
        """As Sql.query."""
        return PostgresQuery(GIVEN.sub(r"%(\1)s", self._names.fill(template)))
