"""Ledger: "Lifetime counts what was ever posted; it does not fall by spending or expiry, and falls by reversal".

And the other figures, statements with a running balance, and the liability report.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from referral_engine import Balance, InvalidInput, Liability
from tests.ledger.stage import DAY, PAGE, START, calendar, gives, program_of, rolling


def test_lifetime_counts_what_was_posted_and_not_what_is_held(books):
    opened = books(program_of())
    opened.earn("bob", 100)
    opened.do("order", amount=40)
    assert opened.engine.balance("bob").lifetime == 100
    opened.wait(days=2)
    opened.engine.release_due()
    assert opened.engine.balance("bob").lifetime == 140


def test_lifetime_does_not_fall_by_spending_or_expiry(books):
    opened = books(program_of(expires=rolling(10)))
    opened.engine.join("alice")
    opened.earn("bob", 100)
    opened.engine.redeem("bob", 30, key="k-1")
    opened.engine.transfer("bob", "alice", 20, key="k-2")
    opened.engine.adjust("bob", -10, key="k-3", actor="staff-1", memo="x")
    assert opened.figures() == {"available": 40, "lifetime": 100, "redeemed": 30, "expiring": 40}
    opened.wait(days=30)
    opened.engine.release_due()
    assert opened.figures() == {"lifetime": 100, "redeemed": 30, "expired": 40}
    assert opened.figures("alice") == {"expired": 20}, "what was passed on is in nobody's lifetime once more"


def test_lifetime_does_not_fall_by_a_payout_nor_rise_by_its_return(books):
    opened = books(program_of())
    opened.do("cashback", amount=100)
    for state in ("failed", "rejected", "paid"):
        asked = opened.engine.request_payout("bob", 100, "usd", key=state)
        assert opened.engine.balance("bob", "usd").lifetime == 100
        opened.engine.settle_payout(asked.id, state, actor="staff-1")
        assert opened.engine.balance("bob", "usd").lifetime == 100
    assert opened.figures(unit="usd") == {"lifetime": 100, "redeemed": 100}


def test_lifetime_falls_by_reversal_also_of_what_was_spent(books):
    opened = books(program_of())
    opened.earn("bob", 100, id="p-1")
    opened.engine.redeem("bob", 70, key="k")
    opened.refund("p-1", 20)
    assert opened.engine.balance("bob").lifetime == 80
    opened.refund("p-1", 20)
    assert opened.engine.balance("bob").lifetime == 60
    opened.earn("bob", 50)
    assert opened.figures() == {"available": 40, "lifetime": 110, "redeemed": 70}, "repaying a debt is posting too"


def test_lifetime_does_not_fall_by_what_a_reversal_voided_or_waived(books):
    opened = books(program_of(reversal="held_only"))
    opened.earn("bob", 100, id="p-1")
    opened.do("order", amount=40, id="o-1")
    opened.refund("o-1")
    opened.refund("p-1")
    assert opened.figures() == {"available": 100, "lifetime": 100}


def test_a_stranger_has_nothing(books):
    opened = books(program_of(expires=rolling(10)))
    assert opened.engine.balance("ghost") == Balance(0, 0, 0, 0, 0, 0, 0, 0)
    assert (opened.engine.lots("ghost"), opened.engine.statement("ghost")) == ([], [])


# Statements


@pytest.fixture
def busy(books):
    """Bob's purse has seen a good deal."""
    opened = books(program_of(gives(7), expires=rolling(30)))
    opened.engine.join("alice")
    opened.earn("bob", 100, id="p-1")
    opened.do("order", amount=50, id="o-1")
    opened.do("order", amount=60)
    opened.wait(days=2)
    opened.refund("o-1", 20)
    opened.engine.release_due()
    opened.engine.redeem("bob", 150, key="k-1", memo="a bicycle")
    opened.refund("p-1")
    opened.do("gift")
    opened.give("bob", 200, key="k-2")
    opened.engine.transfer("bob", "alice", 13, key="k-3")
    opened.wait(days=40)
    opened.engine.release_due()
    return opened


def test_a_statement_lists_every_change_with_the_running_balance(busy):
    lines = [
        (line.kind, line.available, line.held, line.debt, line.available_after, line.held_after, line.debt_after)
        for line in busy.engine.statement("bob")
    ]
    assert lines == [
        ("grant", 100, 0, 0, 100, 0, 0),
        ("hold", 0, 50, 0, 100, 50, 0),
        ("hold", 0, 60, 0, 100, 110, 0),
        ("void", 0, -20, 0, 100, 90, 0),
        ("release", 60, -60, 0, 160, 30, 0),
        ("release", 30, -30, 0, 190, 0, 0),
        ("redemption", -150, 0, 0, 40, 0, 0),
        ("reversal", -40, 0, 0, 0, 0, 0),
        ("reversal", 0, 0, 60, 0, 0, 60),
        ("grant", 7, 0, 0, 7, 0, 60),
        ("repayment", -7, 0, -7, 0, 0, 53),
        ("adjustment", 200, 0, 0, 200, 0, 53),
        ("repayment", -53, 0, -53, 147, 0, 0),
        ("transfer", -13, 0, 0, 134, 0, 0),
        ("expiry", -134, 0, 0, 0, 0, 0),
    ]
    assert busy.figures() == {"lifetime": 297, "redeemed": 150, "expired": 134}


def test_a_line_says_when_and_why(busy):
    lines = busy.engine.statement("bob")
    assert (lines[0].at, lines[0].unit, lines[0].reference, lines[0].memo) == (START, "points", "p-1", None)
    assert (lines[6].at, lines[6].reference, lines[6].memo) == (START + 2 * DAY, "k-1", "a bicycle")
    assert (lines[14].at, lines[14].reference) == (datetime(2026, 4, 4, tzinfo=UTC), "2026-04-03")
    assert [line.cursor for line in lines] == sorted({line.cursor for line in lines})


@pytest.mark.parametrize("size", [1, 2, 3, 7, 14, 15, 16])
def test_pages_of_any_size_give_the_same(size, busy):
    whole = busy.engine.statement("bob")
    found, after = [], None
    while page := busy.engine.statement("bob", after=after, limit=size):
        assert len(page) <= size
        found += page
        after = page[-1].cursor
    assert found == whole
    assert busy.engine.statement("bob", after=0) == whole


def test_the_last_line_is_the_balance(busy):
    busy.earn("bob", 31)
    busy.do("order", amount=11)
    balance, last = busy.engine.balance("bob"), busy.engine.statement("bob")[-1]
    assert (last.available_after, last.held_after, last.debt_after) == (balance.available, balance.held, balance.debt)
    assert (balance.available, balance.held) == (31, 11)


def test_a_statement_is_of_one_unit_and_one_member(busy):
    busy.do("cashback", amount=5)
    assert [line.available_after for line in busy.engine.statement("bob", "usd")] == [5]
    assert [line.available_after for line in busy.engine.statement("alice")] == [13, 0]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("limit", {"limit": 0}),
        ("limit", {"limit": 1001}),
        ("after", {"after": -1}),
        ("after", {"after": "x"}),
        ("unit", {"unit": "miles"}),
        ("member_id", {"member_id": "anna@example.org"}),
    ],
    ids=str,
)
def test_a_bad_argument_is_refused_by_name(name, given, busy):
    with pytest.raises(InvalidInput) as caught:
        busy.engine.statement(**({"member_id": "bob"} | given))
    assert caught.value.name == name
    assert len(busy.engine.statement("bob", limit=PAGE)) == 15


# Liability


def test_liability_is_what_all_members_together_are_owed(books):
    opened = books(program_of(expires=rolling(40)))
    opened.earn("bob", 100)
    opened.earn("alice", 30, at=START - 20 * DAY)
    opened.earn("carol", 20, at=START - 20 * DAY, id="p-carol")
    opened.do("order", "carol", amount=9)
    opened.engine.redeem("carol", 15, key="k")
    opened.refund("p-carol", member="carol")
    assert opened.engine.liability() == Liability(
        unit="points",
        at=START,
        outstanding=130,
        held=9,
        paying=0,
        debt=15,
        expiring={"2026-03": 30, "2026-04": 100},
        lasting=0,
    )
    assert list(opened.engine.liability().expiring) == ["2026-03", "2026-04"]


def test_liability_leaves_out_what_has_expired_written_down_or_not(books):
    opened = books(program_of(expires=calendar("month", 1)))
    for member, day in (("alice", -20), ("bob", -20), ("bob", 0), ("carol", 40)):
        opened.earn(member, 10, at=START + day * DAY)
    opened.clock.set("2026-04-01T00:00:00Z")
    before = opened.engine.liability()
    assert (before.outstanding, before.expiring, before.lasting) == (20, {"2026-04": 10, "2026-05": 10}, 0)
    assert opened.engine.release_due().lots == 2
    assert opened.engine.liability() == before


def test_liability_by_the_month_of_the_last_day_in_the_programs_zone(books):
    """Points whose last day is 31 March in Shanghai end at 16:00 of that day by Greenwich."""
    opened = books(program_of(expires=rolling(29), zone="Asia/Shanghai"))
    opened.earn("bob", 10)
    opened.wait(days=1)
    opened.earn("bob", 20)
    assert opened.lots() == [("2026-03-31T16:00Z", 10), ("2026-04-01T16:00Z", 20)]
    assert opened.engine.liability().expiring == {"2026-03": 10, "2026-04": 20}


def test_liability_tells_what_never_expires_apart(shelf):
    shelf.open(program_of()).earn("bob", 40)
    opened = shelf.open(program_of(expires=rolling(10)))
    opened.earn("alice", 30)
    report = opened.engine.liability()
    assert (report.outstanding, report.expiring, report.lasting) == (70, {"2026-03": 30}, 40)


def test_liability_in_cash_tells_what_is_being_paid(books):
    opened = books(program_of())
    opened.do("cashback", amount=100)
    first = opened.engine.request_payout("bob", 30, "usd", key="k-1")
    opened.engine.request_payout("bob", 20, "usd", key="k-2")
    opened.engine.settle_payout(first.id, "paid", actor="staff-1")
    report = opened.engine.liability("usd")
    assert (report.outstanding, report.paying, report.lasting, report.expiring) == (50, 20, 50, {})
    assert opened.engine.liability().outstanding == 0


def test_liability_of_points_that_live_beyond_the_years_that_have_periods(books):
    """An event may lie in 2999, and points may live for a hundred years."""
    opened = books(program_of(expires=rolling(months=1200)))
    opened.earn("bob", 10, at=datetime(2999, 6, 1, tzinfo=UTC))
    opened.earn("alice", 5)
    report = opened.engine.liability()
    assert (report.outstanding, report.expiring) == (15, {"2126-03": 5, "3099-06": 10})
    assert opened.lots() == [("3099-06-02T00:00Z", 10)]
