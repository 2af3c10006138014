"""Driving psycopg: statements with numbered values, of which each answers one row.

They go straight to the driver, which prepares them: neither it nor SQLAlchemy looks through a long text again, and
nothing is built around an answer of one row. Else that would be a third of what an event costs outside of the database.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

NAMED = re.compile(r"%\((\w+)\)s")
"""A named value in a text, as psycopg writes it."""


class Numbered(NamedTuple):
    """A text with numbered values, and the names of the values in the order of their numbers."""

    text: str
    names: tuple[str, ...]

    def row(self, connection: Connection, given: Mapping[str, object]) -> Sequence[Any]:
        """Run the statement and answer its row."""
        return answer(connection, self.text, [given[name] for name in self.names])


def numbered(text: str) -> Numbered:
    """Put numbers in the place of named values; one that stands in several places is given its type by the first."""
    names = tuple(dict.fromkeys(NAMED.findall(text)))
    numbers = {name: place for place, name in enumerate(names, 1)}
    return Numbered(NAMED.sub(lambda match: f"${numbers[match[1]]}", text), names)


def answer(connection: Connection, text: str, values: Sequence[object]) -> Sequence[Any]:
    """Send a statement and wait for its row; an error comes as SQLAlchemy tells it.

    A driver that awaits does so in the greenlet in which SQLAlchemy runs us.
    """
    psycopg: Any = connection.dialect.dbapi
    given = connection.connection
    driver = given.driver_connection
    try:
        if connection.dialect.is_async:
            return await_only(_awaited(psycopg.AsyncRawCursor(driver), text, values))
        row: Sequence[Any] = psycopg.RawCursor(driver).execute(text, values).fetchone()
    except psycopg.Error as exc:
        if connection.dialect.is_disconnect(exc, given.dbapi_connection, None):
            connection.exec_driver_sql("SELECT 1")  # fails, so that SQLAlchemy sees it and renews all older connections
        raise DBAPIError(None, None, exc) from exc
    return row


async def _awaited(cursor: Any, text: str, values: Sequence[object]) -> Sequence[Any]:
    await cursor.execute(text, values)
    row: Sequence[Any] = await cursor.fetchone()
    return row
