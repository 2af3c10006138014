"""Balances, budgets and statement entries."""

from datetime import UTC, datetime

import pytest

from referral_engine.ledger import Balance, Budget, Carried, Spend, Transfer, budget_of, entries_of


def test_balances_add_figure_by_figure():
    one, ten = Balance(1, 2, 3, 4, 5, 6, 7, 8), Balance(10, 20, 30, 40, 50, 60, 70, 80)
    assert one.plus(ten) == Balance(11, 22, 33, 44, 55, 66, 77, 88)


@pytest.mark.parametrize(
    ("total", "remaining"), [(1000, 300), (None, None), (0, -700)], ids=["limited", "unlimited", "lowered afterwards"]
)
def test_what_remains_is_total_less_spent_less_held(total, remaining):
    assert budget_of(total, Spend(spent=500, held=200)) == Budget(total, 500, 200, remaining)


@pytest.mark.parametrize(
    ("kind", "debit", "credit", "change"),
    [
        ("grant", "campaign", "available", (70, 0, 0)),
        ("hold", "campaign", "held", (0, 70, 0)),
        ("release", "held", "available", (70, -70, 0)),
        ("void", "held", "campaign", (0, -70, 0)),
        ("reversal", "available", "campaign", (-70, 0, 0)),
        ("reversal", "debt", "campaign", (0, 0, 70)),
        ("repayment", "available", "debt", (-70, 0, -70)),
        ("redemption", "available", "redeemed", (-70, 0, 0)),
    ],
)
def test_an_entry_shows_a_transfer_from_the_members_side(kind, debit, credit, change):
    transfer = Transfer(
        id="t",
        kind=kind,
        member="bob",
        unit="points",
        amount=70,
        debit=debit,
        credit=credit,
        campaign="spring",
        reference="ord-1",
        memo=None,
        at=datetime(2026, 3, 1, tzinfo=UTC),
        cursor=9,
    )
    (entry,) = entries_of([transfer], Carried(100, 200, 300))
    assert (entry.available, entry.held, entry.debt) == change
    after = (entry.available_after - 100, entry.held_after - 200, entry.debt_after - 300)
    assert after == change
    assert (entry.cursor, entry.kind, entry.reference) == (9, kind, "ord-1")
