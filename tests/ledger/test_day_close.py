"""Ledger: "Day-close order in `release_due`: activate holds … then expire lots"; at most `limit` things a call.

Levels, boards and prizes are steps of the same close that come with their own chapters; `boards` is 0 until then.
"""

from __future__ import annotations

import pytest

from referral_engine import InvalidInput, Program, ReferralEngine
from referral_engine.engine.closing import Released
from tests.ledger.stage import DAY, START, gives, idle, program_of, rolling


def test_nothing_due_is_nothing_done(books):
    opened = books(program_of(expires=rolling(10)))
    assert opened.engine.release_due() == Released(holds=0, lots=0, boards=0, more=False)
    opened.earn("bob", 10)
    opened.do("order", amount=10)
    assert opened.engine.release_due() == Released(holds=0, lots=0, boards=0, more=False)


def test_holds_come_before_lots(books):
    """With room for one thing it is the hold, though the lot was due before it; and so it stands in the books."""
    opened = books(program_of(expires=rolling(1)))
    opened.earn("bob", 60)
    opened.do("order", amount=25, at=START + DAY)
    opened.clock.set(START + 5 * DAY)
    assert opened.engine.release_due(limit=1) == Released(holds=1, lots=0, boards=0, more=True)
    assert opened.engine.release_due(limit=1) == Released(holds=0, lots=1, boards=0, more=False)
    assert [move[:2] for move in opened.moves()] == [("grant", 60), ("hold", 25), ("release", 25), ("expiry", 60)]
    assert opened.figures() == {"available": 25, "lifetime": 85, "expired": 60, "expiring": 25}


def test_in_one_call_too(books):
    opened = books(program_of(expires=rolling(1)))
    opened.earn("alice", 60)
    opened.do("order", amount=25)
    opened.clock.set(START + 5 * DAY)
    assert opened.engine.release_due() == Released(holds=1, lots=1, boards=0, more=False)
    kinds = [kind for kind, _ in opened.told("grant.posted", "lot.expired")]
    assert kinds == ["grant.posted", "grant.posted", "lot.expired"]


def test_what_a_hold_posts_lives_on_when_the_rest_of_an_idle_purse_expires(books):
    """The order matters to amounts where it is one lot: what was idle expires, what is posted now begins to live."""
    opened = books(program_of(gives(25, hold=11 * DAY), expires=idle(10)))
    opened.earn("bob", 60)
    opened.do("gift")
    opened.wait(days=11)
    done = opened.engine.release_due()
    assert (done.holds, done.more) == (1, False)
    assert opened.figures() == {"available": 25, "lifetime": 85, "expired": 60, "expiring": 25}
    assert opened.lots() == [("2026-03-24T00:00Z", 25)]
    assert [move[:2] for move in opened.moves()][2:] == [("release", 25), ("expiry", 60)]


def test_the_longest_held_are_posted_first(books):
    opened = books(program_of(gives(1, hold=3 * DAY)))
    for place, day in enumerate((3, 1, 2)):
        opened.do("gift", id=f"g-{place}", at=START - day * DAY)
    opened.clock.set(START + 3 * DAY)
    assert [opened.engine.release_due(limit=1).holds for _ in range(4)] == [1, 1, 1, 0]
    assert [said["event"] for _, said in opened.told("grant.posted")] == ["g-0", "g-2", "g-1"]


@pytest.mark.parametrize(
    ("limit", "done"),
    [
        (1, [(1, 0, True), (1, 0, True), (1, 0, True), (0, 1, True), (0, 1, False)]),
        (2, [(2, 0, True), (1, 1, True), (0, 1, False)]),
        (3, [(3, 0, True), (0, 2, False)]),
        (4, [(3, 1, True), (0, 1, False)]),
        (5, [(3, 2, False)]),
        (6, [(3, 2, False)]),
    ],
)
def test_limit_bounds_a_call_and_more_tells_that_something_is_left(limit, done, books):
    """Three holds, and two members with a lot, are due."""
    opened = books(program_of(expires=rolling(1)))
    for member in ("alice", "bob"):
        opened.earn(member, 10)
    for member in ("alice", "bob", "carol"):
        opened.do("order", member, amount=5, at=START + DAY)
    opened.clock.set(START + 3 * DAY)
    for holds, lots, more in done:
        assert opened.engine.release_due(limit=limit) == Released(holds, lots, 0, more)
    assert opened.engine.release_due(limit=limit) == Released(0, 0, 0, more=False)


def test_more_than_one_transaction_holds(books):
    """BATCH_MAX things go into a transaction; a call does several of them."""
    opened = books(program_of(expires=rolling(1)))
    people = opened.knows(f"member-{n}" for n in range(1200))
    opened.engine.record_many([opened.event("order", one, amount=5) for one in people])
    opened.wait(days=2)
    assert opened.engine.release_due(limit=1100) == Released(1100, 0, 0, more=True)
    assert opened.engine.release_due() == Released(100, 0, 0, more=False)
    opened.wait(days=2)
    assert opened.engine.release_due(limit=1150) == Released(0, 1150, 0, more=True)
    assert opened.engine.release_due() == Released(0, 50, 0, more=False)
    assert opened.engine.liability().outstanding == 0


@pytest.mark.parametrize("limit", [0, -1, 1_000_001, 1.0, None, True])
def test_a_bad_limit_is_refused(limit, books):
    opened = books(program_of())
    with pytest.raises(InvalidInput) as caught:
        opened.engine.release_due(limit=limit)
    assert caught.value.name == "limit"


def test_other_programs_of_the_store_are_left_alone(shelf):
    here, there = shelf.open(program_of(expires=rolling(1))), shelf.open(program_of(expires=rolling(1), named="other"))
    for opened in (here, there):
        opened.earn("bob", 10)
        opened.do("order", amount=5)
    shelf.clock.advance(2 * DAY)
    assert here.engine.release_due() == Released(1, 1, 0, more=False)
    assert there.moves() == [("grant", 10, "campaign", "available"), ("hold", 5, "campaign", "held")]
    assert there.engine.release_due() == Released(1, 1, 0, more=False)


def test_what_was_held_in_a_unit_that_the_program_has_left_behind_is_posted_with_the_rest(shelf):
    program = program_of(expires=rolling(1))
    opened = shelf.open(program)
    opened.do("order", amount=25)
    opened.do("order", "alice", amount=40)
    points, others = program.units["points"], {name: unit for name, unit in program.units.items() if name != "points"}
    later = ReferralEngine(
        shelf.store, Program(id=program.id, units={"stars": points, **others}, campaigns=[]), clock=opened.clock
    )
    opened.clock.set(START + 5 * DAY)
    assert later.release_due() == Released(holds=2, lots=0, boards=0, more=False)
    assert [opened.engine.balance(one).available for one in ("bob", "alice")] == [25, 40]
    assert later.verify() == []
