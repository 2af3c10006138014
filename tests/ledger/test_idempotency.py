"""Ledger: "Every transfer has an idempotency key": whatever is asked for twice happens once."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import pytest

from referral_engine import IdempotencyConflict, InsufficientBalance, Reward
from tests.ledger.stage import DAY, PAGE, START, gives, program_of, rolling

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ledger.stage import Books

Asked = dict[str, Any]


def redeem(books: Books, given: Asked) -> Any:
    return books.engine.redeem(**given)


def adjust(books: Books, given: Asked) -> Any:
    return books.engine.adjust(**given)


def transfer(books: Books, given: Asked) -> Any:
    return books.engine.transfer(**given)


def payout(books: Books, given: Asked) -> Any:
    return books.engine.request_payout(**given)


COMMON: Asked = {"member_id": "bob", "amount": 40, "unit": "points", "key": "k-1", "memo": "one"}
CASH: Asked = COMMON | {"unit": "usd"}
OPERATIONS: dict[str, tuple[Callable[[Books, Asked], Any], Asked, list[Asked]]] = {
    "redeem": (
        redeem,
        COMMON,
        [{"member_id": "alice"}, {"amount": 41}, {"unit": "usd"}, {"memo": "two"}, {"memo": None}],
    ),
    "redeem cash": (redeem, CASH, [{"member_id": "alice"}, {"amount": 41}, {"unit": "points"}, {"memo": "two"}]),
    "adjust": (
        adjust,
        COMMON | {"actor": "staff-1"},
        [{"member_id": "alice"}, {"amount": 41}, {"amount": -40}, {"unit": "usd"}, {"memo": "two"}],
    ),
    "take": (
        adjust,
        COMMON | {"actor": "staff-1", "amount": -40},
        [{"member_id": "alice"}, {"amount": -41}, {"amount": 40}, {"unit": "usd"}, {"memo": "two"}],
    ),
    "transfer": (
        transfer,
        COMMON | {"to": "alice"},
        [{"member_id": "alice", "to": "bob"}, {"to": "carol"}, {"member_id": "carol"}, {"amount": 41}, {"memo": "two"}],
    ),
    "payout": (payout, CASH, [{"member_id": "alice"}, {"amount": 41}, {"memo": "two"}, {"memo": None}]),
}
case = pytest.mark.parametrize("operation", OPERATIONS)


@pytest.fixture
def funded(books) -> Books:
    """Everybody has 100 points and 100 cents."""
    opened = books(program_of())
    for member in ("alice", "bob", "carol"):
        opened.earn(member, 100)
        opened.do("cashback", member, amount=100)
    return opened


def state(books: Books) -> object:
    """All that could have been written."""
    return (
        [books.engine.balance(member, unit) for member in ("alice", "bob", "carol") for unit in ("points", "usd")],
        [books.transfers(member, unit) for member in ("alice", "bob", "carol") for unit in ("points", "usd")],
        books.engine.messages(after=0, limit=PAGE),
        books.engine.audit_log(),
        books.engine.payouts(),
    )


@case
def test_the_same_key_with_the_same_content_answers_the_same_and_changes_nothing(operation, funded):
    act, given, _ = OPERATIONS[operation]
    first = act(funded, given)
    before = state(funded)
    funded.wait(days=400)
    assert act(funded, given) == first
    assert state(funded) == before


@case
def test_the_same_key_with_other_content_is_refused_and_nothing_is_written(operation, funded):
    act, given, others = OPERATIONS[operation]
    act(funded, given)
    before = state(funded)
    for other in others:
        with pytest.raises(IdempotencyConflict) as caught:
            act(funded, given | other)
        assert caught.value.key == "k-1"
    assert state(funded) == before


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - {"adjust"}))
def test_a_key_that_failed_is_free(operation, funded):
    """What staff gives cannot fail so: it takes no money of the member."""
    act, given, _ = OPERATIONS[operation]
    sign = -1 if operation == "take" else 1
    with pytest.raises(InsufficientBalance):
        act(funded, given | {"amount": 101 * sign})
    assert act(funded, given).amount == 40


@case
def test_the_same_key_answers_also_when_the_money_is_gone(operation, funded):
    act, given, _ = OPERATIONS[operation]
    first = act(funded, given)
    left = funded.engine.balance("bob", given["unit"]).available
    funded.engine.redeem("bob", left, given["unit"], key="all-the-rest")
    assert act(funded, given) == first


def test_keys_of_redemptions_and_payouts_are_one_space_and_those_of_other_operations_are_apart(funded):
    """A cash redemption is a payout, so that one key cannot be both."""
    redeem(funded, COMMON)
    with pytest.raises(IdempotencyConflict):
        payout(funded, CASH)
    for operation in ("adjust", "transfer"):
        act, given, _ = OPERATIONS[operation]
        assert act(funded, given).reference == "k-1"
    payout(funded, CASH | {"key": "k-2"})
    with pytest.raises(IdempotencyConflict):
        redeem(funded, COMMON | {"key": "k-2"})
    assert funded.figures() == {"available": 60, "lifetime": 140, "redeemed": 40}


def test_a_redemption_of_cash_and_a_payout_under_one_key_are_the_same(funded):
    answer = redeem(funded, CASH)
    asked = payout(funded, CASH)
    assert (answer.reference, answer.kind, answer.amount) == (asked.id, "payout", 40)
    assert funded.figures(unit="usd") == {"available": 60, "lifetime": 100, "paying": 40}
    assert [one.id for one in funded.engine.payouts()] == [asked.id]


def test_a_payout_that_was_decided_answers_as_it_stands(funded):
    asked = payout(funded, CASH)
    funded.engine.settle_payout(asked.id, "rejected", actor="staff-1")
    again = payout(funded, CASH)
    assert again == replace(asked, state="rejected", decided_at=funded.clock.now(), actor="staff-1")
    assert redeem(funded, CASH).reference == asked.id
    assert funded.figures(unit="usd") == {"available": 100, "lifetime": 100}


def test_keys_of_two_programs_are_apart(shelf):
    here, there = shelf.open(program_of()), shelf.open(program_of(named="other"))
    for books in (here, there):
        books.earn("bob", 100, id="p-1")
        redeem(books, COMMON)
    assert here.figures() == there.figures() == {"available": 60, "lifetime": 100, "redeemed": 40}
    assert here.transfers()[0].id != there.transfers()[0].id


def test_an_event_sent_again_grants_nothing_twice(books):
    opened = books(program_of(gives(30)))
    event = opened.event("gift", "bob")
    first, again = opened.engine.record(event), opened.engine.record(event)
    assert (first.status, again.status, again.grants) == ("accepted", "duplicate", first.grants)
    outcomes = opened.engine.record_many([event, event])
    assert [one.status for one in outcomes] == ["duplicate", "duplicate"]
    assert opened.lines() == [("grant", 30, 0, 0)]


def test_a_refund_sent_again_takes_nothing_twice(books):
    opened = books(program_of())
    opened.earn("bob", 90, id="p-1")
    event = opened.event("refund", "bob", of="p-1", amount=30)
    assert opened.engine.record(event).reversals == opened.engine.record(event).reversals
    assert opened.lines() == [("grant", 90, 0, 0), ("reversal", -30, 0, 0)]


def test_a_confirmation_sent_again_posts_nothing_twice(books):
    opened = books(program_of())
    opened.do("preorder", amount=90, id="o-1")
    event = opened.event("delivery", "bob", of="o-1")
    assert opened.engine.record(event).confirmed == opened.engine.record(event).confirmed
    assert opened.do("delivery", of="o-1").confirmed == (), "another event finds nothing left to confirm"
    assert opened.lines() == [("hold", 0, 90, 0), ("release", 90, -90, 0)]


def test_what_is_due_is_done_once_however_often_the_timer_comes_by(books):
    opened = books(program_of())
    opened.do("order", amount=90)
    opened.clock.advance(2 * DAY)
    done = [opened.engine.release_due() for _ in range(3)]
    assert [one.holds for one in done] == [1, 0, 0]
    assert opened.lines() == [("hold", 0, 90, 0), ("release", 90, -90, 0)]


def test_a_settlement_said_again_changes_nothing(funded):
    asked = payout(funded, CASH)
    first = funded.engine.settle_payout(asked.id, "paid", actor="staff-1", memo="by bank")
    before = state(funded)
    funded.clock.advance(DAY)
    assert funded.engine.settle_payout(asked.id, "paid", actor="staff-2", memo="again") == first
    assert state(funded) == before


def derived(*parts: object) -> str:
    """16 bytes of BLAKE2b, in hexadecimal, of the parts on lines of their own."""
    return blake2b("\n".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def test_ids_are_derived_from_what_names_the_thing_so_that_a_replay_makes_the_same(books):
    """Kept in databases and named by hosts: they must not change from release to release."""
    opened = books(program_of(gives(give=[Reward("member", "points", 30), Reward("member", "points", 20, hold=DAY)])))
    once, held = (grant.id for grant in opened.do("gift", id="g-1").grants)
    assert [once, held] == [derived("acme", "g-1", "gives", side) for side in (0, 1)]
    opened.wait(days=1)
    opened.engine.release_due()
    opened.engine.redeem("bob", 50, key="k-1")
    opened.do("gift", id="g-2")
    opened.do("refund", of="g-2", id="r-1")
    opened.do("refund", of="g-1", id="r-2")
    opened.give("bob", 80, key="k-2")
    opened.give("alice", 1, key="k-3")
    opened.engine.transfer("bob", "alice", 10, key="k-4")
    again = [derived("acme", "g-2", "gives", side) for side in (0, 1)]
    given = derived("acme", "adjustment", "k-2")
    assert [one.id for one in opened.transfers()] == [
        derived(once, "grant"),
        derived(held, "hold"),
        derived(held, "release"),
        derived("acme", "redemption", "k-1"),
        derived(again[0], "grant"),
        derived(again[1], "hold"),
        derived(again[0], "back", "r-1", "available"),
        derived(again[1], "back", "r-1", "held"),
        derived(once, "back", "r-2", "debt"),
        derived(held, "back", "r-2", "debt"),
        given,
        derived(given, "repayment"),
        derived("acme", "transfer", "k-4", "out"),
    ]
    assert [one.id for one in opened.transfers("alice")] == [
        derived("acme", "adjustment", "k-3"),
        derived("acme", "transfer", "k-4", "in"),
    ]


def test_ids_of_payouts_and_of_their_transfers_are_derived_from_the_key(funded):
    ids = [derived("acme", "payout", key) for key in ("k-1", "k-2")]
    assert [payout(funded, CASH | {"key": key}).id for key in ("k-1", "k-2")] == ids
    funded.engine.settle_payout(ids[0], "paid", actor="staff-1")
    funded.engine.settle_payout(ids[1], "failed", actor="staff-1")
    assert [one.id for one in funded.transfers(unit="usd")[1:]] == [
        derived("acme", "redemption", "k-1"),
        derived("acme", "redemption", "k-2"),
        derived(ids[0], "paid"),
        derived(ids[1], "return"),
    ]


def test_ids_of_expiries_tell_apart_what_expires_twice_in_one_lot(books):
    """Points that are granted late into a lot whose end has come expire again."""
    opened = books(program_of(expires=rolling(1)))
    for amount, key in ((30, "p-1"), (20, "p-2")):
        opened.earn("bob", amount, id=key, at=START)
        opened.clock.set(START + 3 * DAY)
        assert opened.engine.release_due().lots == 1
    expired = [one for one in opened.transfers() if one.kind == "expiry"]
    slot = "2026-03-03"
    assert [one.id for one in expired] == [derived("acme", "expiry", "bob", "points", slot, n) for n in (0, 30)]
    assert [(one.reference, one.at) for one in expired] == [(slot, START.replace(day=4, hour=0))] * 2
