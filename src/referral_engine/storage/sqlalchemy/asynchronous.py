"""AsyncSQLAlchemyStore: the same store behind awaitable methods, for AsyncReferralEngine."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from referral_engine.storage.sqlalchemy.answering import AsyncAnswering
from referral_engine.storage.sqlalchemy.attempts import Attempt, Attempts, StartAgain
from referral_engine.storage.sqlalchemy.bound_asynchronous import AsyncBoundStore
from referral_engine.storage.sqlalchemy.engines import ASYNC_DRIVERS, check_engine, own_engine, prepare
from referral_engine.storage.sqlalchemy.operations import Operations
from referral_engine.storage.sqlalchemy.tables import Tables, define_tables
from referral_engine.storage.sqlalchemy.translating import translating

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Connection
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncConnection

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.storage.sqlalchemy.migrations.status import SchemaStatus

ResultT = TypeVar("ResultT")
AnswerT = TypeVar("AnswerT")

_NO_TURN: AbstractAsyncContextManager[Any] = nullcontext()


class AsyncSQLAlchemyStore(AsyncAnswering):
    """SQLAlchemyStore for a program that awaits: over aiosqlite, psycopg 3 or asyncmy. It belongs to one event loop.

    Takes what SQLAlchemyStore takes, and an AsyncEngine in the place of an Engine.
    """

    def __init__(self, url_or_engine: str | URL | AsyncEngine, *, tables: Tables | None = None) -> None:
        self._owns_engine = not isinstance(url_or_engine, AsyncEngine)
        if isinstance(url_or_engine, AsyncEngine):
            check_engine(url_or_engine.sync_engine, ASYNC_DRIVERS)
            self._engine = url_or_engine
        else:
            self._engine = own_engine(url_or_engine, ASYNC_DRIVERS, create_async_engine)
            prepare(self._engine.sync_engine)
        self._operations = Operations(define_tables() if tables is None else tables, self._engine.dialect)
        self._turn: AbstractAsyncContextManager[Any] = asyncio.Lock() if self._operations.one_writer else _NO_TURN

    async def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply."""
        return await self._attempt(
            lambda connection, attempt: self._operations.apply(connection, wanted, decide, attempt), self._turn
        )

    async def create_schema(self) -> None:
        """As StoreAdmin.create_schema."""
        await self._attempt(lambda connection, _: self._operations.create_schema(connection))

    async def upgrade(self) -> None:
        """Bring tables made by an older release, or none yet, to those of this one; needs the extra `migrations`.

        Safe to call again, and at once from several processes. Raises StoreError for tables of a newer release.
        """
        await self._attempt(lambda connection, _: self._operations.upgrade(connection))

    async def check(self) -> SchemaStatus:
        """Tell which revision the tables are of and what is wrong with them."""
        return await self._read(self._operations.schema.status)

    def bind(self, connection: Any) -> AsyncBoundStore:
        """As StoreAdmin.bind; takes an AsyncConnection, or an AsyncSession and asks it for its connection each time."""
        return AsyncBoundStore(connection, self._operations)

    async def close(self) -> None:
        """As StoreAdmin.close; a host's engine stays open."""
        if self._owns_engine:
            await self._engine.dispose()

    async def __aenter__(self) -> Self:
        """Use the store in an async with block."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the store."""
        await self.close()

    async def _read(self, operation: Callable[[Connection], AnswerT]) -> AnswerT:
        return await self._attempt(lambda connection, _: self._operations.reading(connection, operation))

    async def _attempt(
        self, operation: Callable[[Connection, Attempt], AnswerT], turn: AbstractAsyncContextManager[Any] = _NO_TURN
    ) -> AnswerT:
        """Run an operation in a transaction of our own until it goes through or the attempts are used up.

        Where the database lets one write at a time, tasks take turns: they would poll it for its lock, unfairly.
        """
        attempts = Attempts()
        while True:
            try:
                async with turn, self._opened() as connection:
                    return await connection.run_sync(operation, attempts.following())
            except StartAgain as again:
                pause_s = attempts.failed(again)
            await asyncio.sleep(pause_s)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection and close it, which takes back what was not committed, also when the task is cancelled."""
        with translating():
            connection = await self._engine.connect()
        try:
            yield connection
        finally:
            with suppress(SQLAlchemyError):
                await asyncio.shield(connection.close())
