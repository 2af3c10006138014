"""Lots are shown to whatever draws on them, prolongs them or lets them expire: over a store that shows no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ledger.stage import Shelf, gives, idle, program_of, rolling
from tests.unit.decisions.test_wanted import Sparing

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """Opens books over a sparing store; at the end they must add up."""
    opened = Shelf(Sparing())
    yield opened
    opened.close()


def test_to_the_timer_that_lets_them_expire(shelf):
    books = shelf.open(program_of(expires=rolling(10)))
    books.earn("bob", 30)
    books.earn("alice", 20)
    books.wait(days=11)
    books.engine.release_due()
    for member, amount in (("bob", 30), ("alice", 20)):
        assert books.figures(member) == {"expired": amount, "lifetime": amount}
        assert books.lines(member)[-1] == ("expiry", -amount, 0, 0)


def test_to_staff_who_takes_points(shelf):
    books = shelf.open(program_of(expires=rolling(10)))
    books.earn("bob", 30)
    books.engine.adjust("bob", -10, key="k-1", actor="staff-1", memo="a test")
    assert books.figures() == {"available": 20, "expiring": 20, "lifetime": 30}
    assert [left for _, left in books.lots()] == [20]


def test_to_a_payout_that_goes_back_where_money_expires_by_inactivity(shelf):
    """What was due by then has expired; only what goes back begins anew."""
    books = shelf.open(program_of(gives(100, unit="usd"), cash={"expires": idle(10)}))
    books.do("gift")
    payout = books.engine.request_payout("bob", 40, "usd", key="k-1")
    books.wait(days=11)
    books.engine.settle_payout(payout.id, "failed", actor="staff-1")
    assert books.figures(unit="usd") == {"available": 40, "expiring": 40, "expired": 60, "lifetime": 100}
