"""Transfers between members: they keep their lots' ends, repay the receiver's debt, and count in nobody's lifetime."""

from __future__ import annotations

import pytest

from referral_engine import InsufficientBalance, InvalidInput, UnknownMember
from tests.ledger.stage import START, idle, program_of, rolling


def send(books, amount=40, key="k-1", **more):
    given = {"member_id": "bob", "to": "alice", "amount": amount, "key": key} | more
    return books.engine.transfer(**given)


def funded(books, **terms):
    opened = books(program_of(**terms))
    opened.engine.join("alice")
    opened.earn("bob", 100)
    return opened


def test_points_move_from_one_member_to_the_other(books):
    opened = funded(books)
    made = send(opened, memo="thanks")
    assert (made.kind, made.member, made.amount, made.debit, made.credit) == (
        "transfer", "bob", 40, "available", "clearing",
    )  # fmt: skip
    assert (made.reference, made.memo, made.campaign, made.at) == ("k-1", "thanks", None, START)
    assert opened.figures() == {"available": 60, "lifetime": 100}
    assert opened.figures("alice") == {"available": 40}, "in nobody's lifetime once more"
    (received,) = opened.transfers("alice")
    assert (received.kind, received.amount, received.debit, received.credit) == (
        "transfer", 40, "clearing", "available",
    )  # fmt: skip
    assert (received.reference, received.memo, received.campaign, received.at) == ("k-1", "thanks", None, START)
    assert opened.lines()[1:] == [("transfer", -40, 0, 0)]
    assert opened.lines("alice") == [("transfer", 40, 0, 0)]
    assert opened.told("transfer.posted") == [
        ("transfer.posted", {"member": "bob", "to": "alice", "unit": "points", "amount": 40, "key": "k-1"})
    ]
    assert opened.engine.messages()[-1].at == START


def test_they_keep_the_ends_of_their_lots(books):
    """Passing points on makes them no younger."""
    opened = books(program_of(expires=rolling(10)))
    opened.engine.join("alice")
    opened.earn("bob", 10)
    opened.wait(days=3)
    opened.earn("bob", 30)
    opened.earn("alice", 5)
    opened.wait(days=3)
    send(opened, 25)
    assert opened.lots() == [("2026-03-16T00:00Z", 15)]
    assert opened.lots("alice") == [("2026-03-13T00:00Z", 10), ("2026-03-16T00:00Z", 20)]
    assert opened.figures("alice") == {"available": 30, "lifetime": 5, "expiring": 30}


def test_what_never_expires_does_not_begin_to(shelf):
    shelf.open(program_of()).earn("bob", 40)
    opened = shelf.open(program_of(expires=rolling(10)))
    opened.engine.join("alice")
    opened.earn("bob", 30)
    send(opened, 50)
    assert opened.lots("alice") == [("2026-03-13T00:00Z", 30)]
    assert opened.figures("alice") == {"available": 50, "expiring": 30}
    assert opened.figures() == {"available": 20, "lifetime": 70}


def test_what_has_expired_of_either_is_written_down_first(books):
    opened = funded(books, expires=rolling(10))
    opened.earn("alice", 7)
    opened.wait(days=11)
    opened.earn("bob", 50)
    send(opened, 50)
    assert [move[:2] for move in opened.moves()] == [("grant", 100), ("grant", 50), ("expiry", 100), ("transfer", 50)]
    assert opened.figures("alice") == {"available": 50, "lifetime": 7, "expired": 7, "expiring": 50}
    assert opened.lots("alice") == [("2026-03-24T00:00Z", 50)]


def test_by_inactivity_both_members_were_active(books):
    opened = funded(books, expires=idle(10))
    opened.earn("alice", 5)
    opened.wait(days=9)
    send(opened)
    assert opened.lots() == [("2026-03-22T00:00Z", 60)]
    assert opened.lots("alice") == [("2026-03-22T00:00Z", 45)]


def test_by_inactivity_a_receiver_whose_points_have_expired_begins_anew(books):
    opened = funded(books, expires=idle(10))
    opened.earn("alice", 5)
    opened.wait(days=9)
    opened.earn("bob", 1)
    opened.wait(days=9)
    send(opened)
    assert opened.lots("alice") == [("2026-03-31T00:00Z", 40)]
    assert opened.figures("alice") == {"available": 40, "lifetime": 5, "expired": 5, "expiring": 40}


@pytest.mark.parametrize(("amount", "debt", "left"), [(30, 50, 0), (80, 0, 0), (95, 0, 15)])
def test_they_repay_what_the_receiver_owes_first(amount, debt, left, books):
    opened = funded(books, expires=rolling(10))
    opened.earn("alice", 80, id="p-alice")
    opened.engine.redeem("alice", 80, key="r")
    opened.refund("p-alice", member="alice")
    send(opened, amount)
    balance = opened.engine.balance("alice")
    assert (balance.available, balance.debt, balance.expiring, balance.lifetime) == (left, debt, left, 0)
    assert [lot.remaining for lot in opened.engine.lots("alice")] == ([left] if left else [])
    assert opened.lines("alice")[-2:] == [("transfer", amount, 0, 0), ("repayment", debt - 80, 0, debt - 80)]


def test_the_soonest_to_expire_of_them_repay(books):
    """Repaying is spending: what lives longest is what the receiver keeps."""
    opened = books(program_of(expires=rolling(10)))
    opened.earn("alice", 15, id="p-alice")
    opened.engine.redeem("alice", 15, key="r")
    opened.refund("p-alice", member="alice")
    opened.earn("bob", 10)
    opened.wait(days=3)
    opened.earn("bob", 20)
    send(opened, 30)
    assert opened.lots("alice") == [("2026-03-16T00:00Z", 15)]


def test_what_never_expires_repays_last(shelf):
    shelf.open(program_of()).earn("bob", 40)
    opened = shelf.open(program_of(expires=rolling(10)))
    opened.earn("alice", 15, id="p-alice")
    opened.engine.redeem("alice", 15, key="r")
    opened.refund("p-alice", member="alice")
    opened.earn("bob", 10)
    send(opened, 50)
    assert opened.lots("alice") == []
    assert opened.figures("alice") == {"available": 35, "redeemed": 15}


def test_a_chain_of_gifts(books):
    opened = funded(books, expires=rolling(10))
    opened.engine.join("carol")
    send(opened, 40)
    opened.engine.transfer("alice", "carol", 30, key="k-2")
    opened.engine.transfer("carol", "bob", 20, key="k-3")
    assert [opened.engine.balance(one).available for one in ("alice", "bob", "carol")] == [10, 80, 10]
    assert [lot for one in ("alice", "bob", "carol") for lot in opened.lots(one)] == [
        ("2026-03-13T00:00Z", amount) for amount in (10, 80, 10)
    ]


def test_a_unit_that_is_not_transferable_stays_with_its_member(books):
    opened = funded(books, transferable=False)
    with pytest.raises(InvalidInput) as caught:
        send(opened)
    assert caught.value.name == "unit"
    assert "transferable=True" in caught.value.problem
    with pytest.raises(InvalidInput):
        send(opened, unit="usd")
    assert opened.figures() == {"available": 100, "lifetime": 100}


def test_the_same_key_answers_the_same_transfer_when_the_unit_may_not_be_passed_on_any_more(books, shelf):
    made = send(funded(books))
    stricter = shelf.open(program_of(transferable=False))
    assert send(stricter) == made
    with pytest.raises(InvalidInput, match="transferable=True"):
        send(stricter, key="another")


def test_to_oneself_it_is_refused(books):
    opened = funded(books)
    with pytest.raises(InvalidInput) as caught:
        send(opened, to="bob")
    assert caught.value.name == "to"


@pytest.mark.parametrize(("who", "given"), [("ghost", {"to": "ghost"}), ("carol", {"member_id": "carol"})])
def test_from_or_to_a_stranger_it_is_refused(who, given, books):
    opened = funded(books)
    with pytest.raises(UnknownMember) as caught:
        send(opened, **given)
    assert caught.value.member == who
    assert opened.engine.member(who) is None
    assert len(opened.lines()) == 1


def test_more_than_is_available_is_refused_and_nothing_moves(books):
    opened = funded(books)
    with pytest.raises(InsufficientBalance):
        send(opened, 101)
    assert opened.figures("alice") == {}
    send(opened, 100)
    assert (opened.figures(), opened.figures("alice")) == ({"lifetime": 100}, {"available": 100})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("member_id", {"member_id": "anna@example.org"}),
        ("to", {"to": "anna@example.org"}),
        ("amount", {"amount": 0}),
        ("amount", {"amount": -5}),
        ("unit", {"unit": "miles"}),
        ("key", {"key": ""}),
        ("memo", {"memo": ""}),
    ],
    ids=str,
)
def test_a_bad_argument_is_refused_by_name(name, given, books):
    opened = funded(books)
    with pytest.raises(InvalidInput) as caught:
        send(opened, **given)
    assert caught.value.name == name
