"""SQLAlchemyStore: the records in a database, for ReferralEngine."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext, suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

from referral_engine.storage.sqlalchemy.answering import Answering
from referral_engine.storage.sqlalchemy.attempts import Attempt, Attempts, StartAgain
from referral_engine.storage.sqlalchemy.bound import BoundStore
from referral_engine.storage.sqlalchemy.engines import DRIVERS, check_engine, own_engine, prepare
from referral_engine.storage.sqlalchemy.operations import Operations
from referral_engine.storage.sqlalchemy.tables import Tables, define_tables
from referral_engine.storage.sqlalchemy.translating import translating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.storage.sqlalchemy.migrations.status import SchemaStatus

ResultT = TypeVar("ResultT")
AnswerT = TypeVar("AnswerT")

_NO_TURN: AbstractContextManager[Any] = nullcontext()


class SQLAlchemyStore(Answering):
    """A store in a SQLite file, PostgreSQL or MariaDB. Safe for threads; serves any number of programs.

    Takes a URL, such as `sqlite:///acme.db` or `postgresql://user@host/name` (psycopg 3), or an Engine, which is used
    as it is and never closed. `tables` are those of `define_tables`, where they are not to be the default ones. Nothing
    is connected before the first call. Raises InvalidInput for a URL or an engine that cannot be used.

    SQLite engines made here use WAL with synchronous=FULL, so that what was answered survives a loss of power too.
    """

    def __init__(self, url_or_engine: str | URL | Engine, *, tables: Tables | None = None) -> None:
        self._owns_engine = not isinstance(url_or_engine, Engine)
        if isinstance(url_or_engine, Engine):
            check_engine(url_or_engine, DRIVERS)
            self._engine = url_or_engine
        else:
            self._engine = own_engine(url_or_engine, DRIVERS, create_engine)
            prepare(self._engine)
        self._operations = Operations(define_tables() if tables is None else tables, self._engine.dialect)
        self._turn: AbstractContextManager[Any] = Lock() if self._operations.one_writer else _NO_TURN

    def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply."""
        return self._attempt(
            lambda connection, attempt: self._operations.apply(connection, wanted, decide, attempt), self._turn
        )

    def create_schema(self) -> None:
        """As StoreAdmin.create_schema."""
        self._attempt(lambda connection, _: self._operations.create_schema(connection))

    def upgrade(self) -> None:
        """Bring tables made by an older release, or none yet, to those of this one; needs the extra `migrations`.

        Safe to call again, and at once from several processes. Raises StoreError for tables of a newer release.
        """
        self._attempt(lambda connection, _: self._operations.upgrade(connection))

    def check(self) -> SchemaStatus:
        """Tell which revision the tables are of and what is wrong with them."""
        return self._read(self._operations.schema.status)

    def bind(self, connection: Any) -> BoundStore:
        """As StoreAdmin.bind; takes a Connection, or a Session, whose connection is asked for at each call."""
        return BoundStore(connection, self._operations)

    def close(self) -> None:
        """As StoreAdmin.close; a host's engine stays open."""
        if self._owns_engine:
            self._engine.dispose()

    def __enter__(self) -> Self:
        """Use the store in a with block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the store."""
        self.close()

    def _read(self, operation: Callable[[Connection], AnswerT]) -> AnswerT:
        return self._attempt(lambda connection, _: self._operations.reading(connection, operation))

    def _attempt(
        self, operation: Callable[[Connection, Attempt], AnswerT], turn: AbstractContextManager[Any] = _NO_TURN
    ) -> AnswerT:
        """Run an operation in a transaction of our own until it goes through or the attempts are used up.

        Where the database lets one write at a time, threads take turns: they would poll it for its lock, unfairly.
        """
        attempts = Attempts()
        while True:
            try:
                with turn, self._opened() as connection:
                    return operation(connection, attempts.following())
            except StartAgain as again:
                pause_s = attempts.failed(again)
            time.sleep(pause_s)

    @contextmanager
    def _opened(self) -> Iterator[Connection]:
        """Open a connection and close it, which takes back what was not committed."""
        with translating():
            connection = self._engine.connect()
        try:
            yield connection
        finally:
            with suppress(SQLAlchemyError):
                connection.close()
