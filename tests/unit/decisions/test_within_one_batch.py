"""Events recorded together see what the ones before them did, as if each had been alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from referral_engine import Event, Limit
from referral_engine.storage import MemoryStore
from tests.ledger.stage import Books, Shelf, gives, idle, program_of, rolling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def opened() -> Iterator[Callable[..., Books]]:
    """Opens books; at the end they must add up."""
    shelf = Shelf(MemoryStore())
    yield lambda *rules, **terms: shelf.open(program_of(*rules, **terms))
    shelf.close()


def event(name: str, kind: str = "gift", member: str = "bob", **more: Any) -> Event:
    return Event(**({"id": name, "type": kind, "member": member} | more))


def together(books: Books, *events: Event) -> list[Any]:
    """What is given for each of the events, or the codes of the reasons why nothing is."""
    books.knows(one.member for one in events)
    outcomes = books.engine.record_many(events)
    return [
        [grant.amount for grant in outcome.grants] or [reason.code for reason in outcome.reasons]
        for outcome in outcomes
    ]


@pytest.mark.parametrize(("uses", "credited"), [(None, 3), (3, 3), (2, 2), (1, 1), (0, 0)])
def test_a_code_is_used_up_by_the_signups_before(uses, credited, opened):
    books = opened()
    books.engine.join("alice")
    (code,) = books.engine.issue_codes(1, owner="alice", max_uses=uses)
    signups = [event(f"s-{name}", "signup", name, code=code.text) for name in ("bob", "carol", "dave")]
    ended = together(books, *signups)
    assert ended == [[]] * credited + [["code_used_up"]] * (3 - credited)
    assert books.engine.member("alice").referrals_total == credited


def test_uses_before_the_batch_count_too(opened):
    books = opened()
    books.engine.join("alice")
    (code,) = books.engine.issue_codes(1, owner="alice", max_uses=2)
    books.do("signup", "bob", code=code.text)
    signups = [event(f"s-{name}", "signup", name, code=code.text) for name in ("carol", "dave")]
    assert together(books, *signups) == [[], ["code_used_up"]]


def test_an_unknown_code_is_unknown_each_time(opened):
    elsewhere = opened(named="elsewhere").engine.invite_code("alice").text
    signups = [event(f"s-{name}", "signup", name, code=elsewhere) for name in ("bob", "carol")]
    assert together(opened(), *signups) == [["unknown_code"], ["unknown_code"]]


def test_counts_and_sums_go_on(opened):
    books = opened(
        gives(1, id="third", where="referee.count.gift == 3"), gives(2, id="much", where="referee.sum.gift == 12")
    )
    books.do("gift", amount=2)
    assert together(books, *[event(f"g-{n}", amount=5) for n in (1, 2, 3)]) == [[], [2, 1], []]


def test_a_limit_is_charged(opened):
    books = opened(gives(10, limits=[Limit(times=3, per="referee")]))
    books.do("gift")
    assert together(books, *[event(f"g-{n}") for n in (1, 2, 3)]) == [[10], [10], ["limited"]]


def test_and_given_back_by_a_refund(opened):
    books = opened(gives(10, limits=[Limit(times=1, per="referee")]))
    batch = [event("g-1"), event("g-2"), event("r-1", "refund", of="g-1"), event("g-3"), event("g-4")]
    assert together(books, *batch) == [[10], ["limited"], [], [10], ["limited"]]
    assert books.figures() == {"available": 10, "lifetime": 10}


@pytest.mark.parametrize("expires", [None, rolling(30), idle(30)], ids=["never", "rolling", "idle"])
def test_what_was_just_given_can_be_taken_back(expires, opened):
    books = opened(expires=expires)
    expiring = {} if expires is None else {"expiring": 20}
    batch = [
        event("p-1", "purchase", amount=30),
        event("r-1", "refund", of="p-1", amount=10),
        event("p-2", "purchase", amount=7),
        event("r-2", "refund", of="p-2"),
    ]
    together(books, *batch)
    assert books.figures() == {"available": 20, "lifetime": 20} | expiring
    assert [left for _, left in books.lots()] == ([20] if expiring else [])
    books.refund("p-1")
    assert books.figures() == {}


def test_what_was_just_held_can_be_posted_and_repay_a_debt(opened):
    books = opened(expires=rolling(30))
    books.earn("bob", 50, id="p-0")
    books.engine.redeem("bob", 50, key="k-1")
    batch = [
        event("r-1", "refund", of="p-0"),
        event("o-1", "preorder", amount=70),
        event("d-1", "delivery", of="o-1"),
    ]
    together(books, *batch)
    assert books.figures() == {"available": 20, "expiring": 20, "lifetime": 70, "redeemed": 50}
