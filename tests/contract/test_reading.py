"""Contract, "Reading": members, referrals, balances, statements, redemption, the outbox, verify."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from referral_engine import (
    Balance,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidInput,
    Limit,
    Reward,
    UnknownMember,
)
from tests.contract.stage import START, Stage, first_order, pays, program_of


@pytest.fixture
def rich() -> Stage:
    stage = Stage(program_of(pays(100), pays(70, id="cash", unit="usd")))
    stage.buy("bob")
    return stage


def test_member_is_none_for_a_stranger(spring):
    assert spring.engine.member("ghost") is None
    assert spring.engine.member("alice").id == "alice"


def test_referral_tells_who_referred_this_member_and_its_state(spring):
    referral = spring.engine.referral("bob")
    assert (referral.referrer, referral.state) == ("alice", "qualified")
    assert spring.engine.referral("alice") is spring.engine.referral("ghost") is None


def test_referrals_are_listed_in_the_order_of_recording_by_pages(spring):
    for n in range(7):
        spring.signup(f"friend-{n}", by="alice", at=START - timedelta(days=n))
    seen, after = [], None
    while page := spring.engine.referrals("alice", after=after, limit=3):
        assert len(page) <= 3
        seen += [one.referee for one in page]
        after = page[-1].cursor
    assert seen == ["bob", *(f"friend-{n}" for n in range(7))]
    assert spring.engine.referrals("bob") == spring.engine.referrals("ghost") == []


def test_referrals_by_state(spring):
    spring.signup("carol", by="alice", id="s-carol")
    spring.refund("carol", "s-carol")
    assert [one.referee for one in spring.engine.referrals("alice", state="qualified")] == ["bob"]
    assert [one.referee for one in spring.engine.referrals("alice", state="reversed")] == ["carol"]
    assert spring.engine.referrals("alice", state="pending") == []
    assert len(spring.engine.referrals("alice")) == 2


def test_balance_is_zeros_for_a_stranger_and_points_unless_told_otherwise(rich):
    assert rich.engine.balance("ghost") == Balance()
    assert rich.engine.balance("bob") == Balance(available=100, lifetime=100)
    assert rich.engine.balance("bob", "usd") == Balance(available=70, lifetime=70)


def test_reading_writes_nothing_and_joins_nobody(rich):
    before = rich.dump()
    engine = rich.engine
    engine.member("ghost"), engine.referral("ghost"), engine.referrals("ghost"), engine.balance("ghost")
    engine.statement("ghost"), engine.budget("spring", "points"), engine.messages(), engine.verify()
    engine.release_due()
    assert rich.dump() == before


def test_the_statement_tells_each_change_in_order_and_its_sum_is_the_balance():
    stage = Stage(program_of(first_order(where=None, limits=[])))
    stage.signup("alice")
    stage.signup("bob", by="alice")
    stage.buy("bob", 100, id="p-1")
    stage.clock.advance(timedelta(days=14))
    stage.engine.release_due()
    stage.engine.redeem("alice", 450, key="r-1", memo="a mug")
    stage.refund("bob", "p-1")
    lines = stage.engine.statement("alice")
    assert [(line.kind, line.available, line.held, line.debt) for line in lines] == [
        ("hold", 0, 500, 0),
        ("release", 500, -500, 0),
        ("redemption", -450, 0, 0),
        ("reversal", -50, 0, 0),
        ("reversal", 0, 0, 450),
    ]
    assert lines[2].memo == "a mug"
    assert lines[2].reference == "r-1"
    balance = stage.engine.balance("alice")
    sums = [sum(getattr(line, name) for line in lines) for name in ("available", "held", "debt")]
    assert sums == [balance.available, balance.held, balance.debt]


def test_the_statement_is_read_by_pages_each_item_with_its_cursor(rich):
    for _ in range(6):
        rich.buy("bob")
    lines = rich.engine.statement("bob")
    assert len(lines) == 7
    assert [line.cursor for line in lines] == sorted({line.cursor for line in lines})
    first = rich.engine.statement("bob", limit=4)
    assert first + rich.engine.statement("bob", after=first[-1].cursor, limit=4) == lines
    assert rich.engine.statement("bob", after=lines[-1].cursor) == []
    assert len(rich.engine.statement("bob", "usd", limit=2)) == 2


def test_redeem_takes_what_is_available_and_answers_the_transfer(rich):
    transfer = rich.engine.redeem("bob", 30, key="r-1", memo="a mug")
    assert (transfer.kind, transfer.member, transfer.unit, transfer.amount) == ("redemption", "bob", "points", 30)
    assert (transfer.reference, transfer.memo, transfer.at) == ("r-1", "a mug", START)
    assert rich.engine.balance("bob") == Balance(available=70, lifetime=100, redeemed=30), "lifetime does not fall"
    assert rich.engine.redeem("bob", 70, "usd", key="r-2").unit == "usd"
    assert rich.engine.verify() == []


def test_the_same_key_again_answers_the_same_transfer(rich):
    first = rich.engine.redeem("bob", 100, key="r-1", memo="m")
    before = rich.dump()
    rich.clock.advance(timedelta(days=1))
    assert rich.engine.redeem("bob", 100, key="r-1", memo="m") == first
    assert rich.dump() == before


@pytest.mark.parametrize("other", [{"amount": 31}, {"member_id": "carol"}, {"unit": "usd"}, {"memo": "x"}])
def test_the_same_key_with_other_content_is_a_conflict(other, rich):
    rich.buy("carol")
    given = {"member_id": "bob", "amount": 30, "key": "r-1"}
    rich.engine.redeem(**given)
    before = rich.dump()
    with pytest.raises(IdempotencyConflict) as conflict:
        rich.engine.redeem(**(given | other))
    assert (conflict.value.key, conflict.value.code) == ("r-1", "idempotency_conflict")
    assert rich.dump() == before


def test_more_than_is_available_is_refused_and_what_is_held_is_not_spendable(spring):
    spring.buy("bob")
    before = spring.dump()
    with pytest.raises(InsufficientBalance) as poor:
        spring.engine.redeem("alice", 1, key="r-1")
    error = poor.value
    assert (error.member, error.unit, error.wanted, error.available) == ("alice", "points", 1, 0)
    with pytest.raises(InsufficientBalance):
        spring.engine.redeem("bob", 201, key="r-1")
    assert spring.dump() == before
    assert spring.engine.redeem("bob", 200, key="r-1").amount == 200, "a refused key is free"


def test_a_stranger_cannot_redeem(spring):
    with pytest.raises(UnknownMember) as unknown:
        spring.engine.redeem("ghost", 1, key="r-1")
    assert unknown.value.member == "ghost"


def test_messages_are_the_outbox_in_the_order_of_commits(spring):
    spring.buy("bob", id="p-1")
    spring.refund("bob", "p-1")
    messages = spring.engine.messages()
    assert [message.type for message in messages] == [
        "referral.qualified", "grant.held", "grant.posted", "grant.reversed", "grant.reversed",
    ]  # fmt: skip
    assert [message.cursor for message in messages] == sorted({message.cursor for message in messages})
    assert dict(messages[0].payload) == {"referee": "bob", "referrer": "alice", "campaign": None}
    held = messages[1].payload
    assert (held["member"], held["event"], held["rule"], held["amount"]) == ("alice", "p-1", "first-order", 500)


def test_messages_by_pages(spring):
    for n in range(4):
        spring.signup(f"m{n}", by="alice")
    every = spring.engine.messages()
    assert len(every) == 5
    assert spring.engine.messages(limit=2) == every[:2]
    assert spring.engine.messages(after=every[1].cursor, limit=2) == every[2:4]


def test_acknowledge_lets_messages_go_on_from_there(spring):
    for n in range(4):
        spring.signup(f"m{n}", by="alice")
    every = spring.engine.messages()
    assert spring.engine.acknowledge(every[2].cursor) is None
    assert spring.engine.messages() == every[3:]
    assert spring.engine.messages(after=every[0].cursor) == every[1:], "an explicit cursor wins"
    spring.engine.acknowledge(every[0].cursor)
    assert spring.engine.messages() == every[3:], "a lower one changes nothing"


def test_acknowledging_beyond_the_end_hides_nothing_that_comes_later(spring):
    spring.engine.acknowledge(10**12)
    assert spring.engine.messages() == []
    spring.signup("carol", by="alice")
    assert [message.payload["referee"] for message in spring.engine.messages()] == ["carol"]


def test_verify_is_empty_in_health_and_names_what_drifted():
    limits = [Limit(times=5, per="referee")]
    stage = Stage(program_of(pays(give=[Reward("member", "points", 5, hold=timedelta(1))], limits=limits)))
    stage.buy("bob")
    assert stage.engine.verify() == []
    records = stage.store._programs["acme"]
    records.balances["bob", "points"] = replace(records.balances["bob", "points"], held=6)
    (drift,) = stage.engine.verify()
    assert (drift.kept, drift.expected) == (6, 5)
    assert "bob" in drift.key
    key = next(iter(records.limits))
    records.limits[key] = 3
    assert len(stage.engine.verify()) == 2


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda engine: engine.balance("bob", "gold"), "unit"),
        (lambda engine: engine.budget("autumn", "points"), "campaign"),
        (lambda engine: engine.budget("spring", "gold"), "unit"),
        (lambda engine: engine.referrals("alice", state="lost"), "state"),
        (lambda engine: engine.referrals("alice", limit=0), "limit"),
        (lambda engine: engine.statement("alice", limit=1_001), "limit"),
        (lambda engine: engine.messages(after=-1), "after"),
        (lambda engine: engine.member("a@b.de"), "member_id"),
    ],
)
def test_a_bad_argument_raises_invalid_input_that_names_it(call, name, spring):
    with pytest.raises(InvalidInput) as refused:
        call(spring.engine)
    assert (refused.value.name, refused.value.code) == (name, "invalid_input")
