"""PostgreSQL's words: a list travels as one text of JSON, so that a commit is a small and fixed number of statements.

JSON is four times as fast as arrays through psycopg, which writes each element of an array by itself. What is written
for one row alone is spelt out, for there the planner sees that it looks for one key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import LargeBinary
from sqlalchemy.dialects.postgresql.base import PGDialect

from referral_engine.storage.sqlalchemy.claiming import STUB_COLUMNS, Way
from referral_engine.storage.sqlalchemy.postgresql_claiming import PostgresClaim
from referral_engine.storage.sqlalchemy.postgresql_reading import PostgresLookup, PostgresLookups, listed
from referral_engine.storage.sqlalchemy.statements import GIVEN, Merge, Names, Row, fetched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Table

_TYPES = PGDialect().type_compiler_instance  # type: ignore[no-untyped-call]

_CURSORS = frozenset({"cursor", "reached"})
"""The columns that hold positions of the program's counter."""

_AMONG = "ARRAY(SELECT json_array_elements_text(%({{place}}{})s::json))"
"""What further columns are looked for among: not a list itself, whose values would have each statement planned anew."""


def _scalar(value: object) -> str:
    """Give the driver a value that has one type however large it is, so that its statement is prepared once."""
    return value.hex() if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True, eq=False)
class PostgresBulk:
    """One statement on a table: `one` for a single row, `many` over lists, one for each column.

    In both texts `{after}` is where the statement can be made to wait for another, and `{base}` what is added to each
    cursor. `binary` columns hold bytes.
    """

    table: str
    one: str
    many: str
    columns: tuple[str, ...]
    binary: frozenset[str]

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """As Bulk.run."""
        text = (self.one if len(rows) == 1 else self.many).replace("{after}", "true").replace("{base}", "")
        given = {"program": rows[0][0], **dict(zip(self.columns, self.values(rows), strict=True))}
        return connection.exec_driver_sql(text, given).rowcount

    def values(self, rows: Sequence[Row]) -> Sequence[object]:
        """Give the values of the rows for each column, the program apart."""
        if len(rows) == 1:
            kept = [value if value is None or value.__class__ is str else _scalar(value) for value in rows[0]]
            return kept[1:]
        _, *columns = zip(*rows, strict=True)
        return [
            listed([value.hex() for value in values] if name in self.binary else values)
            for name, values in zip(self.columns, columns, strict=True)
        ]


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
class PostgresAdvance:
    """Moves a counter by one statement that returns a row; `{after}` in its text is as in PostgresBulk."""

    text: str

    def to(self, connection: Connection, program: str, by: int) -> int:
        """As Advance.to."""
        given = {"program": program, "by": str(by)}
        ((position,),) = fetched(connection.exec_driver_sql(self.text.replace("{after}", "true"), given))
        return int(position)


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
        kinds = {column.name: column.type for column in table.columns}
        binary = tuple(place for place, name in enumerate(columns) if isinstance(kinds[name], LargeBinary))
        cells = [f"kept.{names.column(name)}" for name in columns]
        for place in binary:
            cells[place] = f"encode({cells[place]}, 'hex')"
        inner = (
            f"SELECT {names.columns(tuple(dict.fromkeys((*columns, *order))))} FROM {names.table(table)} "
            f"WHERE program = %(program)s AND {names.column(first)} = given.value"
            + "".join(f" AND {names.column(column)} = ANY ({_AMONG.format(column)})" for column in others)
            + (f" ORDER BY {names.columns(order)}" if order else "")
        )
        return PostgresLookup(f"{inner} OFFSET 0", ", ".join(cells), tuple(among), binary)

    def lookups(self, named: Mapping[str, tuple[Table, Sequence[str], Sequence[str]]]) -> PostgresLookups:
        """As Sql.lookups."""
        return PostgresLookups({name: self.lookup(*parts) for name, parts in named.items()})

    def claim(self, members: Table, columns: Sequence[str], ways: Mapping[str, Way]) -> PostgresClaim:
        """As RowSql.claim."""
        names = self._names
        texts = {
            name: f"SELECT kept.found FROM json_array_elements_text(%({name})s::json) AS given (value) "
            f"CROSS JOIN LATERAL (SELECT {names.column(way.found)} AS found FROM {names.table(way.table)} "
            f"WHERE program = %(program)s AND {names.column(way.by)} = given.value OFFSET 0) AS kept "
            "WHERE kept.found IS NOT NULL"
            for name, way in ways.items()
        }
        others = columns[1:]
        return PostgresClaim(
            table=names.table(members),
            stub=names.columns(STUB_COLUMNS),
            columns=names.columns(others),
            cells=names.columns(others, "kept."),
            ways=texts,
        )

    def insert(self, table: Table, columns: Sequence[str], merge: Merge | None = None) -> PostgresBulk:
        """As Sql.insert."""
        names, given = self._names, self._rows(table, columns)
        conflict = names.on_conflict(table, merge, "GREATEST")
        head = f"INSERT INTO {names.table(table)} AS kept (program, {names.columns(columns)})"
        one, many = (
            f"{head} SELECT %(program)s, given.* FROM {rows} AS given WHERE {{after}} {conflict}"
            for rows in (given.one, given.many)
        )
        return PostgresBulk(table.name, one, many, given.columns, given.binary)

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
        tail = " AND ".join(["kept.program = %(program)s", *where, *([self._given(guard)] if guard else []), "{after}"])
        one, many = (f"{head} {rows} AS given WHERE {tail}" for rows in (given.one, given.many))
        return PostgresBulk(table.name, one, many, given.columns, given.binary)

    def _rows(self, table: Table, columns: Sequence[str]) -> Given:
        """Write what is given as a table; a column that the kept table has not is a number."""
        names, kinds = self._names, {column.name: column.type for column in table.columns}
        binary = frozenset(name for name in columns if isinstance(kinds.get(name), LargeBinary))

        def typed(name: str, value: str) -> str:
            if name in binary:
                return f"decode({value}, 'hex')"
            kind = _TYPES.process(kinds[name]).partition(" ")[0] if name in kinds else "BIGINT"
            return f"{value}::{kind}{'{base}' if name in _CURSORS else ''}"

        ones = ", ".join(f"{typed(name, f'%({name})s')} AS {names.column(name)}" for name in columns)
        parts = ", ".join(f"{typed(name, f'part.{names.column(name)}')} AS {names.column(name)}" for name in columns)
        lists = ", ".join(f"json_array_elements_text(%({name})s::json)" for name in columns)
        many = f"(SELECT {parts} FROM ROWS FROM ({lists}) AS part ({names.columns(columns)}))"
        return Given(tuple(columns), binary, f"(SELECT {ones})", many)

    def _given(self, template: str) -> str:
        return GIVEN.sub(lambda match: f"given.{self._names.column(match[1])}", template)

    def query(self, template: str, *, lock: bool = False) -> PostgresQuery:
        """As Sql.query."""
        text = GIVEN.sub(r"%(\1)s", self._names.fill(template))
        return PostgresQuery(f"{text} FOR UPDATE" if lock else text)

    def advance(self, table: Table, column: str) -> PostgresAdvance:
        """As Sql.advance."""
        values = "SELECT %(program)s, %(by)s::BIGINT{others} WHERE {{after}}"
        return PostgresAdvance(self._names.returning_advance(table, column, values))
