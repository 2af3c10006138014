"""Ledger: "the soonest to expire is spent first"; a reversal takes from the lot of its own grant first."""

from __future__ import annotations

import pytest

from tests.ledger.stage import DAY, START, gives, idle, program_of, rolling

LOTS = [("2026-03-08T00:00Z", 10), ("2026-03-10T00:00Z", 30), ("2026-03-13T00:00Z", 20)]


@pytest.fixture
def laden(books):
    """Bob has 30, 10 and 20 points, granted so, that expire in another order; and 40 that never do come on top."""
    opened = books(program_of(expires=rolling(10)))
    opened.engine.join("alice")
    for name, amount, day in (("p-1", 30, -3), ("p-2", 10, -5), ("p-3", 20, 0)):
        opened.earn("bob", amount, id=name, at=START + day * DAY)
    assert opened.lots() == LOTS
    return opened


def spend(books, way, amount):
    ways = {
        "redeem": lambda: books.engine.redeem("bob", amount, key="k"),
        "transfer": lambda: books.engine.transfer("bob", "alice", amount, key="k"),
        "adjust": lambda: books.engine.adjust("bob", -amount, key="k", actor="staff-1", memo="x"),
    }
    ways[way]()


@pytest.mark.parametrize("way", ["redeem", "transfer", "adjust"])
@pytest.mark.parametrize(
    ("amount", "left"),
    [
        (1, [9, 30, 20]),
        (9, [1, 30, 20]),
        (10, [30, 20]),
        (11, [29, 20]),
        (40, [20]),
        (41, [19]),
        (60, []),
    ],
)
def test_the_soonest_to_expire_is_spent_first(way, amount, left, laden):
    spend(laden, way, amount)
    assert laden.lots() == list(zip([end for end, _ in LOTS][3 - len(left) :], left, strict=True))
    figures = laden.figures()
    assert (figures.get("available", 0), figures.get("expiring", 0)) == (60 - amount, 60 - amount)


def test_what_never_expires_is_spent_last(shelf):
    shelf.open(program_of()).earn("bob", 40)
    opened = shelf.open(program_of(expires=rolling(10)))
    opened.earn("bob", 30)
    opened.engine.redeem("bob", 35, key="k-1")
    assert opened.lots() == []
    assert opened.figures() == {"available": 35, "lifetime": 70, "redeemed": 35}
    opened.wait(days=30)
    assert opened.engine.release_due().lots == 0
    opened.engine.redeem("bob", 35, key="k-2")
    assert opened.figures() == {"lifetime": 70, "redeemed": 70}


def test_cash_is_paid_out_the_soonest_to_expire_first(books):
    opened = books(program_of(cash={"expires": rolling(10)}))
    for amount, day in ((30, 0), (10, -5)):
        opened.do("cashback", amount=amount, at=START + day * DAY)
    opened.engine.request_payout("bob", 15, "usd", key="k")
    assert [lot.remaining for lot in opened.engine.lots("bob", "usd")] == [25]


def test_a_reversal_takes_from_the_lot_of_its_own_grant_first(laden):
    assert laden.refund("p-3", 15) == [(15, 0, 0, 0)]
    assert laden.lots() == [*LOTS[:2], (LOTS[2][0], 5)]
    assert laden.refund("p-1") == [(30, 0, 0, 0)]
    assert laden.lots() == [LOTS[0], (LOTS[2][0], 5)]


def test_then_a_reversal_takes_what_expires_soonest(laden):
    laden.engine.redeem("bob", 45, key="k")
    assert laden.lots() == [(LOTS[2][0], 15)]
    laden.earn("bob", 7, at=START - 5 * DAY)
    assert laden.lots() == [(LOTS[0][0], 7), (LOTS[2][0], 15)]
    assert laden.refund("p-3") == [(20, 0, 0, 0)]
    assert laden.lots() == [(LOTS[0][0], 2)]
    assert laden.figures() == {"available": 2, "lifetime": 47, "redeemed": 45, "expiring": 2}


def test_the_own_lot_of_a_hold_is_that_it_was_posted_to(books):
    opened = books(program_of(gives(50, hold=5 * DAY), expires=rolling(10)))
    opened.do("gift", id="g-1", amount=10)
    opened.earn("bob", 20)
    opened.wait(days=5)
    opened.engine.release_due()
    assert opened.lots() == [("2026-03-13T00:00Z", 20), ("2026-03-18T00:00Z", 50)]
    assert opened.refund("g-1", 4) == [(20, 0, 0, 0)]
    assert opened.lots() == [("2026-03-13T00:00Z", 20), ("2026-03-18T00:00Z", 30)]


def test_a_grant_that_never_expires_is_reversed_out_of_what_does(shelf):
    """It has no lot of its own, and what expires is spent before what does not."""
    shelf.open(program_of()).earn("bob", 40, id="p-1")
    opened = shelf.open(program_of(expires=rolling(10)))
    opened.earn("bob", 30)
    assert opened.refund("p-1", 25) == [(25, 0, 0, 0)]
    assert opened.lots() == [("2026-03-13T00:00Z", 5)]
    assert opened.refund("p-1") == [(15, 0, 0, 0)]
    assert opened.figures() == {"available": 30, "lifetime": 30}


def test_by_inactivity_all_points_are_one_lot(books):
    opened = books(program_of(expires=idle(10)))
    opened.earn("bob", 30, id="p-1", at=START - 5 * DAY)
    opened.earn("bob", 10, id="p-2")
    (lot,) = opened.engine.lots("bob")
    assert (lot.member, lot.unit, lot.slot, lot.remaining) == ("bob", "points", "idle", 40)
    opened.refund("p-1", 20)
    assert opened.lots() == [("2026-03-13T00:00Z", 20)]


def test_lots_show_what_was_spent_in_one_batch_with_what_was_earned(books):
    opened = books(program_of(expires=rolling(10)))
    events = [
        opened.event("purchase", "bob", amount=30, id="p-1", at=START - 3 * DAY),
        opened.event("purchase", "bob", amount=10, at=START - 5 * DAY),
        opened.event("refund", "bob", of="p-1", amount=20),
        opened.event("purchase", "bob", amount=5, at=START - 3 * DAY),
    ]
    opened.engine.record_many(events)
    assert opened.lots() == [("2026-03-08T00:00Z", 10), ("2026-03-10T00:00Z", 15)]
