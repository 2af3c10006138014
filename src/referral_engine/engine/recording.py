"""Recording: events in, in transactions of bounded size, outcomes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from referral_engine.decisions import Compiled, decide_events, rejected, want_events
from referral_engine.errors import Conflict, InvalidEvent, InvalidInput
from referral_engine.events import Event
from referral_engine.ids import id_problem
from referral_engine.outcomes import Outcome, Reason

if TYPE_CHECKING:
    from referral_engine.engine.core import Core

BATCH_MAX = 1_000
"""How many events share one transaction at most."""

EventInput = Event | Mapping[str, Any]


def read_event(compiled: Compiled, given: object) -> Event | Outcome:
    """The event, or the rejected outcome of something that cannot be read as one."""
    if isinstance(given, Event):
        return given
    try:
        return Event.model_validate(given)
    except InvalidEvent as exc:
        named = given.get("id") if isinstance(given, Mapping) else None
        problem = exc.problems[0]
        return rejected(
            compiled,
            None if id_problem(named) else str(named),
            Reason.of("invalid_event", path=problem.path, problem=problem.message),
        )


async def record_all(core: Core, given: Iterable[EventInput]) -> list[Outcome]:
    """Record any number of events, BATCH_MAX to a transaction; an outcome for each, in order."""
    if isinstance(given, str | bytes | Mapping | Event) or not isinstance(given, Iterable):
        raise InvalidInput("events", "must be a list, or another iterable, of events")
    outcomes: list[Outcome] = []
    rest = iter(given)
    while batch := [read_event(core.compiled, one) for one in islice(rest, BATCH_MAX)]:
        outcomes += await _record_batch(core, batch)
    return outcomes


async def _record_batch(core: Core, batch: Sequence[Event | Outcome]) -> list[Outcome]:
    events = [one for one in batch if isinstance(one, Event)]
    decided = iter(await commit(core, events) if events else ())
    return [next(decided) if isinstance(one, Event) else one for one in batch]


async def commit(core: Core, events: Sequence[Event]) -> list[Outcome]:
    """Decide and write the events in one transaction; a batch that keeps meeting conflicts is halved."""
    try:
        return await transact(core, events)
    except Conflict as exc:
        if exc.host_must_retry or len(events) == 1:
            raise
        half = len(events) // 2
        first = await commit(core, events[:half])
        return first + await commit(core, events[half:])


async def transact(core: Core, events: Sequence[Event]) -> list[Outcome]:
    """Decide and write the events in one transaction, all or none."""
    now = core.now()
    wanted = want_events(core.compiled, events, now)
    decision = await core.store.apply(wanted, lambda facts: decide_events(core.compiled, facts, events, now))
    return decision.result


async def preview(core: Core, given: EventInput) -> Outcome:
    """Decide one event as `record` would, and write nothing."""
    event = read_event(core.compiled, given)
    if not isinstance(event, Event):
        return event
    now = core.now()
    facts = await core.store.read(want_events(core.compiled, [event], now))
    return decide_events(core.compiled, facts, [event], now).result[0]
