"""AsyncBoundStore: a store inside the transaction of a host that awaits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session

from referral_engine.storage.sqlalchemy.answering import AsyncAnswering
from referral_engine.storage.sqlalchemy.bound import refuse, refuse_again
from referral_engine.storage.sqlalchemy.translating import translating

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.storage.sqlalchemy.operations import Operations

ResultT = TypeVar("ResultT")
AnswerT = TypeVar("AnswerT")


class AsyncBoundStore(AsyncAnswering):
    """Writes through the host's AsyncConnection or AsyncSession, as BoundStore does."""

    bound: ClassVar[bool] = True

    def __init__(self, host: Any, operations: Operations) -> None:
        if isinstance(host, AsyncConnection):
            operations.check_dialect(host.dialect)
        elif not isinstance(host, AsyncSession | async_scoped_session):
            refuse(host, "an AsyncConnection or an AsyncSession")
        self._host = host
        self._operations = operations

    async def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply, in a SAVEPOINT inside the host's transaction."""
        connection = await self._connection()
        return await connection.run_sync(self._operations.join, wanted, decide)

    async def create_schema(self) -> None:
        """As StoreAdmin.create_schema, inside the host's transaction."""
        connection = await self._connection()
        await connection.run_sync(self._operations.join_schema)

    def bind(self, connection: Any) -> NoReturn:
        """Refuse: this store is bound."""
        del connection
        refuse_again()

    async def close(self) -> None:
        """Do nothing: the connection is the host's."""

    async def __aenter__(self) -> Self:
        """Use the store in an async with block."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Do nothing: the connection is the host's."""

    async def _read(self, operation: Callable[[Connection], AnswerT]) -> AnswerT:
        connection = await self._connection()
        return await connection.run_sync(self._operations.visiting, operation)

    async def _connection(self) -> AsyncConnection:
        if isinstance(self._host, AsyncConnection):
            return self._host
        with translating():
            connection: AsyncConnection = await self._host.connection()
        return connection
