"""Bound stores: their writes are part of the host's transaction, and end with it as the host ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session, scoped_session

from referral_engine.errors import InvalidInput
from referral_engine.storage.sqlalchemy.answering import Answering
from referral_engine.storage.sqlalchemy.translating import translating

if TYPE_CHECKING:
    from collections.abc import Callable

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.storage.sqlalchemy.operations import Operations

ResultT = TypeVar("ResultT")
AnswerT = TypeVar("AnswerT")


def refuse(host: object, wanted: str) -> NoReturn:
    """Refuse what is no transaction of a host."""
    raise InvalidInput("connection", f"a {type(host).__name__} cannot be joined; give {wanted} of SQLAlchemy")


def refuse_again() -> NoReturn:
    """Refuse to bind a store that is bound."""
    raise InvalidInput("connection", "this store is bound to a transaction already; bind the store it came from")


class BoundStore(Answering):
    """Writes through the host's Connection or Session; commits, rolls back and closes nothing of the host's.

    Only a connection whose transaction the database itself has ended, unasked, is thrown away.
    """

    bound: ClassVar[bool] = True

    def __init__(self, host: Any, operations: Operations) -> None:
        if isinstance(host, Connection):
            operations.check_dialect(host.dialect)
        elif not isinstance(host, Session | scoped_session):
            refuse(host, "a Connection or a Session")
        self._host = host
        self._operations = operations

    def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply, in a SAVEPOINT inside the host's transaction."""
        return self._operations.join(self._connection(), wanted, decide)

    def create_schema(self) -> None:
        """As StoreAdmin.create_schema, inside the host's transaction."""
        self._operations.join_schema(self._connection())

    def bind(self, connection: Any) -> NoReturn:
        """Refuse: this store is bound."""
        del connection
        refuse_again()

    def close(self) -> None:
        """Do nothing: the connection is the host's."""

    def __enter__(self) -> Self:
        """Use the store in a with block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Do nothing: the connection is the host's."""

    def _read(self, operation: Callable[[Connection], AnswerT]) -> AnswerT:
        return self._operations.visiting(self._connection(), operation)

    def _connection(self) -> Connection:
        if isinstance(self._host, Connection):
            return self._host
        with translating():
            connection: Connection = self._host.connection()
        return connection
