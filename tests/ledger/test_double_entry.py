"""Ledger: "Double entry, integers, every transfer sums to zero per unit"; the accounts, and which have a floor."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from referral_engine import InsufficientBalance
from tests.ledger.stage import DAY, MEMBERS, gives, idle, program_of, rolling

if TYPE_CHECKING:
    from tests.ledger.stage import Books

EVERY_KIND = {
    "grant": ("campaign", "available"),
    "hold": ("campaign", "held"),
    "release": ("held", "available"),
    "void": ("held", "campaign"),
    "reversal": ("available", "campaign"),
    "repayment": ("available", "debt"),
    "redemption": ("available", "redeemed"),
    "adjustment": ("issuer", "available"),
    "transfer": ("available", "clearing"),
    "expiry": ("available", "expired"),
    "payout": ("available", "paying"),
    "payout_paid": ("paying", "redeemed"),
    "payout_return": ("paying", "available"),
}
"""The kinds of transfers and their accounts; an adjustment and a transfer go the other way too, a reversal to debt."""


def play_every_kind(books: Books) -> None:
    books.earn("bob", 100, id="p-1")
    books.do("order", amount=50, id="o-1")
    books.do("order", amount=60, id="o-2")
    books.refund("o-1")
    books.wait(days=2)
    books.engine.release_due()
    books.engine.redeem("bob", 130, key="k-1")
    assert books.refund("p-1") == [(100, 0, 70, 0)]
    books.give("bob", 200, key="k-2")
    books.engine.adjust("bob", -30, key="k-3", actor="staff-1", memo="a mistake")
    books.engine.join("alice")
    books.engine.transfer("bob", "alice", 40, key="k-4")
    books.do("cashback", amount=500)
    first = books.engine.request_payout("bob", 200, "usd", key="k-5")
    second = books.engine.request_payout("bob", 300, "usd", key="k-6")
    books.engine.settle_payout(first.id, "paid", actor="staff-1")
    books.engine.settle_payout(second.id, "failed", actor="staff-1")
    books.wait(days=40)
    books.engine.release_due()


def test_every_kind_of_transfer_moves_between_its_two_accounts_and_all_of_them_come_to_zero(books):
    """What the fixture checks at the end of every test, on a history that has every kind in it."""
    opened = books(program_of(expires=rolling(30)))
    play_every_kind(opened)
    moves = [move for member in MEMBERS for unit in ("points", "usd") for move in opened.moves(member, unit)]
    both_ways = {("reversal", "debt", "campaign"), ("adjustment", "available", "issuer")}
    receiving = {("transfer", "clearing", "available")}
    expected = {(kind, *ends) for kind, ends in EVERY_KIND.items()} | both_ways | receiving
    assert {(kind, debit, credit) for kind, _, debit, credit in moves} == expected


def test_over_all_accounts_of_a_unit_everything_comes_to_zero(books):
    opened = books(program_of(expires=rolling(30)))
    play_every_kind(opened)
    for unit, figures in {
        "points": {"campaign": -60, "issuer": -170, "available": 0, "debt": 0, "redeemed": 130, "expired": 100},
        "usd": {"campaign": -500, "paying": 0, "redeemed": 200, "available": 300},
    }.items():
        sums: Counter[str] = Counter()
        for member in MEMBERS:
            for _, amount, debit, credit in opened.moves(member, unit):
                sums[debit] -= amount
                sums[credit] += amount
        assert sum(sums.values()) == 0
        assert {name: sums[name] for name in figures} == figures
        assert {name for name in sums if sums[name]} <= figures.keys()


def test_the_clearing_account_comes_to_nothing_for_each_key(books):
    opened = books(program_of())
    opened.give("bob", 100, key="k-1")
    opened.engine.join("alice")
    for key in ("k-2", "k-3"):
        opened.engine.transfer("bob", "alice", 30, key=key)
    legs = [one for member in ("bob", "alice") for one in opened.transfers(member) if one.kind == "transfer"]
    cleared: Counter[str] = Counter()
    for leg in legs:
        cleared[leg.reference] += leg.amount * ((leg.credit == "clearing") - (leg.debit == "clearing"))
    assert dict(cleared) == {"k-2": 0, "k-3": 0}
    assert len({leg.id for leg in legs}) == 4


def test_a_transfer_carries_who_when_why_and_from_what(books):
    opened = books(program_of())
    (grant,) = opened.earn("bob", 100, id="p-1").grants
    opened.engine.redeem("bob", 40, key="k-1", memo="a coffee")
    first, second = opened.transfers()
    assert (first.member, first.unit, first.campaign, first.reference, first.memo) == (
        "bob", "points", "spring", "p-1", None,
    )  # fmt: skip
    assert (second.member, second.unit, second.campaign, second.reference, second.memo) == (
        "bob", "points", None, "k-1", "a coffee",
    )  # fmt: skip
    assert first.at == second.at == opened.clock.now()
    assert first.cursor < second.cursor
    assert grant.id not in {first.id, second.id}


def test_amounts_are_whole_numbers_up_to_10_to_the_15(books):
    opened = books(program_of())
    opened.earn("bob", 10**15)
    opened.give("bob", 10**15, key="k-1")
    assert opened.figures() == {"available": 2 * 10**15, "lifetime": 2 * 10**15}
    opened.engine.redeem("bob", 10**15, key="k-2")
    assert opened.figures() == {"available": 10**15, "lifetime": 2 * 10**15, "redeemed": 10**15}


@pytest.mark.parametrize("way", ["redeem", "adjust", "transfer", "request_payout"])
def test_no_account_of_a_member_goes_below_zero_by_what_is_asked(way, books):
    opened = books(program_of())
    opened.engine.join("alice")
    unit = "usd" if way == "request_payout" else "points"
    opened.do("cashback" if unit == "usd" else "purchase", amount=100)
    opened.do("order", amount=50)
    asks = {
        "redeem": lambda amount, key: opened.engine.redeem("bob", amount, key=key),
        "adjust": lambda amount, key: opened.engine.adjust("bob", -amount, key=key, actor="staff-1", memo="x"),
        "transfer": lambda amount, key: opened.engine.transfer("bob", "alice", amount, key=key),
        "request_payout": lambda amount, key: opened.engine.request_payout("bob", amount, "usd", key=key),
    }
    messages, entries = opened.told(), opened.engine.audit_log()
    with pytest.raises(InsufficientBalance) as caught:
        asks[way](101, "k-1")
    error = caught.value
    assert (error.member, error.unit, error.wanted, error.available) == ("bob", unit, 101, 100)
    assert (opened.told(), opened.engine.audit_log()) == (messages, entries), "nothing was written"
    asks[way](100, "k-1")
    assert "available" not in opened.figures(unit=unit)
    with pytest.raises(InsufficientBalance):
        asks[way](1, "k-2")


def test_only_the_debt_account_falls_below_zero(books):
    opened = books(program_of())
    opened.earn("bob", 100, id="p-1")
    opened.engine.redeem("bob", 80, key="k-1")
    opened.refund("p-1")
    assert opened.moves() == [
        ("grant", 100, "campaign", "available"),
        ("redemption", 80, "available", "redeemed"),
        ("reversal", 20, "available", "campaign"),
        ("reversal", 80, "debt", "campaign"),
    ]
    assert opened.figures() == {"redeemed": 80, "debt": 80}


def test_who_owes_has_nothing_available(books):
    """So a debt is never carried beside money that could repay it."""
    opened = books(program_of(gives(30), expires=idle(10)))
    opened.earn("bob", 100, id="p-1")
    opened.engine.redeem("bob", 80, key="k-1")
    opened.refund("p-1")
    for wanted in ({"debt": 50, "lifetime": 30}, {"debt": 20, "lifetime": 60}, {"available": 10, "lifetime": 90}):
        opened.do("gift")
        wanted |= {"redeemed": 80}
        assert opened.figures() == wanted | ({"expiring": 10} if "available" in wanted else {})


def test_two_units_of_one_member_are_two_purses(books):
    opened = books(program_of(gives(unit="usd")))
    opened.earn("bob", 70)
    opened.do("gift")
    assert opened.figures() == {"available": 70, "lifetime": 70}
    assert opened.figures(unit="usd") == {"available": 100, "lifetime": 100}
    assert opened.figures("alice") == {}
    opened.wait(days=DAY.days)
    assert opened.engine.liability("usd").outstanding == 100
