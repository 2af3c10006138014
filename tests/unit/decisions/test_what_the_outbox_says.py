"""Each message tells when it happened and what the reference of events and reasons lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referral_engine import Reward
from referral_engine.ids import derived_id
from referral_engine.storage import MemoryStore
from tests.ledger.stage import DAY, START, Books, Shelf, gives, program_of, rolling

LATER = START + timedelta(hours=3)
EARLIER = START - timedelta(hours=1)


def opened(**terms: Any) -> Books:
    rules = terms.pop("rules", ())
    return Shelf(MemoryStore()).open(program_of(*rules, **terms))


def told(books: Books, kind: str) -> list[tuple[Any, dict[str, Any]]]:
    """When messages of a kind happened, and what they say."""
    return [(one.at, dict(one.payload)) for one in books.engine.messages(after=0, limit=1_000) if one.type == kind]


def grant_of(event: str, rule: str, amount: int, /, **more: Any) -> dict[str, Any]:
    given = {"grant": derived_id("acme", event, rule, 0), "event": event, "rule": rule, "member": "bob"}
    return given | {"unit": "points", "amount": amount} | more


def test_a_credited_signup_names_both_and_the_campaign_of_the_code():
    books = opened()
    code = books.engine.invite_code("alice", campaign="spring")
    books.do("signup", "bob", code=code.text, at=EARLIER)
    books.do("signup", "carol", referrer="alice", at=EARLIER)
    assert told(books, "referral.qualified") == [
        (EARLIER, {"referee": "bob", "referrer": "alice", "campaign": "spring"}),
        (EARLIER, {"referee": "carol", "referrer": "alice", "campaign": None}),
    ]


def test_a_refunded_signup_names_them_too():
    books = opened()
    code = books.engine.invite_code("alice", campaign="spring")
    signup = books.do("signup", "bob", code=code.text, at=EARLIER)
    books.refund(signup.event_id, at=START)
    assert told(books, "referral.reversed") == [
        (START, {"referee": "bob", "referrer": "alice", "campaign": "spring"}),
    ]


def test_what_is_given_at_once_is_posted_when_it_happened():
    books = opened()
    books.earn("bob", 70, id="p-1", at=EARLIER)
    assert told(books, "grant.posted") == [(EARLIER, grant_of("p-1", "as_bought", 70))]
    assert told(books, "grant.held") == []


def test_what_is_held_is_told_when_it_is_given_and_when_it_is_posted():
    books = opened()
    books.do("order", "bob", amount=70, id="o-1", at=EARLIER)
    assert told(books, "grant.held") == [(EARLIER, grant_of("o-1", "held_as_ordered", 70))]
    books.wait(days=2)
    books.engine.release_due()
    assert told(books, "grant.posted") == [(START + 2 * DAY, grant_of("o-1", "held_as_ordered", 70))]


def test_what_an_event_confirms_is_posted_when_that_happened():
    books = opened()
    books.do("preorder", "bob", amount=70, id="o-1", at=EARLIER)
    books.do("delivery", "bob", of="o-1", at=EARLIER + timedelta(minutes=5))
    assert told(books, "grant.posted") == [
        (EARLIER + timedelta(minutes=5), grant_of("o-1", "confirmed_as_ordered", 70)),
    ]


def test_of_a_hold_that_was_reversed_in_part_the_rest_is_posted():
    books = opened()
    books.do("order", "bob", amount=70, id="o-1")
    books.refund("o-1", 30, id="r-1")
    books.wait(days=2)
    books.engine.release_due()
    ((_, payload),) = told(books, "grant.posted")
    assert payload["amount"] == 40


def test_a_reversal_names_the_refund_and_what_is_owed():
    books = opened()
    books.earn("bob", 70, id="p-1")
    books.engine.redeem("bob", 50, key="k-1")
    books.refund("p-1", id="r-1", at=LATER)
    assert told(books, "grant.reversed") == [
        (LATER, grant_of("p-1", "as_bought", 70, event="r-1", debt=50, waived=0)),
    ]


def test_a_reversal_within_the_balance_names_what_was_left_with_the_member():
    books = opened(reversal="within_balance")
    books.earn("bob", 70, id="p-1")
    books.engine.redeem("bob", 50, key="k-1")
    books.refund("p-1", id="r-1", at=LATER)
    assert told(books, "grant.reversed") == [
        (LATER, grant_of("p-1", "as_bought", 20, event="r-1", debt=0, waived=50)),
    ]


def test_a_refund_that_takes_nothing_is_not_told():
    books = opened(reversal="held_only")
    books.earn("bob", 70, id="p-1")
    books.refund("p-1", id="r-1")
    assert told(books, "grant.reversed") == []


def test_points_that_expire_are_told_with_the_instant_at_which_they_did():
    books = opened(expires=rolling(1))
    books.earn("bob", 70)
    end = START.replace(hour=0) + 2 * DAY
    books.wait(days=5)
    books.engine.release_due()
    assert told(books, "lot.expired") == [
        (end, {"member": "bob", "unit": "points", "amount": 70, "expired_at": end.isoformat()}),
    ]


def test_an_alarm_tells_the_part_of_the_budget_that_is_given_and_how_much_that_is():
    books = opened(budget={"points": 100})
    books.earn("bob", 30, at=EARLIER)
    assert told(books, "budget.alarm") == []
    books.do("order", "bob", amount=55, at=EARLIER)
    alarm = {"campaign": "spring", "unit": "points", "total": 100, "given": 85}
    assert told(books, "budget.alarm") == [(EARLIER, alarm | {"percent": 50}), (EARLIER, alarm | {"percent": 80})]


def test_spending_is_told():
    books = opened()
    books.earn("bob", 70)
    books.wait(hours=3)
    books.engine.redeem("bob", 50, key="k-1")
    assert told(books, "redemption.posted") == [
        (LATER, {"member": "bob", "unit": "points", "amount": 50, "key": "k-1"}),
    ]


def test_passing_on_is_told():
    books = opened()
    books.earn("bob", 70)
    books.engine.join("carol")
    books.wait(hours=3)
    books.engine.transfer("bob", "carol", 50, key="k-1")
    assert told(books, "transfer.posted") == [
        (LATER, {"member": "bob", "to": "carol", "unit": "points", "amount": 50, "key": "k-1"}),
    ]


def test_what_staff_gave_or_took_is_told_with_its_sign_and_who_it_was():
    books = opened()
    books.engine.join("bob")
    books.wait(hours=3)
    for amount, key in ((70, "k-1"), (-20, "k-2")):
        books.engine.adjust("bob", amount, key=key, actor="staff-7", memo="a test")
    common = {"member": "bob", "unit": "points", "actor": "staff-7"}
    assert told(books, "adjustment.posted") == [
        (LATER, common | {"amount": 70, "key": "k-1"}),
        (LATER, common | {"amount": -20, "key": "k-2"}),
    ]


@pytest.mark.parametrize("state", ["paid", "failed", "rejected"])
def test_a_payout_is_told_when_it_is_asked_for_and_when_it_is_decided(state):
    books = opened(rules=[gives(900, unit="usd")])
    books.do("gift", "bob")
    payout = books.engine.request_payout("bob", 500, "usd", key="k-1")
    books.wait(hours=3)
    books.engine.settle_payout(payout.id, state, actor="staff-7")
    said = {"payout": payout.id, "member": "bob", "unit": "usd", "amount": 500, "key": "k-1"}
    assert told(books, "payout.requested") == [(START, said)]
    assert told(books, f"payout.{state}") == [(LATER, said)]


def test_each_side_of_a_rule_is_a_grant_of_its_own():
    both = gives(give=[Reward("referrer", "points", 5), Reward("referee", "points", 7)])
    books = opened(rules=[both])
    books.engine.join("alice")
    books.do("signup", "bob", referrer="alice")
    books.do("gift", "bob", id="g-1")
    said = {"event": "g-1", "rule": "gives", "unit": "points"}
    assert told(books, "grant.posted") == [
        (START, said | {"grant": derived_id("acme", "g-1", "gives", 0), "member": "alice", "amount": 5}),
        (START, said | {"grant": derived_id("acme", "g-1", "gives", 1), "member": "bob", "amount": 7}),
    ]
