"""Sending: the statements that write a decision, on their way to the database together where it can take them so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.statements import Advance, Bulk, Row


class Write(NamedTuple):
    """Rows, at least one, and the statement that writes them.

    `keys` is how many values name a row, which follow the program; 0 where that is not told.
    """

    bulk: Bulk
    rows: Sequence[Row]
    keys: int = 0


class Move(NamedTuple):
    """How far a program's counter moves."""

    advance: Advance
    program: str
    by: int


class Sent(NamedTuple):
    """How many rows each statement wrote or changed, and where the counter is, if it was to move."""

    counts: Sequence[int]
    position: int


class Sender(Protocol):
    """Sends statements in their order, none of which needs another one's answer."""

    def send(self, connection: Connection, writes: Sequence[Write], move: Move | None = None) -> Sent:
        """Carry out the writes, then move the counter; a driver's error ends it, and all must be rolled back."""
        ...


class InTurn:
    """Sends each statement when the one before is answered."""

    def send(self, connection: Connection, writes: Sequence[Write], move: Move | None = None) -> Sent:
        """As Sender.send."""
        counts = [write.bulk.run(connection, write.rows) for write in writes]
        return Sent(counts, 0 if move is None else move.advance.to(connection, move.program, move.by))
