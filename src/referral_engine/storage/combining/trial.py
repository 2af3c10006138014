"""Trial: how a batch gets through when its transaction fails, so that one event's fault is not everybody's."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from referral_engine.errors import OutcomeUnknown, ReferralEngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from referral_engine.outcomes import Outcome
    from referral_engine.storage.combining.line import Ticket

FAILURES_MAX = 5
"""After so many failed transactions in a row it is no event's fault, and what is left of the batch is not tried again.

Two bad events, wherever they stand in a batch, cause at most four in a row.
"""


class Trial:
    """A batch and the parts of it that are still to be tried, each as one transaction.

    A failed transaction has written nothing. Its batch is halved and the halves are tried, all halves before any
    quarter. So one event that the store cannot take is soon alone with its error, at a price of about two transactions
    for each halving, and a batch that met Conflict goes through in smaller ones. When FAILURES_MAX transactions failed
    with none in between that went through, the store itself is at fault: every event that is left is told the error of
    its own last transaction. So a database that is down costs each batch that many tries and no more.

    A part whose outcome is unknown is not tried again: all of it is told OutcomeUnknown, as `record` would, and the
    caller who sends the event again learns whether it was recorded.
    """

    def __init__(self) -> None:
        self._parts: deque[tuple[Sequence[Ticket], Exception | None]] = deque()
        self._failures = 0

    def begin(self, batch: Sequence[Ticket]) -> None:
        """Take on a batch; an empty one has no part."""
        if batch:
            self._parts.append((batch, None))

    def part(self) -> Sequence[Ticket]:
        """Answer what the next transaction is to carry; empty when all are told."""
        return self._parts[0][0] if self._parts else ()

    def succeeded(self, outcomes: Sequence[Outcome]) -> None:
        """Hand out the outcomes of the part."""
        self._failures = 0
        for ticket, outcome in zip(self._parts[0][0], outcomes, strict=True):
            ticket.tell(outcome)
        self._parts.popleft()

    def failed(self, error: Exception) -> None:
        """Note that the transaction of the part was not carried out, or that nobody knows."""
        self._failures += 1
        part, _ = self._parts.popleft()
        if len(part) == 1 or isinstance(error, OutcomeUnknown):
            _tell(part, error)
        else:
            middle = len(part) // 2
            self._parts += ((part[:middle], error), (part[middle:], error))
        if self._failures >= FAILURES_MAX:
            for left, cause in self._parts:
                _tell(left, error if cause is None else cause)
            self._parts.clear()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Leave nobody waiting when whoever carries the batch is interrupted (KeyboardInterrupt, a cancelled task).

        The interruption may have come between a commit and its answer, so all that were not told are told
        OutcomeUnknown. It goes on to whom it was meant for.
        """
        try:
            yield
        except BaseException as exc:
            lost = OutcomeUnknown(f"whoever carried the transaction was stopped by {type(exc).__name__}")
            for part, _ in self._parts:
                _tell([ticket for ticket in part if not ticket.answered], lost)
            self._parts.clear()
            raise


def _tell(part: Sequence[Ticket], error: Exception) -> None:
    """Give each an error of its own: one that is raised in several threads at once collects all their tracebacks."""
    for ticket in part:
        ticket.tell(error if len(part) == 1 else _own(error))


def _own(error: Exception) -> Exception:
    if not isinstance(error, ReferralEngineError):
        return error
    mine = copy(error)
    mine.__cause__ = error.__cause__
    return mine.with_traceback(error.__traceback__)
