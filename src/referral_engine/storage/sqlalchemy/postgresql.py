"""PostgreSQL's words: a list travels as one text of JSON, so that a commit is a small and fixed number of statements.

JSON is four times as fast as arrays through psycopg, which writes each element of an array by itself. What is written
for one row alone is spelt out, for there the planner sees that it looks for one key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_core import to_json
from sqlalchemy import LargeBinary
from sqlalchemy.dialects.postgresql.base import PGDialect

from referral_engine.storage.sqlalchemy.statements import GIVEN, Names, Row, fetched

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection, Table

_TYPES = PGDialect().type_compiler_instance  # type: ignore[no-untyped-call]


def _listed(values: Sequence[object]) -> str:
    """Write a column of values as JSON."""
    return to_json(values).decode()


def _scalar(value: object) -> object:
    """Give the driver a value that has one type however large it is, so that its statement is prepared once."""
    return value if value is None or isinstance(value, str) else str(value)


@dataclass(frozen=True, slots=True)
class PostgresLookup:
    """Select each value of a list by the index, in the order of the list; further lists with `= ANY (…)`.

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
        given: dict[str, object] = {name: sorted(values) for name, values in zip(self.among, among, strict=True)}
        given[self.among[0]] = _listed(sorted(among[0]))
        text = self.outer.format(inner=f"{self.inner} FOR UPDATE" if lock else self.inner)
        return fetched(connection.exec_driver_sql(text, {"program": program, **given}))


@dataclass(frozen=True, slots=True)
class PostgresFinding:
    """Finds one column in several tables by one statement."""

    text: str
    ways: tuple[str, ...]

    def found(self, connection: Connection, program: str, **values: Collection[str]) -> dict[str, set[str]]:
        """Name what each way leads to."""
        found: dict[str, set[str]] = {way: set() for way in self.ways}
        if any(values.values()):
            given = {way: _listed(sorted(values[way])) for way in self.ways}
            for way, value in fetched(connection.exec_driver_sql(self.text, {"program": program, **given})):
                found[way].add(value)
        return found


@dataclass(frozen=True, slots=True)
class PostgresBulk:
    """One statement: `one` for a single row, `many` over lists, one for each column. `binary` columns hold bytes."""

    one: str
    many: str
    columns: tuple[str, ...]
    binary: frozenset[str]

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """As Bulk.run."""
        program, *columns = zip(*rows, strict=True)
        given: dict[str, object] = {"program": program[0]}
        for name, values in zip(self.columns, columns, strict=True):
            kept = [value.hex() for value in values] if name in self.binary else values
            given[name] = _scalar(kept[0]) if len(rows) == 1 else _listed(kept)
        text = self.one if len(rows) == 1 else self.many
        return connection.exec_driver_sql(text, given).rowcount


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


@dataclass(frozen=True, slots=True)
class Given:
    """The rows that a bulk statement is given: each column in the type of its table, or a number."""

    columns: tuple[str, ...]
    binary: frozenset[str]
    one: str
    many: str


class PostgresSql:
    """Builds statements for PostgreSQL, in psycopg's style of placeholders."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def lookup(
        self, table: Table, columns: Sequence[str], among: Sequence[str], *, order: Sequence[str] = ()
    ) -> PostgresLookup:
        """As Sql.lookup."""
        names, (first, *others) = self._names, among
        ordered = f" ORDER BY {names.columns(order)}" if order else ""
        inner = (
            f"SELECT {names.columns(tuple(dict.fromkeys((*columns, *order))))} FROM {names.table(table)} "
            f"WHERE program = %(program)s AND {names.column(first)} = given.value"
            + "".join(f" AND {names.column(column)} = ANY (%({column})s::text[])" for column in others)
        )
        outer = (
            f"SELECT {names.columns(columns, 'kept.')} "
            f"FROM json_array_elements_text(%({first})s::json) AS given (value) "
            f"CROSS JOIN LATERAL ({{inner}}) AS kept"
        )
        return PostgresLookup(f"{inner}{ordered} OFFSET 0", outer, tuple(among))

    def finding(self, ways: Sequence[tuple[str, Table, str, str]]) -> PostgresFinding:
        """Build a statement that goes several ways at once: by name, a table, the column to find and that to go by."""
        branches = [
            f"SELECT '{name}', kept.found FROM json_array_elements_text(%({name})s::json) AS given (value) "
            f"CROSS JOIN LATERAL (SELECT {self._names.column(found)} AS found FROM {self._names.table(table)} "
            f"WHERE program = %(program)s AND {self._names.column(by)} = given.value OFFSET 0) AS kept"
            for name, table, found, by in ways
        ]
        return PostgresFinding(" UNION ALL ".join(branches), tuple(name for name, *_ in ways))

    def insert(self, table: Table, columns: Sequence[str], conflict: str = "") -> PostgresBulk:
        """As Sql.insert."""
        names, given = self._names, self._rows(table, columns)
        head = f"INSERT INTO {names.table(table)} AS kept (program, {names.columns(columns)})"
        one, many = (
            f"{head} SELECT %(program)s, given.* FROM {rows} AS given {conflict}" for rows in (given.one, given.many)
        )
        return PostgresBulk(one, many, given.columns, given.binary)

    def update(
        self, table: Table, keys: Sequence[str], given: Sequence[str], changes: Mapping[str, str], guard: str = ""
    ) -> PostgresBulk:
        """As Sql.update."""
        names = self._names
        sets = ", ".join(f"{names.column(column)} = {self._given(new)}" for column, new in changes.items())
        head = f"UPDATE {names.table(table)} AS kept SET {sets} FROM"
        return self._matching(head, table, keys, given, guard)

    def delete(self, table: Table, keys: Sequence[str]) -> PostgresBulk:
        """As Sql.delete."""
        head = f"DELETE FROM {self._names.table(table)} AS kept USING"
        return self._matching(head, table, keys, (), "")

    def _matching(self, head: str, table: Table, keys: Sequence[str], more: Sequence[str], guard: str) -> PostgresBulk:
        """Write a statement over the rows whose keys are given and that fit the guard."""
        given = self._rows(table, (*keys, *more))
        where = [f"kept.{self._names.column(key)} = {self._given(f':{key}')}" for key in keys]
        tail = " AND ".join(["kept.program = %(program)s", *where, *([self._given(guard)] if guard else [])])
        one, many = (f"{head} {rows} AS given WHERE {tail}" for rows in (given.one, given.many))
        return PostgresBulk(one, many, given.columns, given.binary)

    def _rows(self, table: Table, columns: Sequence[str]) -> Given:
        """Write what is given as a table; a column that the kept table has not is a number."""
        names, kinds = self._names, {column.name: column.type for column in table.columns}
        binary = frozenset(name for name in columns if isinstance(kinds.get(name), LargeBinary))

        def typed(name: str, value: str) -> str:
            if name in binary:
                return f"decode({value}, 'hex')"
            kind = _TYPES.process(kinds[name]).partition(" ")[0] if name in kinds else "BIGINT"
            return f"{value}::{kind}"

        ones = ", ".join(f"{typed(name, f'%({name})s')} AS {names.column(name)}" for name in columns)
        parts = ", ".join(f"{typed(name, f'part.{names.column(name)}')} AS {names.column(name)}" for name in columns)
        lists = ", ".join(f"json_array_elements_text(%({name})s::json)" for name in columns)
        many = f"(SELECT {parts} FROM ROWS FROM ({lists}) AS part ({names.columns(columns)}))"
        return Given(tuple(columns), binary, f"(SELECT {ones})", many)

    def _given(self, template: str) -> str:
        return GIVEN.sub(lambda match: f"given.{self._names.column(match[1])}", template)

    def query(self, template: str) -> PostgresQuery:
        """As Sql.query."""
        return PostgresQuery(GIVEN.sub(r"%(\1)s", self._names.fill(template)))
