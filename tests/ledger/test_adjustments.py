"""Adjustments: staff gives or takes, by a signed amount; "staff actions are audited with an actor"."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from referral_engine import InsufficientBalance, InvalidInput, UnknownMember
from referral_engine.outcomes import AuditEntry
from tests.ledger.stage import DAY, START, program_of, rolling


def adjust(books, amount, key="k-1", **more):
    given = {"key": key, "actor": "staff-7", "memo": "a complaint"} | more
    return books.engine.adjust("bob", amount, **given)


def test_staff_gives(books):
    opened = books(program_of(expires=rolling(10)))
    opened.engine.join("bob")
    made = adjust(opened, 70)
    assert (made.kind, made.member, made.unit, made.amount) == ("adjustment", "bob", "points", 70)
    assert (made.debit, made.credit, made.campaign) == ("issuer", "available", None)
    assert (made.reference, made.memo, made.at) == ("k-1", "a complaint", START)
    assert opened.figures() == {"available": 70, "lifetime": 70, "expiring": 70}
    assert opened.lines() == [("adjustment", 70, 0, 0)]
    budget = opened.engine.budget("spring", "points")
    assert (budget.spent, budget.held) == (0, 0), "it is at nobody's expense"


def test_staff_takes(books):
    opened = books(program_of(expires=rolling(10)))
    opened.earn("bob", 100)
    made = adjust(opened, -70)
    assert (made.amount, made.debit, made.credit, made.campaign) == (70, "available", "issuer", None)
    assert opened.figures() == {"available": 30, "lifetime": 100, "expiring": 30}
    assert opened.lines()[1:] == [("adjustment", -70, 0, 0)]


def test_at_most_what_is_available_can_be_taken(books):
    opened = books(program_of())
    opened.earn("bob", 100)
    opened.do("order", amount=50)
    with pytest.raises(InsufficientBalance) as caught:
        adjust(opened, -101)
    assert (caught.value.wanted, caught.value.available) == (101, 100)
    assert opened.engine.audit_log() == []
    adjust(opened, -100)
    assert opened.figures() == {"held": 50, "lifetime": 100}


def test_it_is_audited_from_what_to_what_by_whom_and_why(books):
    opened = books(program_of())
    opened.earn("bob", 100, id="p-1")
    adjust(opened, -30)
    opened.engine.redeem("bob", 70, key="r")
    opened.refund("p-1")
    opened.wait(days=1)
    adjust(opened, 120, "k-2", actor="staff-8", memo="sorry")
    first, second = opened.engine.audit_log()
    assert first == AuditEntry(
        cursor=first.cursor,
        actor="staff-7",
        action="adjust",
        subject="bob",
        at=START,
        before={"unit": "points", "available": 100, "debt": 0},
        after={"unit": "points", "available": 70, "debt": 0, "key": "k-1"},
        memo="a complaint",
    )
    assert second == AuditEntry(
        cursor=second.cursor,
        actor="staff-8",
        action="adjust",
        subject="bob",
        at=START + DAY,
        before={"unit": "points", "available": 0, "debt": 100},
        after={"unit": "points", "available": 20, "debt": 0, "key": "k-2"},
        memo="sorry",
    )


def test_it_is_told_to_the_outbox(books):
    opened = books(program_of())
    opened.earn("bob", 100)
    adjust(opened, -30)
    adjust(opened, 40, "k-2")
    told = {"member": "bob", "unit": "points", "actor": "staff-7"}
    assert opened.told("adjustment.posted") == [
        ("adjustment.posted", told | {"amount": -30, "key": "k-1"}),
        ("adjustment.posted", told | {"amount": 40, "key": "k-2"}),
    ]
    assert [one.at for one in opened.engine.messages()[-2:]] == [START, START]


@pytest.mark.parametrize("amount", [10, -10])
def test_of_a_stranger_it_is_refused(amount, books):
    opened = books(program_of())
    with pytest.raises(UnknownMember) as caught:
        adjust(opened, amount)
    assert caught.value.member == "bob"
    assert opened.engine.member("bob") is None
    assert opened.engine.audit_log() == []


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("amount", {"amount": 0}),
        ("amount", {"amount": 10**15 + 1}),
        ("amount", {"amount": -(10**15) - 1}),
        ("amount", {"amount": 1.5}),
        ("amount", {"amount": True}),
        ("unit", {"unit": "miles"}),
        ("actor", {"actor": "anna@example.org"}),
        ("actor", {"actor": ""}),
        ("actor", {"actor": None}),
        ("key", {"key": "k 1"}),
        ("key", {"key": "anna@example.org"}),
        ("memo", {"memo": ""}),
        ("memo", {"memo": None}),
        ("memo", {"memo": "x" * 501}),
        pytest.param("memo", {"memo": "a\nb"}, id="memo-two lines"),
    ],
    ids=str,
)
def test_a_bad_argument_is_refused_by_name(name, given, books):
    opened = books(program_of())
    opened.earn("bob", 100)
    with pytest.raises(InvalidInput) as caught:
        adjust(opened, **({"amount": 10} | given))
    assert caught.value.name == name
    assert opened.figures() == {"available": 100, "lifetime": 100}


@pytest.mark.parametrize("member", ["anna@example.org", "+4917012345", "", 7])
def test_a_member_whose_id_looks_like_personal_data_is_refused(member, books):
    opened = books(program_of())
    with pytest.raises(InvalidInput) as caught:
        opened.engine.adjust(member, 10, key="k", actor="staff-7", memo="x")
    assert caught.value.name == "member_id"


def test_the_largest_amounts_either_way(books):
    opened = books(program_of())
    opened.engine.join("bob")
    adjust(opened, 10**15)
    adjust(opened, -(10**15), "k-2")
    assert opened.figures() == {"lifetime": 10**15}
    assert opened.engine.audit_log()[1].at == datetime(2026, 3, 2, 12, tzinfo=UTC)
