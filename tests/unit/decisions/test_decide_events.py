"""decide_events is pure: the same facts, the same decision; nothing is changed; a batch is its events one by one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from referral_engine import Event, Program
from referral_engine.changes import AddEvent, Decision
from referral_engine.decisions import Compiled, decide_events, want_events
from referral_engine.facts import Facts
from referral_engine.storage import MemoryStore
from referral_engine.storage.memory.subset import subset
from referral_engine.testing.strategies import histories, programs
from tests.contract.stage import dump, plain
from tests.unit.decisions.crowd import NOW, PROGRAM, Player, acts, events, seed

COMPILED = Compiled(PROGRAM)
QUICK = settings(max_examples=60, deadline=None)


def shaken(facts: Facts, seed_: int) -> Facts:
    """The same facts, read-only, each mapping in another order."""
    shuffle = random.Random(seed_).shuffle

    def other(mapping: Any) -> Any:
        items = list(mapping.items())
        shuffle(items)
        return MappingProxyType(dict(items))

    parts = {part.name: getattr(facts, part.name) for part in fields(Facts)}
    return Facts(**{name: other(part) if isinstance(part, Mapping) else part for name, part in parts.items()})


def with_zeros_left_out(store: MemoryStore) -> Any:
    """A dump; a counter that came back to zero inside one batch was never written."""
    for records in store._programs.values():
        records.limits = {key: n for key, n in records.limits.items() if n}
        records.spends = {key: spend for key, spend in records.spends.items() if spend.spent or spend.held}
    return dump(store)


def after(history: Any) -> MemoryStore:
    store = MemoryStore()
    seed(store)
    Player(store).play(history)
    return store


@QUICK
@given(acts, st.lists(events, max_size=12), st.integers(0, 99))
def test_the_same_facts_give_the_same_decision_and_stay_as_they_are(history, batch, order):
    store = after(history)
    wanted = want_events(COMPILED, batch, NOW)
    facts = subset(store._records(PROGRAM.id), wanted)
    before = plain(facts)
    first = decide_events(COMPILED, facts, batch, NOW)
    assert plain(facts) == before
    assert plain(decide_events(COMPILED, facts, batch, NOW)) == plain(first)
    assert plain(decide_events(Compiled(PROGRAM), shaken(facts, order), batch, NOW)) == plain(first)


@QUICK
@given(acts, st.lists(events, max_size=12))
def test_a_store_may_show_more_than_was_wanted(history, batch):
    store = after(history)
    wanted = want_events(COMPILED, batch, NOW)
    records = store._records(PROGRAM.id)
    least = decide_events(COMPILED, subset(records, wanted), batch, NOW)
    assert plain(decide_events(COMPILED, records.facts(), batch, NOW)) == plain(least)


@QUICK
@given(acts)
def test_a_batch_is_its_events_one_by_one(history):
    """Outcomes, records, cursors and the outbox are equal."""
    together, alone = MemoryStore(), MemoryStore()
    for store in (together, alone):
        seed(store)
    assert Player(together).play(history) == Player(alone, alone=True).play(history)
    assert with_zeros_left_out(together) == with_zeros_left_out(alone)
    assert together.drift(PROGRAM.id) == alone.drift(PROGRAM.id) == []


@QUICK
@given(st.data())
def test_a_batch_is_its_events_one_by_one_in_any_program(data):
    program: Program = data.draw(programs())
    history: list[Event] = data.draw(histories(program))
    stores = MemoryStore(), MemoryStore()
    together, alone = (Player(store, program=program) for store in stores)
    assert together.engine.record_many(history) == [alone.engine.record(event) for event in history]
    assert with_zeros_left_out(stores[0]) == with_zeros_left_out(stores[1])
    assert stores[0].drift(program.id) == []


@QUICK
@given(acts, st.lists(events, min_size=1, max_size=12))
def test_every_change_of_a_decision_names_its_record_once_and_every_ordinal_is_within(history, batch):
    """The promises of changes.Decision."""
    store = after(history)
    decision = decide_events(
        COMPILED, subset(store._records(PROGRAM.id), want_events(COMPILED, batch, NOW)), batch, NOW
    )
    kinds = [type(change) for change in decision.changes]
    assert len({kind for kind, previous in zip(kinds, [None, *kinds], strict=False) if kind is not previous}) == len(
        [kind for kind, previous in zip(kinds, [None, *kinds], strict=False) if kind is not previous]
    ), "changes of one kind stand together"
    ordinals = [change.ordinal for change in decision.changes if hasattr(change, "ordinal")]
    assert len(set(ordinals)) == len(ordinals)
    assert all(0 <= ordinal < decision.ordinals for ordinal in ordinals)
    names = [record_of(change) for change in decision.changes]
    named = [name for name in names if name is not None]
    assert len({repr(name) for name in named}) == len(named)


def record_of(change: Any) -> object:
    """What a change writes, None for what is appended."""
    kind = type(change).__name__
    content = {part.name: getattr(change, part.name) for part in fields(change)}
    keys = {
        "PutMember": lambda: content["member"].id,
        "AddReferral": lambda: content["referral"].referee,
        "UpdateReferral": lambda: content["referral"].referee,
        "UseCode": lambda: content["text"],
        "AddEvent": lambda: content["event"].id,
        "PutRefunded": lambda: content["event_id"],
        "AdjustTally": lambda: (content["member"], content["type"]),
        "AdjustBalance": lambda: (content["member"], content["unit"]),
        "AddGrant": lambda: content["stored"].grant.id,
        "UpdateGrant": lambda: content["stored"].grant.id,
        "AddTransfer": lambda: content["transfer"].id,
        "AdjustLimit": lambda: content["key"],
        "AdjustSpend": lambda: (content["campaign"], content["unit"]),
        "AdjustScore": lambda: content["key"],
    }
    return (kind, keys[kind]()) if kind in keys else None


def test_nothing_of_the_time_of_deciding_enters_but_now():
    """Two decisions at two times differ in `recorded_at` alone when the event says when it happened."""
    event = Event(id="e", type="checkin", member="bob", at=NOW)

    def decide(now: Any) -> Decision[Any]:
        return decide_events(COMPILED, Facts(), [event], now)

    def at_no_time(decision: Decision[Any]) -> Any:
        return [
            replace(change, event=replace(change.event, recorded_at=NOW)) if isinstance(change, AddEvent) else change
            for change in decision.changes
        ]

    early, late = decide(NOW), decide(NOW.replace(year=2030))
    assert plain(at_no_time(early)) == plain(at_no_time(late))
    assert plain(early) != plain(late)
