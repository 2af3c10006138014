"""Combiner: threads that record single events share their transactions."""

from __future__ import annotations

from threading import Condition, Lock
from typing import TYPE_CHECKING, Any, Self

from referral_engine.outcomes import Outcome
from referral_engine.storage.combining.line import Line, Ticket
from referral_engine.storage.combining.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from referral_engine.events import Event


class _Caller(Ticket):
    """A ticket whose caller is a thread, which sleeps at a gate of its own until it is answered or leads."""

    __slots__ = ("gate", "leads")

    def __init__(self, event: Event) -> None:
        gate = Lock()
        gate.acquire()
        super().__init__(event, gate.release)
        self.gate = gate
        self.leads = False


class Combiner:
    """Records single events of many threads, as many as wait at a time in one transaction.

    `record` from any thread blocks until the thread's own event is committed. There is no thread behind it and no
    timer: whoever comes first leads, commits what waits as one batch, hands out the outcomes and passes on to a caller
    that came in the meantime. So an event that comes alone is committed at once, and under load the next batch gathers
    while one commits. The events of one thread are recorded in the order of its calls; the oldest go first.

    A bad event rejects alone, as ever. When a whole transaction fails (Conflict, StoreError, or an error that nobody
    foresaw), its events are tried again in halves, so that one event's fault is not everybody's; a caller is raised the
    error of its own event's last transaction, and with a database that is down that is soon (`trial.FAILURES_MAX`).
    OutcomeUnknown is raised in all callers of the transaction; sending again is safe. When the thread that leads is
    interrupted, say by KeyboardInterrupt, OutcomeUnknown is raised in the others of its batch, and another one leads.

    At most `waiting_max` events wait; one more is refused with Overloaded, and nothing is written of it. A caller that
    had to wait for a place in the line would hold its thread and its event just the same, so only refusing is a limit.

    Use it in a with block, or call `close`. It belongs to one process: where a host forks, it opens a combiner in each
    child, for what waits in the parent while it forks would wait for ever in the child. A rule must not call the
    combiner that its event came by.
    """

    def __init__(
        self,
        read: Callable[[Event | Mapping[str, Any]], Event | Outcome],
        commit: Callable[[Sequence[Event]], Sequence[Outcome]],
        *,
        batch_max: int,
        waiting_max: int,
    ) -> None:
        """Combine calls of `commit`, which records events in one transaction, all or none, an outcome for each.

        `read` makes an event of what a caller gives, or the outcome that rejects it.
        """
        self._read = read
        self._commit = commit
        self._line: Line[_Caller] = Line(batch_max, waiting_max)
        self._mutex = Lock()
        self._resting = Condition(self._mutex)

    def record(self, event: Event | Mapping[str, Any]) -> Outcome:
        """Record one event, in a transaction shared with others, and answer what came of it.

        Answers and raises what the engine's `record` does; besides, Overloaded when too many wait, and InvalidInput
        when the combiner is closed. Of both, nothing was written. An interrupted call (KeyboardInterrupt) takes its
        event back if it still waits; once its transaction has begun, the event may be recorded.
        """
        self._line.check_open()
        given = self._read(event)
        if isinstance(given, Outcome):
            return given
        caller = _Caller(given)
        try:
            with self._mutex:
                leads = caller.leads = self._line.enter(caller)
            if not leads:
                caller.gate.acquire()
            if caller.leads:  # from the beginning, or since it was woken
                self._lead(caller)
        except BaseException:
            self._leave(caller)
            raise
        return caller.result()

    def close(self) -> None:
        """Refuse new events and wait until those that came before are recorded; closing again is safe."""
        with self._mutex:
            self._line.closed = True
            self._resting.wait_for(lambda: not self._line.led)

    def __enter__(self) -> Self:
        """Use the combiner until the end of the block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the combiner."""
        self.close()

    def _lead(self, caller: _Caller) -> None:
        """Carry one batch, the caller's own event at its head, and pass on."""
        trial = Trial()
        try:
            with trial.guarded():
                with self._mutex:
                    trial.begin(self._line.take())
                while part := trial.part():
                    try:
                        outcomes = self._commit([one.event for one in part])
                    except Exception as exc:  # noqa: BLE001 - whatever it is, it is raised to those whom it concerns
                        trial.failed(exc)
                    else:
                        trial.succeeded(outcomes)
        finally:
            self._pass_on(caller)

    def _pass_on(self, caller: _Caller) -> None:
        with self._mutex:
            caller.leads = False
            heir = self._line.pass_on()
            if heir is None:
                self._resting.notify_all()
            else:
                heir.leads = True
                heir.wake()

    def _leave(self, caller: _Caller) -> None:
        """Go without waiting any longer; one that was to lead passes on."""
        with self._mutex:
            self._line.leave(caller)
        if caller.leads:
            self._pass_on(caller)
