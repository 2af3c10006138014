"""Ledger: "Cash units redeem through a payout: requested → paid | failed (money returns) | rejected (money returns)".

There is a minimum amount.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from referral_engine import InsufficientBalance, InvalidInput, Program, ReferralEngine, Unit, UnknownMember
from referral_engine.ledger import Payout
from referral_engine.outcomes import AuditEntry
from tests.ledger.stage import DAY, START, program_of


@pytest.fixture
def funded(books):
    """Bob has 1000 cents."""
    opened = books(program_of(cash={"payout_min": 50}))
    opened.do("cashback", amount=1000)
    return opened


def ask(books, amount=300, key="k-1", **more):
    given = {"member_id": "bob", "amount": amount, "unit": "usd", "key": key} | more
    return books.engine.request_payout(**given)


def test_a_request_sets_the_money_aside(funded):
    asked = ask(funded, memo="to my bank")
    assert asked == Payout(
        id=asked.id,
        member="bob",
        unit="usd",
        amount=300,
        state="requested",
        key="k-1",
        memo="to my bank",
        requested_at=START,
    )
    assert (asked.decided_at, asked.actor) == (None, None)
    assert funded.figures(unit="usd") == {"available": 700, "lifetime": 1000, "paying": 300}
    assert funded.moves(unit="usd")[1:] == [("payout", 300, "available", "paying")]
    aside = funded.transfers(unit="usd")[1]
    assert (aside.reference, aside.memo, aside.at, aside.campaign) == (asked.id, "to my bank", START, None)
    assert funded.engine.payout(asked.id) == asked
    with pytest.raises(InsufficientBalance):
        ask(funded, 701, "k-2")


def told_of(asked):
    return {"payout": asked.id, "member": "bob", "unit": "usd", "amount": 300, "key": "k-1"}


def test_paid_it_has_left(funded):
    asked = ask(funded)
    funded.wait(days=1)
    decided = funded.engine.settle_payout(asked.id, "paid", actor="staff-7", memo="wire 12")
    assert decided == replace(asked, state="paid", decided_at=START + DAY, actor="staff-7")
    assert decided.cursor == funded.engine.payout(asked.id).cursor
    assert funded.figures(unit="usd") == {"available": 700, "lifetime": 1000, "redeemed": 300}
    assert funded.moves(unit="usd")[1:] == [
        ("payout", 300, "available", "paying"),
        ("payout_paid", 300, "paying", "redeemed"),
    ]
    last = funded.transfers(unit="usd")[2]
    assert (last.reference, last.memo, last.at) == (asked.id, "wire 12", START + DAY)
    assert funded.told("payout.requested", "payout.paid") == [
        ("payout.requested", told_of(asked)),
        ("payout.paid", told_of(asked)),
    ]
    assert funded.engine.messages()[-1].at == START + DAY


@pytest.mark.parametrize("state", ["failed", "rejected"])
def test_failed_or_rejected_the_money_is_back(state, funded):
    asked = ask(funded)
    decided = funded.engine.settle_payout(asked.id, state, actor="staff-7", memo="no such account")
    assert decided == replace(asked, state=state, decided_at=START, actor="staff-7")
    assert funded.figures(unit="usd") == {"available": 1000, "lifetime": 1000}
    assert funded.moves(unit="usd")[1:] == [
        ("payout", 300, "available", "paying"),
        ("payout_return", 300, "paying", "available"),
    ]
    assert funded.told(f"payout.{state}") == [(f"payout.{state}", told_of(asked))]
    assert ask(funded, 1000, "k-2").state == "requested"


@pytest.mark.parametrize("state", ["paid", "failed", "rejected"])
def test_the_decision_is_audited(state, funded):
    asked = ask(funded)
    funded.engine.settle_payout(asked.id, state, actor="staff-7", memo="as agreed")
    (entry,) = funded.engine.audit_log()
    assert entry == AuditEntry(
        cursor=entry.cursor,
        actor="staff-7",
        action="payout",
        subject=asked.id,
        at=START,
        before={"state": "requested"},
        after={"state": state, "member": "bob", "unit": "usd", "amount": 300},
        memo="as agreed",
    )


@pytest.mark.parametrize("first", ["paid", "failed", "rejected"])
@pytest.mark.parametrize("then", ["paid", "failed", "rejected"])
def test_a_payout_is_decided_once(first, then, funded):
    asked = ask(funded)
    decided = funded.engine.settle_payout(asked.id, first, actor="staff-7")
    figures, entries = funded.figures(unit="usd"), funded.engine.audit_log()
    if then == first:
        assert funded.engine.settle_payout(asked.id, then, actor="staff-8") == decided
    else:
        with pytest.raises(InvalidInput) as caught:
            funded.engine.settle_payout(asked.id, then, actor="staff-8")
        assert caught.value.name == "state"
        assert first in caught.value.problem
    assert (funded.figures(unit="usd"), funded.engine.audit_log()) == (figures, entries)


def test_a_payout_nobody_asked_for_cannot_be_decided(funded):
    with pytest.raises(InvalidInput) as caught:
        funded.engine.settle_payout("0" * 32, "paid", actor="staff-7")
    assert caught.value.name == "payout_id"
    assert funded.engine.payout("0" * 32) is None


@pytest.mark.parametrize("way", ["request_payout", "redeem"])
def test_there_is_a_least_amount(way, funded):
    for amount in (49, 1):
        with pytest.raises(InvalidInput) as caught:
            getattr(funded.engine, way)("bob", amount, "usd", key="k")
        assert caught.value.name == "amount"
        assert "50" in caught.value.problem
    getattr(funded.engine, way)("bob", 50, "usd", key="k")
    assert funded.figures(unit="usd") == {"available": 950, "lifetime": 1000, "paying": 50}


def test_redeeming_cash_is_asking_for_a_payout(funded):
    answer = funded.engine.redeem("bob", 300, "usd", key="k-1", memo="to my bank")
    (asked,) = funded.engine.payouts()
    assert answer == funded.transfers(unit="usd")[1]
    assert (answer.kind, answer.reference, answer.memo) == ("payout", asked.id, "to my bank")
    assert (asked.state, asked.amount, asked.key, asked.memo) == ("requested", 300, "k-1", "to my bank")
    assert funded.told("redemption.posted") == []


def test_points_are_no_cash(funded):
    funded.earn("bob", 1000)
    with pytest.raises(InvalidInput) as caught:
        ask(funded, unit="points")
    assert caught.value.name == "unit"


def test_a_stranger_has_nothing_to_be_paid(funded):
    with pytest.raises(UnknownMember):
        ask(funded, member_id="ghost")
    assert funded.engine.payouts() == []


def test_pages_of_payouts_by_state(funded):
    asked = [ask(funded, 50 + place, f"k-{place}") for place in range(6)]
    for place, state in ((1, "paid"), (3, "failed"), (4, "rejected"), (5, "paid")):
        funded.engine.settle_payout(asked[place].id, state, actor="staff-7")

    def pages(state, limit):
        found, after = [], None
        while page := funded.engine.payouts(state=state, after=after, limit=limit):
            assert len(page) <= limit
            found += page
            after = page[-1].cursor
        return [(one.amount - 50, one.state) for one in found]

    states = {0: "requested", 1: "paid", 2: "requested", 3: "failed", 4: "rejected", 5: "paid"}
    for limit in (1, 2, 5, 6, 1000):
        assert pages(None, limit) == list(states.items())
        for state in ("requested", "paid", "failed", "rejected"):
            assert pages(state, limit) == [(place, one) for place, one in states.items() if one == state]
    cursors = [one.cursor for one in funded.engine.payouts()]
    assert cursors == sorted(set(cursors))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("state", lambda engine: engine.payouts(state="lost")),
        ("limit", lambda engine: engine.payouts(limit=0)),
        ("limit", lambda engine: engine.payouts(limit=1001)),
        ("after", lambda engine: engine.payouts(after=-1)),
        ("state", lambda engine: engine.settle_payout("x", "requested", actor="staff-7")),
        ("payout_id", lambda engine: engine.settle_payout("anna@example.org", "paid", actor="staff-7")),
        ("payout_id", lambda engine: engine.payout("anna@example.org")),
        ("actor", lambda engine: engine.settle_payout("x", "paid", actor="anna@example.org")),
        ("memo", lambda engine: engine.settle_payout("x", "paid", actor="staff-7", memo="")),
        ("unit", lambda engine: engine.request_payout("bob", 100, "miles", key="k")),
        ("amount", lambda engine: engine.request_payout("bob", 0, "usd", key="k")),
        ("key", lambda engine: engine.request_payout("bob", 100, "usd", key="")),
        ("member_id", lambda engine: engine.request_payout("anna@example.org", 100, "usd", key="k")),
    ],
)
def test_a_bad_argument_is_refused_by_name(name, call, funded):
    with pytest.raises(InvalidInput) as caught:
        call(funded.engine)
    assert caught.value.name == name


def test_a_refund_of_cash_that_is_being_paid_is_a_debt_which_the_return_repays(books):
    opened = books(program_of())
    opened.do("cashback", amount=300, id="c-1")
    asked = ask(opened)
    assert opened.refund("c-1", 100) == [(100, 0, 100, 0)]
    assert opened.figures(unit="usd") == {"lifetime": 200, "paying": 300, "debt": 100}
    opened.engine.settle_payout(asked.id, "failed", actor="staff-7")
    assert opened.figures(unit="usd") == {"available": 200, "lifetime": 200}


def test_the_same_key_answers_the_same_payout_under_a_new_minimum(funded, shelf):
    asked = ask(funded, amount=60)
    stricter = shelf.open(program_of(cash={"payout_min": 500}))
    assert ask(stricter, amount=60) == asked
    with pytest.raises(InvalidInput, match="at least 500"):
        ask(stricter, amount=60, key="k-2")


def test_a_payout_in_a_unit_that_the_program_has_left_behind_is_settled(funded, shelf):
    asked = [ask(funded, amount=amount, key=f"k-{amount}") for amount in (60, 70)]
    later = ReferralEngine(
        shelf.store, Program(id=funded.engine.program.id, units={"points": Unit()}, campaigns=[]), clock=funded.clock
    )
    assert later.settle_payout(asked[0].id, "paid", actor="staff").state == "paid"
    assert later.settle_payout(asked[1].id, "failed", actor="staff").state == "failed"
    assert funded.figures(unit="usd") == {"available": 940, "lifetime": 1000, "redeemed": 60}
    assert later.verify() == []
