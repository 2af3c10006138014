"""Sending to PostgreSQL: what needs no answer of one another goes out at once, in the driver's pipeline mode.

The statements are the same, in the same order, as if each waited for the one before; only the waiting is saved. They go
straight to the driver, for SQLAlchemy asks for each answer before it sends the next statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from referral_engine.storage.sqlalchemy.sending import Move, Sent, Write

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.postgresql import PostgresAdvance, PostgresBulk
    from referral_engine.storage.sqlalchemy.statements import Row

Statement = tuple[str, Mapping[str, object]]
"""A text with named placeholders, and its values."""

_NO_ROW: Row = (0,)

class PostgresPipeline:
    """Sends by psycopg, blocking, or awaited in the greenlet that SQLAlchemy runs us in."""

    def send(self, connection: Connection, writes: Sequence[Write], move: Move | None = None) -> Sent:
        """As Sender.send; what is sent was built for PostgreSQL."""
        statements = [cast("PostgresBulk", write.bulk).statement(write.rows) for write in writes]
        if move is not None:
            statements.append(cast("PostgresAdvance", move.advance).statement(move.program, move.by))
        counts, last = _answered(connection, statements, fetch=move is not None)
        return Sent(counts[: len(writes)], int(last[0]))


def _answered(connection: Connection, statements: Sequence[Statement], *, fetch: bool) -> tuple[list[int], Row]:
    """Send the statements and wait for all answers: the row counts, and the row of the last one if it is to be fetched.

    An error comes as SQLAlchemy tells it, and ends what follows.
    """
    given = connection.connection
    driver: Any = given.driver_connection
    try:
        if connection.dialect.is_async:
            return await_only(_awaited(driver, statements, fetch=fetch))
        with driver.pipeline():
            cursors = [driver.execute(text, values) for text, values in statements]
        return [cursor.rowcount for cursor in cursors], cursors[-1].fetchone() if fetch else _NO_ROW
    except driver.Error as exc:
        broken = connection.dialect.is_disconnect(exc, given.dbapi_connection, None)
        if broken:
            connection.invalidate(exc)
        raise DBAPIError(None, None, exc, connection_invalidated=broken) from exc


async def _awaited(driver: Any, statements: Sequence[Statement], *, fetch: bool) -> tuple[list[int], Row]:
    async with driver.pipeline():
        cursors = [await driver.execute(text, values) for text, values in statements]
    return [cursor.rowcount for cursor in cursors], await cursors[-1].fetchone() if fetch else _NO_ROW
