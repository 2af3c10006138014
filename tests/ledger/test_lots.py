"""Ledger: "Lots: points may expire: rolling, calendar, or inactivity; from activation, not from earning".

What was fixed at the grant is never shortened.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from referral_engine import Expiry, InvalidProgram
from tests.ledger.stage import DAY, START, calendar, gives, idle, program_of, rolling

KINDS = [
    (rolling(1), "2026-03-04T00:00Z"),
    (rolling(30), "2026-04-02T00:00Z"),
    (rolling(months=1), "2026-04-03T00:00Z"),
    (rolling(months=12), "2027-03-03T00:00Z"),
    (calendar("month"), "2026-04-01T00:00Z"),
    (calendar("month", 1), "2026-05-01T00:00Z"),
    (calendar("quarter"), "2026-04-01T00:00Z"),
    (calendar("quarter", 1), "2026-07-01T00:00Z"),
    (calendar("year"), "2027-01-01T00:00Z"),
    (calendar("year", 12), "2028-01-01T00:00Z"),
    (idle(30), "2026-04-02T00:00Z"),
    (idle(months=6), "2026-09-03T00:00Z"),
]
by_kind = pytest.mark.parametrize(("expires", "end"), KINDS, ids=[expires.text for expires, _ in KINDS])


@by_kind
def test_points_live_through_the_end_of_their_last_day(expires, end, books):
    """All of them were activated on 2 March 2026."""
    opened = books(program_of(expires=expires))
    opened.earn("bob", 50)
    assert opened.lots() == [(end, 50)]
    assert opened.figures() == {"available": 50, "lifetime": 50, "expiring": 50}
    moment = datetime.fromisoformat(end)
    opened.clock.set(moment - timedelta(microseconds=1))
    assert opened.figures() == {"available": 50, "lifetime": 50, "expiring": 50}
    opened.clock.set(moment)
    assert opened.figures() == {"lifetime": 50, "expired": 50}
    assert opened.engine.lots("bob") == []


@by_kind
def test_from_activation_and_not_from_earning(expires, end, books):
    """A hold begins to live when it is posted."""
    opened = books(program_of(gives(50, hold=3 * DAY), expires=expires))
    opened.clock.set(START - 8 * DAY)
    opened.do("gift")
    opened.clock.set(START)
    assert opened.engine.lots("bob") == [], "what is held does not expire"
    opened.engine.release_due()
    assert opened.lots() == [(end, 50)]


def test_what_is_held_never_expires(books):
    opened = books(program_of(expires=rolling(5)))
    opened.do("preorder", amount=50, id="o-1")
    opened.wait(days=300)
    opened.engine.release_due()
    assert opened.figures() == {"held": 50}
    opened.do("delivery", of="o-1")
    assert opened.lots() == [("2027-01-02T00:00Z", 50)]


def test_without_expiry_points_never_expire(books):
    opened = books(program_of())
    opened.earn("bob", 50)
    assert opened.engine.lots("bob") == []
    opened.clock.set("2999-01-01T00:00:00Z")
    assert opened.engine.release_due().lots == 0
    assert opened.figures() == {"available": 50, "lifetime": 50}


def test_points_of_one_last_day_are_one_lot_and_others_are_apart(books):
    opened = books(program_of(expires=calendar("month")))
    for day, amount in ((2, 10), (31, 20), (32, 40)):
        opened.clock.set(datetime(2026, 3, 1, 23, tzinfo=UTC) + (day - 1) * DAY)
        opened.earn("bob", amount)
    assert opened.lots() == [("2026-04-01T00:00Z", 30), ("2026-05-01T00:00Z", 40)][-1:], "March is over"
    opened.clock.set("2026-03-31T00:00:00Z")
    assert opened.lots() == [("2026-04-01T00:00Z", 30), ("2026-05-01T00:00Z", 40)]
    assert [lot.slot for lot in opened.engine.lots("bob")] == ["2026-03-31", "2026-04-30"]


def test_a_late_event_counts_from_when_it_happened(books):
    opened = books(program_of(expires=rolling(10)))
    opened.earn("bob", 10, at=START - 4 * DAY)
    opened.earn("bob", 20, at=START)
    opened.earn("bob", 40, at=START - 30 * DAY)
    assert opened.lots() == [("2026-03-09T00:00Z", 10), ("2026-03-13T00:00Z", 20)]
    assert opened.figures() == {"available": 30, "lifetime": 70, "expired": 40, "expiring": 30}


def test_what_staff_gives_and_what_comes_back_of_a_payout_expires_as_if_granted_now(books):
    opened = books(program_of(gives(500, unit="usd"), expires=rolling(10), cash={"expires": rolling(10)}))
    opened.give("bob", 70, key="k-1")
    assert opened.lots() == [("2026-03-13T00:00Z", 70)]
    opened.do("gift")
    asked = opened.engine.request_payout("bob", 500, "usd", key="k-2")
    assert opened.engine.lots("bob", "usd") == []
    opened.wait(days=30)
    opened.engine.settle_payout(asked.id, "failed", actor="staff-1")
    (lot,) = opened.engine.lots("bob", "usd")
    assert (lot.expires_at, lot.remaining, lot.slot) == (datetime(2026, 4, 12, tzinfo=UTC), 500, "2026-04-11")


# Inactivity


def test_earning_prolongs_all_points_that_expire_by_inactivity(books):
    opened = books(program_of(expires=idle(10)))
    opened.earn("bob", 10)
    opened.wait(days=9)
    opened.earn("bob", 20)
    assert opened.lots() == [("2026-03-22T00:00Z", 30)]
    opened.clock.set("2026-03-21T23:59:59Z")
    assert opened.figures() == {"available": 30, "lifetime": 30, "expiring": 30}
    opened.clock.set("2026-03-22T00:00:00Z")
    assert opened.figures() == {"lifetime": 30, "expired": 30}


@pytest.mark.parametrize("way", ["redeem", "transfer", "adjust", "released", "confirmed", "given"])
def test_spending_and_getting_prolong_them_too(way, books):
    opened = books(program_of(gives(5, hold=9 * DAY, confirmed_by="delivery"), expires=idle(10)))
    opened.engine.join("alice")
    opened.earn("bob", 100)
    opened.do("gift", id="g-1")
    opened.wait(days=9)
    ways = {
        "redeem": lambda: opened.engine.redeem("bob", 5, key="k"),
        "transfer": lambda: opened.engine.transfer("bob", "alice", 5, key="k"),
        "adjust": lambda: opened.engine.adjust("bob", -5, key="k", actor="staff-1", memo="x"),
        "released": opened.engine.release_due,
        "confirmed": lambda: opened.do("delivery", of="g-1"),
        "given": lambda: opened.give("bob", 5, key="k"),
    }
    ways[way]()
    left = 95 if way in {"redeem", "transfer", "adjust"} else 105
    assert opened.lots() == [("2026-03-22T00:00Z", left)]


def test_cash_asked_for_prolongs_them_too(books):
    opened = books(program_of(cash={"expires": idle(10)}))
    opened.do("cashback", amount=100)
    opened.wait(days=9)
    opened.engine.request_payout("bob", 30, "usd", key="k")
    (lot,) = opened.engine.lots("bob", "usd")
    assert (lot.expires_at, lot.remaining) == (datetime(2026, 3, 22, tzinfo=UTC), 70)


@pytest.mark.parametrize("way", ["visit", "held", "refund", "replay", "refused", "cash", "other's"])
def test_nothing_else_prolongs_them(way, books):
    opened = books(program_of(expires=idle(10)))
    opened.earn("bob", 100, id="p-1")
    opened.engine.redeem("bob", 20, key="k")
    opened.wait(days=9)
    ways = {
        "visit": lambda: opened.do("visit"),
        "held": lambda: opened.do("order", amount=5),
        "refund": lambda: opened.refund("p-1", 1),
        "replay": lambda: opened.engine.redeem("bob", 20, key="k"),
        "refused": lambda: opened.refused("refund", of="nothing"),
        "cash": lambda: opened.do("cashback", amount=5),
        "other's": lambda: opened.earn("alice", 5),
    }
    ways[way]()
    assert opened.lots() == [("2026-03-13T00:00Z", 79 if way == "refund" else 80)]


def test_points_that_expired_by_inactivity_do_not_come_back_when_the_member_does(books):
    opened = books(program_of(expires=idle(10)))
    opened.earn("bob", 100)
    opened.wait(days=11)
    opened.earn("bob", 5)
    assert opened.lots() == [("2026-03-24T00:00Z", 5)]
    assert opened.figures() == {"available": 5, "lifetime": 105, "expired": 100, "expiring": 5}
    assert [move[:2] for move in opened.moves()] == [("grant", 100), ("grant", 5), ("expiry", 100)]


def test_a_late_event_does_not_shorten_what_lives_longer(books):
    opened = books(program_of(expires=idle(10)))
    opened.earn("bob", 10)
    opened.earn("bob", 20, at=START - 5 * DAY)
    assert opened.lots() == [("2026-03-13T00:00Z", 30)]


def test_a_late_event_joins_what_was_spent_since(books):
    """The member last got or spent points yesterday, so that what comes late lives on from there."""
    opened = books(program_of(gives(5), expires=idle(10)))
    opened.earn("bob", 100)
    opened.engine.redeem("bob", 100, key="k")
    opened.wait(days=1)
    late = {"at": START - 30 * DAY}
    outcomes = opened.engine.record_many(
        [opened.event("purchase", "bob", amount=7, **late), opened.event("gift", "bob", **late)]
    )
    assert [one.status for one in outcomes] == ["accepted", "accepted"]
    assert opened.lots() == [("2026-03-13T00:00Z", 12)]
    assert opened.figures() == {"available": 12, "lifetime": 112, "redeemed": 100, "expiring": 12}


# Fixed at the grant


def test_a_later_revision_does_not_shorten_what_was_granted(shelf):
    shelf.open(program_of(expires=rolling(100))).earn("bob", 50)
    later = shelf.open(program_of(expires=rolling(5)))
    later.earn("bob", 30)
    assert later.lots() == [("2026-03-08T00:00Z", 30), ("2026-06-11T00:00Z", 50)]


def test_a_hold_keeps_the_expiry_that_it_was_granted_with(shelf):
    shelf.open(program_of(expires=rolling(100))).do("order", amount=50)
    shelf.open(program_of()).do("order", amount=40)
    later = shelf.open(program_of(expires=rolling(5)))
    later.do("order", amount=30)
    later.wait(days=2)
    assert later.engine.release_due().holds == 3
    assert later.lots() == [("2026-03-10T00:00Z", 30), ("2026-06-13T00:00Z", 50)]
    assert later.figures() == {"available": 120, "lifetime": 120, "expiring": 80}, "40 of them never expire"


def test_points_go_on_to_expire_when_the_unit_no_longer_does(shelf):
    first = shelf.open(program_of(expires=rolling(5)))
    first.earn("bob", 50)
    later = shelf.open(program_of())
    later.earn("bob", 30)
    later.wait(days=6)
    assert later.figures() == {"available": 30, "lifetime": 80, "expired": 50}
    assert later.engine.release_due().lots == 1
    assert later.figures() == {"available": 30, "lifetime": 80, "expired": 50}


def test_a_hold_by_inactivity_does_not_bring_back_what_expired_under_a_revision_without_it(shelf):
    first = shelf.open(program_of(gives(7, hold=11 * DAY), expires=idle(10)))
    first.earn("bob", 50)
    first.do("gift")
    later = shelf.open(program_of())
    later.wait(days=11)
    later.engine.release_due()
    assert later.lots() == [("2026-03-24T00:00Z", 7)]
    assert later.figures() == {"available": 7, "lifetime": 57, "expired": 50, "expiring": 7}


def test_a_change_of_kind_leaves_the_lots_there_are(shelf):
    first = shelf.open(program_of(expires=idle(10)))
    first.earn("bob", 50)
    later = shelf.open(program_of(expires=rolling(3)))
    later.wait(days=1)
    later.earn("bob", 30)
    later.engine.redeem("bob", 10, key="k")
    assert later.lots() == [("2026-03-07T00:00Z", 20), ("2026-03-13T00:00Z", 50)]


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "rolling"},
        {"kind": "rolling", "months": 0},
        {"kind": "rolling", "months": 1, "days": 1},
        {"kind": "rolling", "days": 0},
        {"kind": "rolling", "days": 1, "period": "month"},
        {"kind": "inactivity"},
        {"kind": "inactivity", "months": 1, "period": "year"},
        {"kind": "calendar"},
        {"kind": "calendar", "months": 3},
        {"kind": "calendar", "period": "month", "days": 3},
        {"kind": "calendar", "period": "week"},
        {"kind": "rolling", "months": 1201},
        {"kind": "rolling", "days": 36_526},
        {"kind": "rolling", "months": -1},
        {"kind": "never"},
    ],
    ids=str,
)
def test_an_expiry_has_one_measure(given):
    with pytest.raises(InvalidProgram):
        Expiry(**given)
