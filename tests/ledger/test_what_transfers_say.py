"""A transfer says for whom and why it was made: its campaign, its reference, the words given with it, and its time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.ledger.stage import DAY, START, gives, idle, program_of

if TYPE_CHECKING:
    from tests.ledger.stage import Books


def said(books: Books, member: str = "bob", unit: str = "points") -> list[tuple[Any, ...]]:
    found = books.transfers(member, unit)
    return [(one.kind, one.campaign, one.reference, one.memo, one.at - START) for one in found]


def test_what_a_campaign_gives_and_takes_back_names_it(books):
    made = books(program_of())
    made.earn("bob", 10, id="p-1")
    made.do("order", "bob", amount=20, id="o-1")
    made.do("order", "bob", amount=30, id="o-2")
    made.wait(hours=1)
    made.engine.redeem("bob", 4, key="k-1")
    made.refund("p-1", id="r-1")
    made.refund("o-1", id="r-2")
    made.wait(hours=47)
    made.engine.release_due()
    (released,) = [one.reference for one in made.transfers() if one.kind == "release"]
    hour, nothing = timedelta(hours=1), timedelta()
    assert said(made) == [
        ("grant", "spring", "p-1", None, nothing),
        ("hold", "spring", "o-1", None, nothing),
        ("hold", "spring", "o-2", None, nothing),
        ("redemption", None, "k-1", None, hour),
        ("reversal", "spring", "r-1", None, hour),
        ("reversal", "spring", "r-1", None, hour),
        ("void", "spring", "r-2", None, hour),
        ("release", "spring", released, None, 2 * DAY),
        ("repayment", None, released, None, 2 * DAY),
    ]


def test_a_repayment_was_made_when_the_points_came(books):
    """Those of an event that happened earlier, those that another member passed on, and those that staff gave."""
    made = books(program_of())
    made.earn("alice", 10)
    made.earn("bob", 10, id="p-1")
    made.engine.redeem("bob", 10, key="k-1")
    made.refund("p-1")
    made.wait(hours=2)
    made.earn("bob", 3, at=START + timedelta(hours=1))
    made.engine.transfer("alice", "bob", 3, key="k-2")
    made.wait(hours=2)
    made.give("bob", 3, "k-3")
    paid = [one.at - START for one in made.transfers() if one.kind == "repayment"]
    assert paid == [timedelta(hours=1), timedelta(hours=2), timedelta(hours=4)]


def test_a_payout_keeps_the_words_of_the_member_and_its_end_those_of_staff(books):
    made = books(program_of(gives(100, unit="usd")))
    made.do("gift")
    for key, state in (("k-1", "paid"), ("k-2", "failed"), ("k-3", "rejected")):
        payout = made.engine.request_payout("bob", 10, "usd", key=key, memo=f"please, {key}")
        made.engine.settle_payout(payout.id, state, actor="staff-1", memo=f"{state}, sorry")
    assert [(one.kind, one.memo) for one in made.transfers("bob", "usd")][1:] == [
        ("payout", "please, k-1"),
        ("payout_paid", "paid, sorry"),
        ("payout", "please, k-2"),
        ("payout_return", "failed, sorry"),
        ("payout", "please, k-3"),
        ("payout_return", "rejected, sorry"),
    ]


def test_a_hold_of_points_that_expired_by_inactivity_lives_as_long_where_they_no_longer_do(books):
    """What was fixed at the grant is never shortened; there is no activity any more that would prolong it."""
    made = books(program_of(expires=idle(months=2)))
    made.do("order", "bob", amount=20)
    later = books(program_of())
    later.wait(days=2)
    later.engine.release_due()
    assert later.lots() == [("2026-05-05T00:00Z", 20)]
    later.wait(days=30)
    later.earn("bob", 5)
    assert later.lots() == [("2026-05-05T00:00Z", 20)]


def test_two_such_holds_are_two_lots_each_with_its_own_end(books):
    made = books(program_of(expires=idle(days=10)))
    made.do("order", "bob", amount=20)
    made.wait(days=1)
    made.do("order", "bob", amount=30)
    later = books(program_of())
    for _ in range(2):
        later.wait(days=1)
        later.engine.release_due()
    assert later.lots() == [("2026-03-15T00:00Z", 20), ("2026-03-16T00:00Z", 30)]
