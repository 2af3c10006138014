"""Wanting: which records the decision on a batch of events needs, from the events and the rules alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.codes import parse
from referral_engine.decisions.compiled import NO_NEEDS, Compiled
from referral_engine.events import REFUND, Event
from referral_engine.facts import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


def want_events(compiled: Compiled, events: Sequence[Event], now: datetime) -> Wanted:
    """Name what deciding the events needs."""
    types = {event.type for event in events}
    needs = [compiled.needs.get(event_type, NO_NEEDS) for event_type in types]
    actors = frozenset(event.member for event in events)
    backwards = any(event.of is not None for event in events)
    units = compiled.units if backwards else frozenset[str]().union(*(need.units for need in needs))
    return Wanted(
        program=compiled.id,
        actors=actors,
        members=frozenset(event.referrer for event in events if event.referrer is not None),
        arriving=actors,
        codes=_codes(compiled, events),
        events=frozenset(event.id for event in events),
        origins=frozenset(event.of for event in events if event.of is not None),
        tally_types=frozenset(event.type for event in events if event.amount is not None or event.type == REFUND).union(
            *(need.tally_types for need in needs)
        ),
        units=units,
        lot_units=compiled.units if backwards else units & compiled.idle_units,
        idle_units=units & compiled.idle_units,
        limit_rules=frozenset().union(*(need.limit_rules for need in needs)),
        limit_periods=_periods(compiled, events, now),
        spends=frozenset().union(*(need.spends for need in needs)),
    )


def _codes(compiled: Compiled, events: Sequence[Event]) -> frozenset[str]:
    spec = compiled.program.codes
    parsed = {parse(spec, event.code).text for event in events if event.code is not None}
    return frozenset(text for text in parsed if text is not None)


def _periods(compiled: Compiled, events: Sequence[Event], now: datetime) -> frozenset[str]:
    calendar = compiled.calendar
    return frozenset(
        calendar.key(span, now if event.at is None else event.at)
        for event in events
        for span in compiled.needs.get(event.type, NO_NEEDS).spans
    )
