"""SQLite's words: executemany for writes, spelt-out lists for reads, one writer at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from referral_engine.storage.sqlalchemy.statements import GIVEN, Merge, Names, OneByOne, ReturningAdvance, Row, fetched

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

LIST_LENGTH_MAX = 4096
"""How many values of one column are asked for at once; SQLite takes 32,766 values a statement."""


@dataclass(frozen=True, slots=True)
class SqliteLookup:
    """Select with `IN (?, …)`. Lists are filled up to a power of two, so that few texts are ever prepared."""

    head: str
    conditions: tuple[str, ...]
    tail: str
    texts: dict[tuple[int, ...], str] = field(default_factory=dict)

    def rows(self, connection: Connection, program: str, *among: Collection[str], lock: bool = False) -> Sequence[Row]:
        """As Lookup.rows; a transaction that writes has locked the whole file already."""
        del lock
        if len(among) == 1 and len(among[0]) <= LIST_LENGTH_MAX:
            return self._select(connection, program, among) if among[0] else ()
        found: list[Row] = []
        for lists in product(*map(_chunks, among)):
            found += self._select(connection, program, lists)
        return found

    def _select(self, connection: Connection, program: str, lists: Sequence[Collection[str]]) -> Sequence[Row]:
        filled = [_filled(values) for values in lists]
        sizes = tuple(map(len, filled))
        text = self.texts.get(sizes) or self.texts.setdefault(sizes, self._text(sizes))
        given = (program, *(value for values in filled for value in values))
        return fetched(connection.exec_driver_sql(text, given))

    def _text(self, sizes: tuple[int, ...]) -> str:
        lists = zip(self.conditions, sizes, strict=True)
        return "".join([self.head, *(f"{name} IN ({'?, ' * (n - 1)}?)" for name, n in lists), self.tail])


def _chunks(values: Collection[str]) -> list[list[str]]:
    ordered = sorted(values)
    return [ordered[start : start + LIST_LENGTH_MAX] for start in range(0, len(ordered), LIST_LENGTH_MAX)]


def _filled(values: Collection[str]) -> list[str]:
    ordered = sorted(values)
    return ordered + ordered[-1:] * ((1 << (len(ordered) - 1).bit_length()) - len(ordered))


@dataclass(frozen=True, slots=True)
class SqliteBulk:
    """One statement for each row; `arrange` puts a row's values in the order in which the text names them."""

    text: str
    arrange: Callable[[Row], Any] | None

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """As Bulk.run."""
        ordered = list(rows) if self.arrange is None else list(map(self.arrange, rows))
        return connection.exec_driver_sql(self.text, ordered).rowcount


@dataclass(frozen=True, slots=True)
class SqliteQuery:
    """One statement; `names` are its values in the order in which the text names them."""

    text: str
    names: tuple[str, ...]

    def rows(self, connection: Connection, **values: object) -> Sequence[Row]:
        """As Query.rows."""
        return fetched(connection.exec_driver_sql(self.text, tuple(values[name] for name in self.names)))

    def run(self, connection: Connection, **values: object) -> None:
        """As Query.run."""
        connection.exec_driver_sql(self.text, tuple(values[name] for name in self.names))


class SqliteSql:
    """Builds statements for SQLite."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def lookup(
        self, table: Table, columns: Sequence[str], among: Sequence[str], *, order: Sequence[str] = ()
    ) -> SqliteLookup:
        """As Sql.lookup."""
        names = self._names
        head = f"SELECT {names.columns(columns)} FROM {names.table(table)} WHERE program = ?"
        conditions = tuple(f" AND {names.column(column)}" for column in among)
        return SqliteLookup(head, conditions, f" ORDER BY {names.columns(order)}" if order else "")

    def lookups(self, named: Mapping[str, tuple[Table, Sequence[str], Sequence[str]]]) -> OneByOne:
        """As Sql.lookups."""
        return OneByOne({name: self.lookup(*parts) for name, parts in named.items()})

    def insert(self, table: Table, columns: Sequence[str], merge: Merge | None = None) -> SqliteBulk:
        """As Sql.insert."""
        names = self._names
        head = f"INSERT INTO {names.table(table)} AS kept (program, {names.columns(columns)})"
        conflict = names.on_conflict(table, merge, "MAX")
        return SqliteBulk(f"{head} VALUES (?{', ?' * len(columns)}) {conflict}", None)

    def update(
        self, table: Table, keys: Sequence[str], given: Sequence[str], changes: Mapping[str, str], guard: str = ""
    ) -> SqliteBulk:
        """As Sql.update."""
        names = self._names
        where = [f"kept.{names.column(key)} = :{key}" for key in ("program", *keys)] + ([guard] if guard else [])
        sets = ", ".join(f"{names.column(column)} = {new}" for column, new in changes.items())
        text = f"UPDATE {names.table(table)} AS kept SET {sets} WHERE {' AND '.join(where)}"
        places = {name: place for place, name in enumerate(("program", *keys, *given))}
        order = [places[name] for name in GIVEN.findall(text)]
        return SqliteBulk(GIVEN.sub("?", text), itemgetter(*order))

    def delete(self, table: Table, keys: Sequence[str]) -> SqliteBulk:
        """As Sql.delete."""
        where = " AND ".join(f"{self._names.column(key)} = ?" for key in ("program", *keys))
        return SqliteBulk(f"DELETE FROM {self._names.table(table)} WHERE {where}", None)

    def query(self, template: str, *, lock: bool = False) -> SqliteQuery:
        """As Sql.query; a transaction that writes has locked the whole file already."""
        del lock
        text = self._names.fill(template)
        return SqliteQuery(GIVEN.sub("?", text), tuple(GIVEN.findall(text)))

    def advance(self, table: Table, column: str) -> ReturningAdvance:
        """As Sql.advance."""
        return ReturningAdvance(self.query(self._names.returning_advance(table, column)))
