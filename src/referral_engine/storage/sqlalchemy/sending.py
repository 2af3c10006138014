"""Sending: the statements that write a decision, on their way to the database together where it can take them so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.attempts import StartAgain
    from referral_engine.storage.sqlalchemy.statements import Advance, Bulk, Row


class Write(NamedTuple):
    """Rows, at least one, and the statement that writes them.

    `keys` is how many values name a row, which follow the program; 0 where that is not told. `short` tells what it
    means that fewer rows were written or changed; None where it means nothing.
    """

    bulk: Bulk
    rows: Sequence[Row]
    keys: int = 0
    short: Callable[[], StartAgain] | None = None

    def check(self, count: int) -> None:
        """Raise what a count that is short means."""
        if self.short is not None and count != len(self.rows):
            raise self.short()


class Move(NamedTuple):
    """How far a program's counter moves, and past which ordinals: the first of them is 0."""

    advance: Advance
    program: str
    by: int


Appended = Callable[[int], Sequence[Write]]
"""What is written at a position: from the cursor of ordinal 0 to the writes."""


class Sender(Protocol):
    """Sends statements in their order."""

    def send(self, connection: Connection, writes: Sequence[Write], move: Move | None, appended: Appended) -> int:
        """Carry out the writes, move the counter, if it is to move, and write what is appended at its position.

        Answers the cursor of ordinal 0, which is 0 when the counter does not move. A driver's error, or StartAgain for
        a row count that is short, ends it, and all must be rolled back.
        """
        ...


class InTurn:
    """Sends each statement when the one before is answered."""

    def send(self, connection: Connection, writes: Sequence[Write], move: Move | None, appended: Appended) -> int:
        """As Sender.send."""
        for write in writes:
            write.check(write.bulk.run(connection, write.rows))
        base = 0 if move is None else move.advance.to(connection, move.program, move.by) - move.by + 1
        for write in appended(base):
            write.check(write.bulk.run(connection, write.rows))
        return base
