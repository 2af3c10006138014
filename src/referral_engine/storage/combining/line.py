"""Line: the events that wait for a transaction, the oldest first. It does not wait itself and guards nothing."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from referral_engine.errors import InvalidInput, Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable

    from referral_engine.events import Event
    from referral_engine.outcomes import Outcome


_UNTOLD = RuntimeError("the event has no outcome yet")


class Ticket:
    """One event on its way through a transaction, and what became of it.

    `wake` makes the caller, who may be waiting, look again; it neither blocks nor raises.
    """

    __slots__ = ("_told", "answered", "event", "wake")

    def __init__(self, event: Event, wake: Callable[[], object]) -> None:
        self.event: Event = event
        self.wake: Callable[[], object] = wake
        self.answered: bool = False
        self._told: Outcome | Exception = _UNTOLD

    def tell(self, told: Outcome | Exception) -> None:
        """Note the outcome, or what is to be raised, and wake the caller."""
        self._told = told
        self.answered = True
        self.wake()

    def result(self) -> Outcome:
        """Answer the outcome or raise the error, once: the ticket forgets an error, which knows the frame it is in."""
        told, self._told = self._told, _UNTOLD
        try:
            if isinstance(told, Exception):
                raise told
            return told
        finally:
            del told


TicketT = TypeVar("TicketT", bound=Ticket)


class Line(Generic[TicketT]):
    """Who waits, and whether somebody leads, that is, carries what waits into the next transaction.

    Whoever enters while nobody leads, leads, so that a lone event never waits. A leader takes a batch from the front,
    the oldest first, and afterwards passes on; while it works, the next batch gathers by itself.
    """

    def __init__(self, batch_max: int, waiting_max: int) -> None:
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._waiting: OrderedDict[TicketT, None] = OrderedDict()
        self.led: bool = False
        self.closed: bool = False

    def __len__(self) -> int:
        """How many wait; those in a transaction do not."""
        return len(self._waiting)

    def check_open(self) -> None:
        """Raise InvalidInput when the line is closed."""
        if self.closed:
            raise InvalidInput("combiner", "is closed; open another one with engine.combiner()")

    def enter(self, ticket: TicketT) -> bool:
        """Wait at the end of the line; True when it falls to this caller to lead. Raises InvalidInput, Overloaded."""
        self.check_open()
        if len(self._waiting) >= self._waiting_max:
            raise Overloaded(self._waiting_max)
        self._waiting[ticket] = None
        leads, self.led = not self.led, True
        return leads

    def take(self) -> list[TicketT]:
        """Take the next batch out of the line: the oldest, at most `batch_max`; none when nobody waits."""
        batch = list(islice(self._waiting, self._batch_max))
        for ticket in batch:
            del self._waiting[ticket]
        return batch

    def pass_on(self) -> TicketT | None:
        """End a turn of leading: the oldest that waits leads next; None when nobody waits, and nobody leads then."""
        heir = next(iter(self._waiting), None)
        self.led = heir is not None
        return heir

    def leave(self, ticket: TicketT) -> None:
        """Stop waiting; for one that was taken, or never entered, this does nothing."""
        self._waiting.pop(ticket, None)
