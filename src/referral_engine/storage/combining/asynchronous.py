"""AsyncCombiner: tasks that record single events share their transactions."""

from __future__ import annotations

import asyncio
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from referral_engine.errors import InvalidInput
from referral_engine.outcomes import Outcome
from referral_engine.storage.combining.line import Line, Ticket
from referral_engine.storage.combining.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from referral_engine.events import Event


class AsyncCombiner:
    """Combiner for callers that await; the same batches, the same treatment of failures, one event loop.

    The transaction runs in a task of its own, which exists while there is something to carry. So a caller that is
    cancelled disturbs nobody: an event that still waits is taken back; one whose transaction has begun goes on with the
    others of its batch and may be recorded, though its caller no longer waits for the outcome. Sending it again is
    safe, as ever. When the carrying task itself is cancelled, as at the end of the loop, OutcomeUnknown is raised in
    the callers of its batch, and another task carries what waits.
    """

    def __init__(
        self,
        read: Callable[[Event | Mapping[str, Any]], Event | Outcome],
        commit: Callable[[Sequence[Event]], Awaitable[Sequence[Outcome]]],
        *,
        batch_max: int,
        waiting_max: int,
    ) -> None:
        """As Combiner; `commit` is awaited."""
        self._read = read
        self._commit = commit
        self._line: Line[Ticket] = Line(batch_max, waiting_max)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._carrier: asyncio.Task[None] | None = None

    async def record(self, event: Event | Mapping[str, Any]) -> Outcome:
        """Record one event, in a transaction shared with others, and answer what came of it.

        Answers and raises what the engine's `record` does; besides, Overloaded when too many wait, and InvalidInput
        when the combiner is closed. Of both, nothing was written.
        """
        self._line.check_open()
        given = self._read(event)
        if isinstance(given, Outcome):
            return given
        answered = self._own_loop().create_future()
        ticket = Ticket(given, partial(_resolve, answered))
        if self._line.enter(ticket):
            self._carry()
        try:
            await answered
        except BaseException:
            self._line.leave(ticket)
            raise
        return ticket.result()

    async def close(self) -> None:
        """Refuse new events and wait until those that came before are recorded; closing again is safe."""
        self._line.closed = True
        self._own_loop()
        while self._line.led and self._carrier is not None:
            await asyncio.wait([self._carrier])

    async def __aenter__(self) -> Self:
        """Use the combiner until the end of the block."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the combiner."""
        await self.close()

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise InvalidInput("combiner", "belongs to another event loop; open one in each loop")
        return loop

    def _carry(self) -> None:
        """Start a carrier, in a context of its own: what it writes belongs to many callers, not to the first."""
        self._carrier = self._own_loop().create_task(self._carried(), context=Context())
        self._carrier.add_done_callback(self._ended)

    async def _carried(self) -> None:
        """Carry batch after batch until nobody waits; nothing is awaited between the last look and the end."""
        while self._line.pass_on() is not None:
            trial = Trial()
            with trial.guarded():
                trial.begin(self._line.take())
                while part := trial.part():
                    try:
                        outcomes = await self._commit([one.event for one in part])
                    except Exception as exc:  # noqa: BLE001 - whatever it is, it is raised to those whom it concerns
                        trial.failed(exc)
                    else:
                        trial.succeeded(outcomes)

    def _ended(self, carrier: asyncio.Task[None]) -> None:
        """Begin anew where a carrier was stopped and others wait; one that came to its end has left nobody."""
        if carrier is self._carrier and self._line.led and self._line.pass_on() is not None:
            self._carry()


def _resolve(answered: asyncio.Future[None]) -> None:
    if not answered.done():
        answered.set_result(None)
