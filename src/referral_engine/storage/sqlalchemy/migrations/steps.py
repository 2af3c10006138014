"""Steps: what a revision does its work with; each is skipped where it was done before.

They are Alembic's operations. Those that SQLite cannot do in place go through Alembic's batch mode, which makes the
table anew and copies its rows.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.operations.ops import CreateIndexOp, CreateTableOp
from sqlalchemy import CheckConstraint, Column, MetaData, inspect, text, update

from referral_engine.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, Dialect, Index, Table

    from referral_engine.storage.sqlalchemy.migrations.frozen import Place

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Steps:
    """Changes tables through `op`, Alembic's operations over one connection; `place` says what they are called."""

    def __init__(self, op: Operations, place: Place) -> None:
        self.op: Operations = op
        self.place: Place = place

    @classmethod
    def over(cls, connection: Connection, place: Place) -> Steps:
        """Work through a connection, without Alembic's proxies, which a host's own migration may be using."""
        return cls(Operations(MigrationContext.configure(connection)), place)

    def create(self, *tables: Table) -> None:
        """Create tables with their indexes; one that is there must have its columns, or else none is created."""
        found = {table.name: self._columns(table) for table in tables}
        for table in tables:
            there = found[table.name]
            if there and (lacking := [column.name for column in table.columns if column.name not in there]):
                raise StoreError(
                    f"a table {table.name!r} is there, without the column {lacking[0]!r}: it is none of "
                    f"referral_engine's, or damaged; move it away, or choose another prefix in define_tables"
                )
        for table in tables:
            if not found[table.name]:
                self.op.invoke(CreateTableOp.from_table(table))
            self._index(table, ())

    def extend(self, before: Table, after: Table, fill: Mapping[str, str] = _NOTHING) -> None:
        """Add the columns, checks and indexes that `after` has and `before` has not.

        Checks and indexes that `after` has otherwise are replaced.

        `fill` gives, as SQL over the columns of a row, what a new column holds in the rows that there are; a column
        that must not be NULL needs it.
        """
        found = self._columns(before)
        added = [column for column in after.columns if column.name not in before.columns]
        checks = self._new_checks(before, after)
        halfway = before.to_metadata(MetaData())
        for column in added:
            halfway.append_column(Column(column.name, column.type, nullable=True))
            if column.name not in found:
                self.op.add_column(before.name, Column(column.name, column.type), schema=before.schema)
        for name, expression in fill.items():
            missing = update(halfway).where(halfway.c[name].is_(None))
            self.op.execute(missing.values({name: text(expression)}))
        strict = [column for column in added if not column.nullable and found.get(column.name, True)]
        self._tighten(halfway, strict, checks)
        self._index(after, before.indexes)

    def _tighten(self, table: Table, strict: list[Column[Any]], checks: list[CheckConstraint]) -> None:
        """Refuse NULL in columns, and add checks in the place of those of the same name.

        SQLite makes the table anew for it, from what is told here of the old one.
        """
        if not strict and not checks:
            return
        replaced = {check.name for check in checks}
        for check in [one for one in table.constraints if one.name in replaced]:
            table.constraints.remove(check)
        if self._dialect.name != "sqlite":
            self._drop(table, replaced)
        elif not self._offline:
            _refuse_loss(self.op.get_bind(), table)
        with self.op.batch_alter_table(table.name, schema=table.schema, copy_from=table) as batch:
            for column in strict:
                batch.alter_column(column.name, existing_type=column.type, nullable=False)
            for check in checks:
                batch.create_check_constraint(str(check.name), check.sqltext)

    def _drop(self, table: Table, checks: Iterable[object]) -> None:
        """Drop checks, those that are there."""
        quoted = self._dialect.identifier_preparer
        for name in sorted(map(str, checks)):
            drop = f"ALTER TABLE {quoted.format_table(table)} DROP CONSTRAINT IF EXISTS {quoted.quote_identifier(name)}"
            self.op.execute(text(drop.replace(":", r"\:")))

    def _new_checks(self, before: Table, after: Table) -> list[CheckConstraint]:
        """List the checks that a table lacks: those that `before` has not, or has otherwise, and that are not there.

        Without brackets a check reads as the database tells it. Two that differ by nothing else are not told apart, so
        the newer one is then made again.
        """
        old = {str(one.name): str(one.sqltext) for one in before.constraints if isinstance(one, CheckConstraint)}
        there: dict[str, str] = {}
        if not self._offline:
            found = inspect(self.op.get_bind()).get_check_constraints(before.name, before.schema)
            there = {str(one["name"]): _bare(one["sqltext"]) for one in found}
        lacking = []
        for check in (one for one in after.constraints if isinstance(one, CheckConstraint)):
            name, wanted = str(check.name), str(check.sqltext)
            if name not in old:
                done = name in there
            else:
                done = old[name] == wanted or there.get(name) == _bare(wanted) != _bare(old[name])
            if not done:
                lacking.append(check)
        return sorted(lacking, key=lambda check: str(check.name))

    def _index(self, table: Table, supposed: Iterable[Index]) -> None:
        """Create the indexes of a table that there are not, in the place of those of the same name over other columns.

        `supposed` are those of a table that cannot be asked.
        """
        there = {str(index.name): _indexed(index) for index in supposed}
        if not self._offline:
            found = inspect(self.op.get_bind()).get_indexes(table.name, table.schema)
            there = {str(one["name"]): list(one["column_names"]) for one in found}
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            name = str(index.name)
            if name in there and there[name] != _indexed(index):
                self.op.drop_index(name, table.name, schema=table.schema)
            if there.get(name) != _indexed(index):
                self.op.invoke(CreateIndexOp.from_index(index))

    def _columns(self, table: Table) -> dict[str, bool]:
        """Read the columns that a table has in the database, and which may be NULL; none when it is not there."""
        if self._offline:
            return {}
        inspector = inspect(self.op.get_bind())
        if not inspector.has_table(table.name, table.schema):
            return {}
        return {column["name"]: column["nullable"] for column in inspector.get_columns(table.name, table.schema)}

    @property
    def _dialect(self) -> Dialect:
        return self.op.get_context().dialect

    @property
    def _offline(self) -> bool:
        """Whether a script is written, for a database of which nothing is known."""
        return self.op.get_context().as_sql


def _indexed(index: Index) -> list[str | None]:
    """Name the columns of an index."""
    return [column.name for column in index.columns]


def _bare(condition: str) -> str:
    """Write a condition without what databases write differently: brackets, quotes, blanks and capitals."""
    return re.sub(r"[\s()`\"]", "", condition).casefold()


def _refuse_loss(connection: Connection, table: Table) -> None:
    """Refuse to make a table of SQLite anew when something of the host's would be lost with the old one."""
    ours = {*table.columns.keys(), *(index.name for index in table.indexes)}
    columns = [column["name"] for column in inspect(connection).get_columns(table.name)]
    made = "SELECT name FROM sqlite_master WHERE tbl_name = :name AND type IN ('index', 'trigger') AND sql IS NOT NULL"
    beside = connection.scalars(text(made), {"name": table.name})
    if foreign := [name for name in (*columns, *beside) if name not in ours]:
        raise StoreError(
            f"{foreign[0]!r} of the table {table.name!r} is none of referral_engine's and would be lost when SQLite "
            f"makes the table anew; drop it, upgrade, and make it again"
        )
    if connection.exec_driver_sql("PRAGMA foreign_keys").scalar():
        pointing = 'SELECT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE f."table" = :name'
        if (child := connection.scalar(text(pointing), {"name": table.name})) is not None:
            raise StoreError(
                f"the table {child!r} refers to {table.name!r} by a foreign key, which SQLite would follow when the "
                f"table is made anew; upgrade through an engine without PRAGMA foreign_keys = ON"
            )
