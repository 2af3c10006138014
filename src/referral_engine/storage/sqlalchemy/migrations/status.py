"""SchemaStatus: how the tables in a database compare with those that this release works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, inspect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection, Table

    from referral_engine.storage.sqlalchemy.tables import Tables


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The revision that the database records (None: none), that of this release, and what is wrong, in words.

    A host whose own migrations make the tables has none recorded; what counts then is that nothing is wrong.
    """

    current: str | None
    head: str
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether this release can work with the tables."""
        return not self.problems

    def __str__(self) -> str:
        """One line for the revisions, one for each problem."""
        recorded = "no revision recorded" if self.current is None else f"revision {self.current}"
        return "\n".join([f"{recorded}, this release works with {self.head}", *self.problems])


class Found:
    """The tables of ours that a database has, as it describes them."""

    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._tables = tables.all()
        self._inspector = inspect(connection)
        self._which: Mapping[str, Any] = {
            "schema": tables.schema,
            "filter_names": [table.name for table in self._tables],
        }
        there = tables.schema is None or self._inspector.has_schema(tables.schema)
        columns = self._inspector.get_multi_columns(**self._which) if there else {}
        self._columns = {name: {column["name"]: column for column in found} for (_, name), found in columns.items()}

    @property
    def any(self) -> bool:
        """Whether there is any table of ours."""
        return bool(self._columns)

    def missing(self) -> Iterator[str]:
        """Tell which tables there are not."""
        absent = [table.name for table in self._tables if table.name not in self._columns]
        if len(absent) == len(self._tables):
            yield "there are no tables: call store.create_schema() or store.upgrade()"
        else:
            yield from (f"the table {name!r} is missing" for name in absent)

    def misfits(self) -> Iterator[str]:
        """Tell which columns of the tables that there are differ, as far as statements would fail of it."""
        for table in self._present():
            found = self._columns[table.name]
            for column in table.columns:
                if column.name not in found:
                    yield f"the table {table.name!r} has no column {column.name!r}"
                elif found[column.name]["nullable"] != column.nullable:
                    must = "must accept" if column.nullable else "must not accept"
                    yield f"the column {column.name!r} of {table.name!r} {must} NULL"
            for name, kept in found.items():
                if name not in table.columns and not kept["nullable"] and kept.get("default") is None:
                    yield f"the table {table.name!r} asks for a column {name!r} that this release does not write"

    def loosened(self) -> Iterator[str]:
        """Tell which indexes, checks and keys there are not."""
        if not self.any:
            return
        indexes = self._inspector.get_multi_indexes(**self._which)
        checks = self._named(self._inspector.get_multi_check_constraints(**self._which))
        keys = self._inspector.get_multi_pk_constraint(**self._which)
        for table in self._present():
            over = {one["name"]: one["column_names"] for one in indexes[table.schema, table.name]}
            yield from _absent(table, "index", [index.name for index in table.indexes], set(over))
            for index in table.indexes:
                columns = [column.name for column in index.columns]
                if over.get(index.name, columns) != columns:
                    yield f"the index {index.name!r} of {table.name!r} is not over ({', '.join(columns)})"
            named = [one.name for one in table.constraints if isinstance(one, CheckConstraint)]
            yield from _absent(table, "check", named, checks[table.name])
            key = [column.name for column in table.primary_key.columns]
            if keys[table.schema, table.name]["constrained_columns"] != key:
                yield f"the primary key of {table.name!r} is not ({', '.join(key)})"

    def _present(self) -> Iterator[Table]:
        return (table for table in self._tables if table.name in self._columns)

    @staticmethod
    def _named(found: Mapping[Any, Iterable[Mapping[str, Any]]]) -> dict[str, set[Any]]:
        return {name: {one["name"] for one in those} for (_, name), those in found.items()}


def _absent(table: Table, kind: str, wanted: Iterable[object], found: set[Any]) -> Iterator[str]:
    for name in sorted(map(str, wanted)):
        if name not in found:
            yield f"the {kind} {name!r} of {table.name!r} is missing"
