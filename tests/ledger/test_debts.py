"""Ledger: "the shortfall becomes a debt that later grants repay first": every kind of credit does."""

from __future__ import annotations

import pytest

from tests.ledger.stage import DAY, gives, idle, program_of, rolling


@pytest.fixture(params=[None, rolling(10), idle(10)], ids=["lasting", "rolling", "idle"])
def owing(request, books):
    """Bob owes 80 points and 80 cents; the cents' payout is still to be decided."""
    opened = books(program_of(gives(50, hold=DAY, confirmed_by="delivery"), expires=request.param))
    opened.do("gift", id="g-1")
    for kind, unit in (("purchase", "points"), ("cashback", "usd")):
        opened.do(kind, amount=80, id=f"{unit}-1")
        opened.engine.redeem("bob", 80, unit, key=f"k-{unit}")
        assert opened.refund(f"{unit}-1") == [(80, 0, 80, 0)]
    assert opened.figures() == {"held": 50, "redeemed": 80, "debt": 80}
    assert opened.figures(unit="usd") == {"paying": 80, "debt": 80}
    return opened


def lifts(books, way, amount):
    """Credit an amount in one of the ways."""
    books.give("alice", 500, key="funds")
    ways = {
        "grant": lambda: books.earn("bob", amount),
        "adjustment": lambda: books.give("bob", amount, key="k"),
        "transfer": lambda: books.engine.transfer("alice", "bob", amount, key="k"),
    }
    ways[way]()
    return {"grant": amount, "adjustment": amount, "transfer": 0}[way]


@pytest.mark.parametrize("way", ["grant", "adjustment", "transfer"])
@pytest.mark.parametrize(("amount", "debt", "left"), [(30, 50, 0), (80, 0, 0), (81, 0, 1), (200, 0, 120)])
def test_a_credit_repays_what_is_owed_first(way, amount, debt, left, owing):
    lifetime = lifts(owing, way, amount)
    balance = owing.engine.balance("bob")
    assert (balance.available, balance.debt, balance.lifetime) == (left, debt, lifetime)
    repaid = 80 - debt
    assert owing.moves()[-2:] == [
        (way, amount, {"grant": "campaign", "adjustment": "issuer", "transfer": "clearing"}[way], "available"),
        ("repayment", repaid, "available", "debt"),
    ]
    assert sum(lot.remaining for lot in owing.engine.lots("bob")) == balance.expiring
    assert balance.expiring in {0, left}


@pytest.mark.parametrize("way", ["time", "event"])
def test_a_hold_repays_when_it_is_posted(way, owing):
    if way == "time":
        owing.wait(days=1)
        owing.engine.release_due()
    else:
        owing.do("delivery", of="g-1")
    assert owing.figures() == {"lifetime": 50, "redeemed": 80, "debt": 30}
    assert owing.moves()[-2:] == [("release", 50, "held", "available"), ("repayment", 50, "available", "debt")]
    assert owing.engine.lots("bob") == []


def test_what_comes_back_of_a_payout_repays_too(owing):
    (asked,) = owing.engine.payouts()
    owing.engine.settle_payout(asked.id, "failed", actor="staff-1")
    assert owing.figures(unit="usd") == {}
    assert owing.moves(unit="usd")[-2:] == [
        ("payout_return", 80, "paying", "available"),
        ("repayment", 80, "available", "debt"),
    ]


def test_a_repayment_names_what_repaid(owing):
    (grant,) = owing.earn("bob", 30).grants
    given = owing.give("bob", 20, key="k")
    repaid = [(one.reference, one.amount) for one in owing.transfers() if one.kind == "repayment"]
    assert repaid == [(grant.id, 30), (given.id, 20)]


def test_a_debt_is_repaid_in_its_own_unit_only(owing):
    owing.do("cashback", amount=10)
    assert owing.figures() == {"held": 50, "redeemed": 80, "debt": 80}
    assert owing.figures(unit="usd") == {"lifetime": 10, "paying": 80, "debt": 70}


def test_a_debt_grows_by_every_reversal_that_finds_nothing(books):
    opened = books(program_of())
    for place in (1, 2):
        opened.earn("bob", 50, id=f"p-{place}")
    opened.engine.redeem("bob", 90, key="k")
    assert opened.refund("p-1", 20) == [(20, 0, 10, 0)]
    assert opened.refund("p-2") == [(50, 0, 50, 0)]
    assert opened.figures() == {"lifetime": 30, "redeemed": 90, "debt": 60}


def test_a_grant_that_repaid_a_debt_can_be_reversed_itself(books):
    """The debt is back then."""
    opened = books(program_of())
    opened.earn("bob", 80, id="p-1")
    opened.engine.redeem("bob", 80, key="k")
    opened.refund("p-1")
    opened.earn("bob", 100, id="p-2")
    assert opened.figures() == {"available": 20, "lifetime": 100, "redeemed": 80}
    assert opened.refund("p-2") == [(100, 0, 80, 0)]
    assert opened.figures() == {"redeemed": 80, "debt": 80}


def test_only_the_rest_of_a_credit_expires(books):
    opened = books(program_of(expires=rolling(10)))
    opened.earn("bob", 80, id="p-1")
    opened.engine.redeem("bob", 80, key="k")
    opened.refund("p-1")
    opened.earn("bob", 100)
    assert opened.lots() == [("2026-03-13T00:00Z", 20)]
    opened.wait(days=20)
    opened.engine.release_due()
    assert opened.figures() == {"lifetime": 100, "expired": 20, "redeemed": 80}
