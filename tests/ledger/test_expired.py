"""Ledger: what has expired is gone at that instant, whether or not a timer came by; and it is written down once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from referral_engine import InsufficientBalance
from tests.ledger.stage import DAY, START, gives, idle, program_of, rolling

END = datetime(2026, 3, 13, tzinfo=UTC)


@pytest.fixture
def aged(books):
    """Bob has 60 points that have expired, 30 that will, and 5 that never do; no timer came by."""
    opened = books(program_of(expires=rolling(10)))
    opened.earn("bob", 60)
    opened.wait(days=5)
    opened.earn("bob", 30)
    opened.wait(days=6)
    return opened


def test_what_has_expired_is_gone_before_a_timer_came_by(aged):
    assert aged.figures() == {"available": 30, "lifetime": 90, "expired": 60, "expiring": 30}
    assert aged.lots() == [("2026-03-18T00:00Z", 30)]
    assert aged.lines() == [("grant", 60, 0, 0), ("grant", 30, 0, 0)], "it is not written down yet"


@pytest.mark.parametrize("way", ["redeem", "transfer", "adjust"])
def test_what_has_expired_cannot_be_spent(way, aged):
    aged.engine.join("alice")
    ways = {
        "redeem": lambda amount: aged.engine.redeem("bob", amount, key=f"k-{amount}"),
        "transfer": lambda amount: aged.engine.transfer("bob", "alice", amount, key=f"k-{amount}"),
        "adjust": lambda amount: aged.engine.adjust("bob", -amount, key=f"k-{amount}", actor="staff-1", memo="x"),
    }
    with pytest.raises(InsufficientBalance) as caught:
        ways[way](31)
    assert caught.value.available == 30
    assert len(aged.lines()) == 2, "a refused operation writes down nothing"
    ways[way](30)
    assert [move[:2] for move in aged.moves()[2:]] == [("expiry", 60), (aged.transfers()[3].kind, 30)]
    assert "available" not in aged.figures()
    assert aged.figures()["expired"] == 60
    assert aged.engine.release_due().lots == 0, "spending wrote it down"


def test_it_is_written_down_at_the_instant_at_which_it_expired(aged):
    done = aged.engine.release_due()
    assert (done.holds, done.lots, done.boards, done.more) == (0, 1, 0, False)
    assert aged.lines()[2:] == [("expiry", -60, 0, 0)]
    transfer = aged.transfers()[2]
    assert (transfer.at, transfer.debit, transfer.credit) == (END, "available", "expired")
    assert (transfer.reference, transfer.campaign, transfer.memo) == ("2026-03-12", None, None)
    assert aged.told("lot.expired") == [
        ("lot.expired", {"member": "bob", "unit": "points", "amount": 60, "expired_at": "2026-03-13T00:00:00+00:00"})
    ]
    assert aged.engine.messages(limit=1000)[-1].at == END
    assert aged.figures() == {"available": 30, "lifetime": 90, "expired": 60, "expiring": 30}


def test_only_what_is_left_of_a_lot_expires(aged):
    aged.clock.set(START + 5 * DAY)
    aged.engine.redeem("bob", 45, key="k")
    aged.clock.set(END)
    assert aged.engine.release_due().lots == 1
    assert aged.lines()[-1] == ("expiry", -15, 0, 0)
    aged.clock.set(END + 30 * DAY)
    assert aged.engine.release_due().lots == 1
    assert aged.figures() == {"lifetime": 90, "redeemed": 45, "expired": 45}
    assert aged.engine.release_due().lots == 0


def test_several_lots_of_several_members_expire_the_earliest_first(books):
    opened = books(program_of(expires=rolling(10)))
    for member, day in (("bob", 2), ("alice", 1), ("bob", 0), ("carol", 3)):
        opened.earn(member, 10 + day, at=START + day * DAY)
    opened.clock.set(END + 2 * DAY)
    done = opened.engine.release_due()
    assert (done.lots, done.more) == (3, False)
    told = [(said["member"], said["amount"]) for _, said in opened.told("lot.expired")]
    assert told == [("bob", 10), ("bob", 12), ("alice", 11)]
    assert opened.lots("carol") == [("2026-03-16T00:00Z", 13)]


def test_a_lot_that_is_empty_is_not_due(books):
    opened = books(program_of(expires=rolling(10)))
    opened.earn("bob", 60)
    opened.engine.redeem("bob", 60, key="k")
    opened.clock.set(END)
    assert opened.engine.release_due().lots == 0
    assert [kind for kind, *_ in opened.lines()] == ["grant", "redemption"]


def test_several_workers_write_it_down_once(shelf):
    """Eight timers at the same instant, for 40 members, half of them with a hold that is due as well."""
    opened = shelf.open(program_of(expires=rolling(1)))
    people = opened.knows(f"member-{n}" for n in range(40))
    opened.engine.record_many([opened.event("purchase", one, amount=10) for one in people])
    opened.engine.record_many([opened.event("order", one, amount=7) for one in people[::2]])
    opened.clock.set(START + 5 * DAY)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: opened.engine.release_due(limit=15), range(24)))
    assert (sum(one.holds for one in done), sum(one.lots for one in done)) == (20, 40)
    assert not opened.engine.release_due().more
    for place, one in enumerate(people):
        kinds = Counter(kind for kind, *_ in opened.lines(one))
        assert kinds == Counter(["grant", "expiry"] + ["hold", "release"] * (place % 2 == 0))
    assert len(opened.told("lot.expired")) == 40
    assert len(opened.told("grant.posted")) == 60


@pytest.mark.parametrize("timely", [True, False], ids=["timely", "never came by"])
@pytest.mark.parametrize("reversal", ["debt", "within_balance", "held_only"])
def test_the_timer_makes_no_difference_to_a_refund(timely, reversal, books):
    """The grant's own points have expired; other points, which live, are what there is to take."""
    opened = books(program_of(expires=rolling(10), reversal=reversal))
    opened.earn("bob", 60, id="p-1")
    opened.wait(days=5)
    opened.earn("bob", 30)
    opened.clock.set(END)
    if timely:
        assert opened.engine.release_due().lots == 1
    parts = {"debt": (60, 0, 30, 0), "within_balance": (30, 0, 0, 30), "held_only": (0, 0, 0, 60)}
    assert opened.refund("p-1") == [parts[reversal]]
    kept = {"debt": {"lifetime": 30, "debt": 30}, "within_balance": {"lifetime": 60}}
    untouched = {"available": 30, "lifetime": 90, "expiring": 30}
    assert opened.figures() == kept.get(reversal, untouched) | {"expired": 60}
    opened.engine.release_due()
    assert opened.figures() == kept.get(reversal, untouched) | {"expired": 60}


@pytest.mark.parametrize("timely", [True, False], ids=["timely", "never came by"])
@pytest.mark.parametrize("expires", [rolling(10), idle(10)], ids=["rolling", "idle"])
def test_the_timer_makes_no_difference_to_anything_else(timely, expires, books):
    opened = books(program_of(gives(40, hold=11 * DAY), expires=expires))
    opened.engine.join("alice")
    opened.earn("bob", 60)
    opened.do("gift")
    opened.clock.set(END)
    if timely:
        assert opened.engine.release_due().lots == 1
    opened.earn("bob", 20)
    opened.give("bob", 10, key="k-1")
    opened.engine.transfer("bob", "alice", 5, key="k-2")
    opened.engine.redeem("bob", 5, key="k-3")
    assert opened.figures() == {
        "available": 20, "held": 40, "lifetime": 90, "expired": 60, "redeemed": 5, "expiring": 20,
    }  # fmt: skip
    assert opened.lots() == [("2026-03-24T00:00Z", 20)]
    entry = opened.engine.audit_log()[0]
    assert (entry.before["available"], entry.after["available"]) == (20, 30)
