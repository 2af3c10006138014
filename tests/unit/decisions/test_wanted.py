"""`wanted` is sufficient: a store that shows a decision just that comes to the same as one that shows everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referral_engine import Event, Program
from referral_engine.storage import MemoryStore
from referral_engine.storage.memory.records import PreconditionFailed
from referral_engine.storage.memory.subset import subset
from referral_engine.testing.strategies import histories, programs
from tests.contract.stage import dump, plain
from tests.unit.decisions.crowd import CODES, NOW, Act, Player, acts, seed


class Sparing(MemoryStore):
    """Shows a decision what it wanted and no more, twice, and sees that it is decided alike and nothing is touched.

    A precondition that does not hold is an error at once: nobody else writes. `blind` names a part of `wanted` that it
    leaves out, to show that the property sees what is missing.
    """

    blind: str | None = None

    def apply(self, wanted: Any, decide: Any) -> Any:
        if self.blind is not None:
            wanted = replace(wanted, **{self.blind: False if self.blind == "revision" else frozenset()})
        records = self._records(wanted.program)
        facts = subset(records, wanted)
        before = plain(facts)
        decision = decide(facts)
        assert plain(decide(facts)) == plain(decision)
        assert plain(facts) == before
        records.write(decision.changes, decision.ordinals, chained=decision.chained)
        return decision


@settings(max_examples=80, deadline=None)
@given(acts)
def test_a_store_that_shows_just_what_was_wanted_comes_to_the_same(history):
    full, sparing = MemoryStore(), Sparing()
    for store in (full, sparing):
        seed(store)
    assert Player(sparing).play(history) == Player(full).play(history)
    assert dump(sparing) == dump(full)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_so_it_does_in_any_program(data):
    program: Program = data.draw(programs())
    history: list[Event] = data.draw(histories(program, size=25))
    cuts = sorted(data.draw(st.sets(st.integers(1, 24), max_size=5)))
    full, sparing = MemoryStore(), Sparing()
    parts = [history[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
    for store in (full, sparing):
        player = Player(store, program=program)
        player.clock.time = NOW
        for part in parts:
            player.engine.record_many(part)
            player.clock.advance(timedelta(days=20))
            player.engine.release_due()
    assert dump(sparing) == dump(full)
    assert sparing.drift(program.id) == []


def event(name: str, kind: str, member: str, **more: Any) -> Event:
    return Event(**({"id": name, "type": kind, "member": member, "at": NOW} | more))


def one(name: str, kind: str, member: str, **more: Any) -> Act:
    return Act("events", (event(name, kind, member, **more),))


TELLING = [
    one("s-1", "signup", "bob", code=CODES[0]),
    one("s-2", "signup", "carol", referrer="alice"),
    one("s-3", "signup", "dave", referrer="bob"),
    one("p-0", "purchase", "alice", amount=5),
    one("p-1", "purchase", "bob", amount=5),
    one("p-2", "purchase", "bob", amount=20),
    one("p-3", "purchase", "bob", amount=20),
    one("p-3", "purchase", "bob", amount=20),
    one("p-4", "purchase", "carol", amount=20),
    Act("redeem", ("bob", 20, "k")),
    Act("redeem", ("bob", 45, "k")),
    Act("release", (3,)),
    one("r-1", "refund", "bob", of="p-1"),
    one("r-2", "refund", "bob", of="p-2", amount=5),
    one("r-3", "refund", "bob", of="p-2", amount=20),
    one("p-5", "purchase", "bob", amount=20),
    Act("invite", ("erin",)),
    Act("invite", ("erin",)),
    one("c-1", "checkin", "bob"),
    one("d-1", "delivery", "bob", of="c-1"),
    Act("adjust", ("carol", 90, "a")),
    Act("adjust", ("carol", 90, "a")),
    Act("transfer", ("carol", "dave", 30, "t")),
    Act("transfer", ("carol", "dave", 30, "t")),
    Act("transfer", ("carol", "erin", 30, "t")),
    Act("payout", ("carol", 10, "o")),
    Act("payout", ("carol", 10, "o")),
    Act("settle", ("o", "failed")),
    Act("settle", ("o", "failed")),
    Act("payout", ("carol", 10, "o")),
    Act("payout", ("bob", 21, "all")),
    Act("events", tuple(event(f"late-{n}", "purchase", "bob", amount=20, at=NOW - timedelta(days=40)) for n in (1, 2))),
    Act("publish", ()),
    Act("publish", ()),
    Act("release", (61,)),
]
PARTS = [
    "actors",
    "members",
    "codes",
    "own_codes",
    "events",
    "origins",
    "grants",
    "payouts",
    "transfers",
    "tally_types",
    "units",
    "lot_units",
    "idle_units",
    "limit_rules",
    "limit_periods",
    "spends",
    "revision",
]


def told(blind: str | None) -> Any:
    """What the telling history comes to; a precondition that failed is told too."""
    store = Sparing()
    seed(store)
    store.blind = blind
    try:
        return Player(store).play(TELLING), dump(store)
    except (PreconditionFailed, KeyError) as exc:
        return type(exc).__name__


def test_the_telling_history_comes_to_the_same_with_all_that_is_wanted():
    full = MemoryStore()
    seed(full)
    assert told(blind=None) == (Player(full).play(TELLING), dump(full))


@pytest.mark.parametrize("part", PARTS)
def test_without_any_one_part_of_wanted_it_comes_to_something_else(part):
    """The control: so the property would see a part that is missing."""
    assert told(blind=part) != told(blind=None)


def test_every_part_of_wanted_is_under_control():
    """`arriving` concerns locks alone, of which a memory store has but one."""
    from referral_engine.facts import Wanted

    assert {*PARTS, "program", "arriving"} == {*Wanted.__dataclass_fields__}
