"""MariaDB's words: rows are inserted as one list of values, and changed by a join with a list that travels as JSON.

The driver puts the values into the text, so nothing is prepared and each text may be of its own. Every table is reached
by the index that is named, for left to choose, MariaDB reads, and locks, all rows of a table that is small or fresh.

JSON_TABLE cuts text that is too long and replaces letters that its column cannot hold, without a word. So what is
looked up has room for one letter more than what is kept, which it then cannot equal, and a name of other letters than
ASCII's is not looked up at all; what is set goes through types that hold all there is, and the table itself refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from pydantic_core import to_json
from sqlalchemy import LargeBinary, Text
from sqlalchemy.dialects.mysql.base import MySQLDialect

from referral_engine.storage.sqlalchemy.claiming import STUB_COLUMNS, ClaimInSteps, Way
from referral_engine.storage.sqlalchemy.columns import ID_LENGTH_MAX
from referral_engine.storage.sqlalchemy.statements import (
    GIVEN,
    KEPT,
    Merge,
    Names,
    OneByOne,
    ReturningAdvance,
    Row,
    fetched,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection, Table

SPELT_MOST = 16
"""Up to so many combinations of values are spelt out, which is faster for a few, and slower for many, than a list."""

_NAME = f"VARCHAR({ID_LENGTH_MAX + 1}) CHARACTER SET ascii COLLATE ascii_nopad_bin"
_TEXT = f"VARCHAR({ID_LENGTH_MAX + 1}) CHARACTER SET utf8mb4"
_LONG_TEXT = "LONGTEXT CHARACTER SET utf8mb4"
_NUMBER = "DECIMAL(30, 0)"
_TYPES = MySQLDialect().type_compiler_instance


def _listed(values: Sequence[object]) -> str:
    return to_json(values).decode()


def _places(n: int) -> str:
    return ", ".join(["%s"] * n)


@dataclass(frozen=True, slots=True)
class MariadbLookup:
    """Select by lists: a few values are spelt out, of many the first list leads. The order is that of the index."""

    spelt: str
    joined: str
    among: tuple[str, ...]

    def rows(self, connection: Connection, program: str, *among: Collection[str], lock: bool = False) -> Sequence[Row]:
        """As Lookup.rows."""
        lists = [sorted(filter(str.isascii, values)) for values in among]
        if not all(lists):
            return ()
        end = " FOR UPDATE" if lock else ""
        if prod(map(len, lists)) <= SPELT_MOST:
            given = (program, *(value for values in lists for value in values))
            return fetched(connection.exec_driver_sql(f"{self.spelt}{self._among(lists)}{end}", given))
        first, *others = lists
        given = (_listed(first), program, *(value for values in others for value in values))
        return fetched(connection.exec_driver_sql(f"{self.joined}{self._among(others)}{end}", given))

    def _among(self, lists: Sequence[Sequence[str]]) -> str:
        names = self.among[len(self.among) - len(lists) :]
        return "".join(f" AND {name} IN ({_places(len(one))})" for name, one in zip(names, lists, strict=True))


@dataclass(frozen=True, slots=True)
class MariadbFinding:
    """Unites a look-up for each way that has values."""

    ways: Mapping[str, MariadbLookup]

    def found(self, connection: Connection, program: str, **values: Collection[str]) -> dict[str, set[str]]:
        """As Finding.found."""
        found: dict[str, set[str]] = {way: set() for way in self.ways}
        texts, given = [], []
        for way, lookup in self.ways.items():
            if not (names := sorted(filter(str.isascii, values[way]))):
                continue
            if len(names) <= SPELT_MOST:
                texts.append(f"{lookup.spelt} AND {lookup.among[0]} IN ({_places(len(names))})")
                given += [program, *names]
            else:
                texts.append(lookup.joined)
                given += [_listed(names), program]
        if texts:
            for way, value in fetched(connection.exec_driver_sql(" UNION ALL ".join(texts), tuple(given))):
                found[way].add(value)
        return found


@dataclass(frozen=True, slots=True)
class MariadbInsert:
    """Rows of values, which the driver joins into few statements."""

    text: str
    merges: bool

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """As Bulk.run. A row that is merged into counts as two where it changes, which is not asked for here."""
        count, given = connection.exec_driver_sql(self.text, list(rows)).rowcount, len(rows)
        return given if self.merges and given <= count <= 2 * given else count


@dataclass(frozen=True, slots=True)
class MariadbBulk:
    """One statement: `one` for a single row, its values from `places` in that order, `many` for a list of rows.

    `keys` are the places of keys that are text; `binary` tells that there are columns of bytes.
    """

    one: str
    places: tuple[int, ...]
    many: str
    keys: tuple[int, ...]
    binary: bool

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """As Bulk.run."""
        if len(rows) == 1:
            return connection.exec_driver_sql(self.one, tuple(rows[0][place] for place in self.places)).rowcount
        if not all("".join([row[key] for row in rows]).isascii() for key in self.keys):
            raise UnicodeError("an id has letters that are not ASCII's")
        listed = [self._hexed(row) for row in rows] if self.binary else rows
        return connection.exec_driver_sql(self.many, (_listed(listed), rows[0][0])).rowcount

    def _hexed(self, row: Row) -> list[object]:
        return [value.hex() if isinstance(value, bytes) else value for value in row]


@dataclass(frozen=True, slots=True)
class MariadbQuery:
    """One statement; `names` are its values in the order in which the text names them."""

    text: str
    names: tuple[str, ...]

    def rows(self, connection: Connection, **values: object) -> Sequence[Row]:
        """As Query.rows."""
        return fetched(connection.exec_driver_sql(self.text, tuple(values[name] for name in self.names)))

    def run(self, connection: Connection, **values: object) -> None:
        """As Query.run."""
        connection.exec_driver_sql(self.text, tuple(values[name] for name in self.names))


class MariadbNames(Names):
    """Quotes every column: which words are reserved depends on the version and on the session's sql_mode."""

    def column(self, name: str) -> str:
        """As Names.column."""
        return self.preparer.quote_identifier(name)


class MariadbSql:
    """Builds statements for MariaDB, in the style of placeholders of PyMySQL and its kin."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def lookup(
        self, table: Table, columns: Sequence[str], among: Sequence[str], *, order: Sequence[str] = ()
    ) -> MariadbLookup:
        """As Sql.lookup; the rows come in the order of the lists, which are sorted, and of the index."""
        if order and tuple(order) != tuple(among):
            raise LookupError(f"rows by {', '.join(among)} come in that order and no other")
        names = self._names
        by = [f"kept.{names.column(column)}" for column in ("program", *among)]
        source = f"{names.table(table)} AS kept FORCE INDEX ({self._index(table, among)})"
        head = f"SELECT {names.columns(columns, 'kept.')} FROM"
        given = f"JSON_TABLE(%s, '$[*]' COLUMNS (value {_NAME} PATH '$' ERROR ON ERROR)) AS given"
        joined = f"{head} {given} STRAIGHT_JOIN {source} ON {by[0]} = %s AND {by[1]} = given.value"
        return MariadbLookup(f"{head} {source} WHERE {by[0]} = %s", joined, tuple(by[1:]))

    def _index(self, table: Table, among: Sequence[str]) -> str:
        """Name the index that begins with the program and the columns in `among`, in any order."""
        wanted, least = {"program", *among}, 1 + len(among)
        if wanted == set(table.primary_key.columns.keys()[:least]):
            return "PRIMARY"
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            if wanted == {getattr(one, "name", None) for one in index.expressions[:least]}:
                return self._names.column(str(index.name))
        raise LookupError(f"{table.name} has no index to look up {', '.join(among)} by")

    def lookups(self, named: Mapping[str, tuple[Table, Sequence[str], Sequence[str]]]) -> OneByOne:
        """As Sql.lookups."""
        return OneByOne({name: self.lookup(*parts) for name, parts in named.items()})

    def claim(self, members: Table, columns: Sequence[str], ways: Mapping[str, Way]) -> ClaimInSteps:
        """As RowSql.claim."""
        known = {"known": Way(members, "member", "member")}
        return ClaimInSteps(
            resolve=MariadbFinding({name: self._way(name, *way) for name, way in (known | dict(ways)).items()}),
            stubs=self.insert(members, STUB_COLUMNS, Merge()),
            locked=self.lookup(members, columns, ["member"], order=["member"]),
        )

    def _way(self, name: str, table: Table, found: str, by: str) -> MariadbLookup:
        lookup = self.lookup(table, [found], [by])
        spelt, joined = (f"SELECT '{name}', {text.removeprefix('SELECT ')}" for text in (lookup.spelt, lookup.joined))
        return MariadbLookup(spelt, joined, lookup.among)

    def insert(self, table: Table, columns: Sequence[str], merge: Merge | None = None) -> MariadbInsert:
        """As Sql.insert."""
        names = self._names
        head = f"INSERT INTO {names.table(table)} ({names.columns(['program', *columns])})"
        text = f"{head} VALUES ({_places(1 + len(columns))}){self._on_duplicate(table, merge)}"
        return MariadbInsert(text, merges=merge is not None)

    def _on_duplicate(self, table: Table, merge: Merge | None) -> str:
        """Write a merge, which MariaDB makes with whichever row has any of the new row's unique keys."""
        if merge is None:
            return ""
        if any(index.unique for index in table.indexes):
            raise LookupError(f"{table.name} has a unique key beside its primary key, so that rows cannot be merged")
        name = self._names.column
        sets = [
            *(f"{name(column)} = {name(column)} + VALUES({name(column)})" for column in merge.add),
            *(f"{name(column)} = VALUES({name(column)})" for column in merge.replace),
            *(f"{name(column)} = GREATEST({name(column)}, VALUES({name(column)}))" for column in merge.greatest),
        ]
        nothing = f"{name('program')} = {name('program')}"
        return f" ON DUPLICATE KEY UPDATE {', '.join(sets) or nothing}"

    def update(
        self, table: Table, keys: Sequence[str], given: Sequence[str], changes: Mapping[str, str], guard: str = ""
    ) -> MariadbBulk:
        """As Sql.update; what a column becomes must not look at others that change, for their order is MariaDB's."""
        for column, new in changes.items():
            if others := set(KEPT.findall(new)) & changes.keys() - {column}:
                raise LookupError(f"{table.name}.{column} would be made of {', '.join(others)}, which change too")
        name = self._names.column
        sets = ", ".join(f"kept.{name(column)} = {new}" for column, new in changes.items())
        where = [f"kept.{name(key)} = :{key}" for key in keys] + ([guard] if guard else [])
        source = f"{self._names.table(table)} AS kept FORCE INDEX (PRIMARY)"
        one = f"UPDATE {source} SET {sets} WHERE kept.program = :program AND {' AND '.join(where)}"
        many = f"STRAIGHT_JOIN {source} ON kept.program = %s AND {' AND '.join(where)} SET {sets}"
        return self._bulk(one, f"UPDATE {self._given(table, keys, given)} {many}", table, keys, given)

    def delete(self, table: Table, keys: Sequence[str]) -> MariadbBulk:
        """As Sql.delete."""
        source, name = self._names.table(table), self._names.column
        one = " AND ".join(f"{name(key)} = :{key}" for key in ("program", *keys))
        joined = " AND ".join(f"kept.{name(key)} = :{key}" for key in keys)
        many = f"STRAIGHT_JOIN {source} AS kept FORCE INDEX (PRIMARY) ON kept.program = %s AND {joined}"
        head = f"DELETE kept FROM {self._given(table, keys, ())}"
        return self._bulk(f"DELETE FROM {source} WHERE {one}", f"{head} {many}", table, keys, ())

    def _bulk(self, one: str, many: str, table: Table, keys: Sequence[str], given: Sequence[str]) -> MariadbBulk:
        """Quote the kept columns of two templates, and put in what is given: values in `one`, columns in `many`."""
        name, kinds = self._names.column, {column.name: column.type for column in table.columns}
        one, many = (KEPT.sub(lambda match: f"kept.{name(match[1])}", text) for text in (one, many))
        names = ("program", *keys, *given)
        places = {column: place for place, column in enumerate(names)}
        binary = {column for column in names if isinstance(kinds.get(column), LargeBinary)}

        def spelt(column: str) -> str:
            number = column in given and not isinstance(kinds.get(column), Text | LargeBinary)
            return f"CAST(%s AS {_NUMBER})" if number else "%s"

        def listed(column: str) -> str:
            return f"UNHEX(given.{name(column)})" if column in binary else f"given.{name(column)}"

        return MariadbBulk(
            GIVEN.sub(lambda match: spelt(match[1]), one),
            tuple(places[column] for column in GIVEN.findall(one)),
            GIVEN.sub(lambda match: listed(match[1]), many),
            tuple(places[key] for key in keys if isinstance(kinds[key], Text)),
            bool(binary),
        )

    def _given(self, table: Table, keys: Sequence[str], given: Sequence[str]) -> str:
        """Write what is given as a table; a column that the kept table has not is a number."""
        columns = []
        for place, column in enumerate((*keys, *given), start=1):
            kind = self._kind(table, column, key=column in keys)
            columns.append(f"{self._names.column(column)} {kind} PATH '$[{place}]' ERROR ON ERROR")
        return f"JSON_TABLE(%s, '$[*]' COLUMNS ({', '.join(columns)})) AS given"

    def _kind(self, table: Table, column: str, *, key: bool) -> str:
        """Choose a type that holds whatever is given, so that the table itself refuses what it cannot hold."""
        kind = table.columns[column].type if column in table.columns else None
        if not isinstance(kind, Text | LargeBinary):
            return "BIGINT" if key else _NUMBER
        if key:
            return _NAME
        return _TEXT if _TYPES.process(kind).startswith("VARCHAR") else _LONG_TEXT

    def query(self, template: str, *, lock: bool = False) -> MariadbQuery:
        """As Sql.query."""
        text = self._names.fill(template) + (" FOR UPDATE" if lock else "")
        return MariadbQuery(GIVEN.sub("%s", text), tuple(GIVEN.findall(text)))

    def advance(self, table: Table, column: str) -> ReturningAdvance:
        """As Sql.advance."""
        others = [name for name in table.columns.keys() if name not in {"program", column}]  # noqa: SIM118 - a collection
        names = self._names.columns(["program", column, *others])
        conflict = self._on_duplicate(table, Merge(add=[column]))
        head = f"INSERT INTO {self._names.table(table)} ({names}) VALUES (:program, :by{', 0' * len(others)})"
        return ReturningAdvance(self.query(f"{head}{conflict} RETURNING {self._names.column(column)}"))
