"""Operations: everything a store does, as functions of a plain SQLAlchemy connection.

The blocking store calls them, the awaitable one runs the very same through `run_sync`; only opening, waiting and
closing differ. `decide` is called outside of the border to the drivers, so that what it raises passes through as it is.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from referral_engine.errors import InvalidInput, StoreError
from referral_engine.storage.sqlalchemy.attempts import Attempt, Attempts, StartAgain
from referral_engine.storage.sqlalchemy.books import Books
from referral_engine.storage.sqlalchemy.databases import database_for, kind_of
from referral_engine.storage.sqlalchemy.drift import Audit
from referral_engine.storage.sqlalchemy.migrations.schema import Schema
from referral_engine.storage.sqlalchemy.pages import Pages
from referral_engine.storage.sqlalchemy.reading import Reader
from referral_engine.storage.sqlalchemy.translating import translating
from referral_engine.storage.sqlalchemy.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Dialect

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.storage.sqlalchemy.tables import Tables

ResultT = TypeVar("ResultT")
AnswerT = TypeVar("AnswerT")


class Operations:
    """What can be done with the tables through one kind of database and driver."""

    def __init__(self, tables: Tables, dialect: Dialect) -> None:
        self.schema: Schema = Schema(tables)
        self._dialect = kind_of(dialect)
        database = database_for(tables, dialect)
        self.one_writer: bool = not database.row_locks
        self._transactions = database.transactions
        self._locking = database.locking
        self._reader = Reader(database.sql, tables)
        self._writer = Writer(database.sql, tables, database.sender, row_locks=database.row_locks)
        self.pages: Pages = Pages(database.sql)
        self.books: Books = Books(database.sql)
        self.audit: Audit = Audit(database.sql, tables)

    # In a transaction of our own

    def apply(
        self, connection: Connection, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]], attempt: Attempt
    ) -> Decision[ResultT]:
        """Try a decision once and commit it; raises StartAgain. Closing the connection takes back what it left."""
        with translating():
            self._transactions.write(connection)
        decision = self._decided(connection, wanted, decide, attempt)
        if decision.changes:
            _commit(connection)
        return decision

    def reading(self, connection: Connection, operation: Callable[[Connection], AnswerT]) -> AnswerT:
        """Read in one snapshot."""
        with translating():
            self._transactions.read(connection)
            return operation(connection)

    def create_schema(self, connection: Connection) -> None:
        """Create what is missing and commit it."""
        self._changing_schema(connection, self.schema.create)

    def upgrade(self, connection: Connection) -> None:
        """Bring the tables of an older release to this one's and commit it."""
        self._changing_schema(connection, self.schema.upgrade)

    def _changing_schema(self, connection: Connection, change: Callable[[Connection], None]) -> None:
        """Change tables and commit it, while nobody else does so: the next one must see which revision is recorded."""
        with translating(), self._transactions.creating(connection):
            change(connection)
            _commit(connection)

    # In the host's transaction

    def check_dialect(self, dialect: Dialect) -> None:
        """Refuse a connection that the statements are not written for."""
        if (given := kind_of(dialect)) != self._dialect:
            store, other = "+".join(self._dialect), "+".join(given)
            raise InvalidInput("connection", f"this store writes through {store}, the connection goes through {other}")

    def join(
        self, connection: Connection, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]
    ) -> Decision[ResultT]:
        """Write a decision inside the host's transaction, each attempt in a SAVEPOINT."""
        self.check_dialect(connection.dialect)
        attempts = Attempts(host=True)
        while True:
            try:
                with translating():
                    stale = self._transactions.join(connection)
                with self._kept_open(connection):
                    return self._saved(connection, wanted, decide, attempts.following(stale=stale))
            except StartAgain as again:
                attempts.failed(self._within_host(connection, again))

    def visiting(self, connection: Connection, operation: Callable[[Connection], AnswerT]) -> AnswerT:
        """Read inside the host's transaction."""
        self.check_dialect(connection.dialect)
        try:
            with self._kept_open(connection), translating(), self._transactions.visit(connection):
                return operation(connection)
        except StartAgain as again:
            raise again.final(host=again.lost) from again.__cause__

    def join_schema(self, connection: Connection) -> None:
        """Create what is missing inside the host's transaction."""
        self.check_dialect(connection.dialect)
        try:
            with translating():
                self._transactions.join_creating(connection)
            with self._kept_open(connection):
                self.schema.create(connection)
        except StartAgain as again:
            raise again.final(host=again.lost) from again.__cause__

    @contextmanager
    def _kept_open(self, connection: Connection) -> Iterator[None]:
        """Notice that an error ended the host's transaction, where the database does so in silence.

        The connection is thrown away then, so that it can only be rolled back: a commit would keep nothing of what the
        host wrote, and raise nothing.
        """
        with translating():
            was_open = self._transactions.is_open(connection)
        try:
            yield
        except BaseException as exc:
            lost = connection.closed or connection.invalidated
            if not was_open or lost or self._transactions.is_open(connection):
                raise
            connection.invalidate(exc)
            if not isinstance(exc, StoreError):
                raise
            problem = f"{exc.problem}; that ended your transaction: roll back and run it again"
            raise StoreError(problem) from exc.__cause__

    # In either

    def read(self, connection: Connection, wanted: Wanted) -> Facts:
        """Read facts without locking."""
        return self._reader.gather(connection, wanted, None)

    def _decided(
        self,
        connection: Connection,
        wanted: Wanted,
        decide: Callable[[Facts], Decision[ResultT]],
        attempt: Attempt,
    ) -> Decision[ResultT]:
        """Lock, read, decide and write."""
        with translating():
            held = self._locking.hold(connection, wanted, attempt)
            facts = self._reader.gather(connection, wanted, held, attempt)
        decision = decide(facts)
        if decision.changes:
            with translating():
                self._writer.write(connection, wanted.program, decision, facts, held)
        return decision

    def _saved(
        self, connection: Connection, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]], attempt: Attempt
    ) -> Decision[ResultT]:
        """Try a decision once in a SAVEPOINT, which is taken back when it comes to nothing."""
        with translating():
            savepoint = connection.begin_nested()
        try:
            decision = self._decided(connection, wanted, decide, attempt)
            with translating():
                (savepoint.commit if decision.changes else savepoint.rollback)()
        except BaseException:
            with suppress(SQLAlchemyError):
                savepoint.rollback()
            raise
        return decision

    def _within_host(self, connection: Connection, again: StartAgain) -> StartAgain:
        """Note whether the host's transaction can go on after an attempt in it that failed."""
        try:
            with translating():
                again.lost = again.lost or self._transactions.keeps_snapshot(connection)
        except StartAgain as worse:
            return worse
        return again


def _commit(connection: Connection) -> None:
    """Commit; a connection on which that failed is thrown away.

    SQLAlchemy takes a transaction whose commit failed for ended, and would keep the connection with it still open.
    """
    try:
        with translating(committing=True):
            connection.commit()
    except BaseException:
        with suppress(SQLAlchemyError):
            connection.invalidate()
        raise
