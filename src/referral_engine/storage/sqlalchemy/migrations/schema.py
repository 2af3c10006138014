"""Schema: creates, upgrades and checks one set of tables through a connection, under a lock that the caller holds."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.schema import CreateSchema

from referral_engine.errors import StoreError
from referral_engine.storage.sqlalchemy.attempts import StartAgain
from referral_engine.storage.sqlalchemy.migrations.frozen import Place
from referral_engine.storage.sqlalchemy.migrations.recorded import is_recording, record, recorded, version_table
from referral_engine.storage.sqlalchemy.migrations.revisions import RELEASED, Chain
from referral_engine.storage.sqlalchemy.migrations.status import Found, SchemaStatus
from referral_engine.storage.sqlalchemy.translating import translating

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.migrations.steps import Steps
    from referral_engine.storage.sqlalchemy.tables import Tables


class Schema:
    """One set of tables, and the table that records their revision."""

    def __init__(self, tables: Tables, chain: Chain = RELEASED) -> None:
        self._tables = tables
        self._chain = chain
        self._place = Place.of(tables)

    def create(self, connection: Connection) -> None:
        """Create what is missing, as it is now, and record the revision of what was made from nothing.

        The table that records it comes first: MariaDB commits each table that is created, and so it tells that tables
        which are there without a revision are ours, left by a process that ended in between. Raises StoreError for
        tables of another revision, where what is missing belongs to their upgrade; StartAgain.
        """
        with _changing():
            make_room(connection, self._place)
            current = recorded(connection, self._place)
            head = self._chain.head
            if current not in {None, head}:
                raise StoreError(self._chain.problem_of(str(current)))
            found = Found(connection, self._tables)
            if misfit := next(found.misfits(), None):
                raise StoreError(f"the tables are of another revision than {head!r}: {misfit}; call store.upgrade()")
            ours = not found.any or is_recording(connection, self._place)
            if ours:
                version_table(self._place).create(connection, checkfirst=True)
            self._tables.members.metadata.create_all(connection, tables=self._tables.all(), checkfirst=True)
            for index in (index for table in self._tables.all() for index in table.indexes):
                index.create(connection, checkfirst=True)
            if ours:
                record(connection, self._place, head)

    def upgrade(self, connection: Connection, revision: str | None = None) -> None:
        """Bring the tables to a revision (None: the newest), from nothing or from any before; never back.

        Tables without a recorded revision begin at the first one, whose steps are skipped where they were done.
        Raises StoreError for a recorded revision that is not known, and without Alembic; StartAgain.
        """
        target = self._chain.head if revision is None else revision
        self._chain.check(target)
        steps = _load_steps()
        with _changing():
            make_room(connection, self._place)
            current = recorded(connection, self._place)
            if current is not None and current not in self._chain.revisions:
                raise StoreError(self._chain.problem_of(current))
            for script in self._chain.between(current, target):
                script.upgrade(steps.over(connection, self._place))
                record(connection, self._place, script.revision)

    def status(self, connection: Connection) -> SchemaStatus:
        """Compare the tables with those that this release works with."""
        current = recorded(connection, self._place)
        found = Found(connection, self._tables)
        head = self._chain.head
        problems = [] if current in {None, head} else [self._chain.problem_of(str(current))]
        return SchemaStatus(current, head, (*problems, *found.missing(), *found.misfits(), *found.loosened()))


def make_room(connection: Connection, place: Place) -> None:
    """Create the database schema that tables go to."""
    if place.schema is not None and not connection.dialect.has_schema(connection, place.schema):
        connection.execute(CreateSchema(place.schema))


def _load_steps() -> type[Steps]:
    """Load Alembic, also where there is nothing to do, so that its absence is found before a table must change."""
    try:
        from referral_engine.storage.sqlalchemy.migrations.steps import Steps  # noqa: PLC0415 - see above
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "alembic":
            raise
        problem = "changing tables needs Alembic, which is not installed; install referral_engine[migrations]"
        raise StoreError(problem) from exc
    return Steps


@contextmanager
def _changing() -> Iterator[None]:
    """Translate; where a key or a check does not hold, trying again is no use, for it is the rows that do not fit."""
    try:
        with translating():
            yield
    except StartAgain as again:
        if again.lost:
            raise
        problem = f"rows do not fit the tables of this release: {again.problem}; mend them, and upgrade again"
        raise StoreError(problem) from again.__cause__
