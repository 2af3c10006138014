"""Outbox and audit: "Every commit also appends domain events to an outbox in the same transaction".

"Configuration and staff actions are audited with an actor."
"""

from __future__ import annotations

import pytest

from referral_engine import InsufficientBalance, InvalidInput
from referral_engine.outcomes import AuditEntry, Revision
from tests.ledger.stage import DAY, START, gives, program_of, rolling

TOLD = [
    "grant.posted",
    "grant.held",
    "grant.held",
    "grant.reversed",
    "grant.posted",
    "redemption.posted",
    "grant.reversed",
    "adjustment.posted",
    "transfer.posted",
    "grant.posted",
    "payout.requested",
    "payout.requested",
    "payout.paid",
    "payout.rejected",
    "lot.expired",
    "lot.expired",
]


def play(books):
    books.engine.join("alice")
    books.earn("bob", 100, id="p-1")
    books.do("order", amount=50, id="o-1")
    books.do("order", amount=60)
    books.refund("o-1")
    books.wait(days=2)
    books.engine.release_due()
    books.engine.redeem("bob", 150, key="k-1")
    books.refund("p-1")
    books.give("bob", 200, key="k-2")
    books.engine.transfer("bob", "alice", 13, key="k-3")
    books.do("cashback", amount=100)
    asked = [books.engine.request_payout("bob", 40, "usd", key=key) for key in ("k-4", "k-5")]
    books.engine.settle_payout(asked[0].id, "paid", actor="staff-1")
    books.engine.settle_payout(asked[1].id, "rejected", actor="staff-1")
    books.wait(days=40)
    books.engine.release_due()


def test_every_movement_is_told_to_the_outbox_in_the_order_of_commits(books):
    opened = books(program_of(expires=rolling(30)))
    play(opened)
    assert [kind for kind, _ in opened.told()] == TOLD
    cursors = [one.cursor for one in opened.engine.messages(limit=1000)]
    assert cursors == sorted(set(cursors))


def test_what_is_refused_tells_nothing(books):
    opened = books(program_of())
    opened.earn("bob", 10)
    before = opened.told()
    with pytest.raises(InsufficientBalance):
        opened.engine.redeem("bob", 11, key="k")
    assert opened.refused("refund", of="nothing") == ["unknown_event"]
    opened.engine.preview(opened.event("purchase", "bob", amount=5))
    assert opened.told() == before


def test_a_message_and_the_transfers_it_tells_of_are_one_commit(books):
    """Their cursors interleave: nothing of another commit stands between them."""
    opened = books(program_of())
    opened.earn("bob", 100)
    opened.engine.redeem("bob", 10, key="k-1")
    opened.earn("bob", 5)
    transfers = [one.cursor for one in opened.transfers()]
    messages = [one.cursor for one in opened.engine.messages()]
    assert sorted([*transfers, *messages]) == [one for pair in zip(transfers, messages, strict=True) for one in pair]


def test_staff_actions_are_audited_in_their_order(books):
    opened = books(program_of(expires=rolling(30)))
    play(opened)
    entries = opened.engine.audit_log()
    assert [(one.action, one.actor) for one in entries] == [
        ("adjust", "staff-1"), ("payout", "staff-1"), ("payout", "staff-1"),
    ]  # fmt: skip
    assert [one.at for one in entries] == [START + 2 * DAY] * 3


def test_pages_of_the_audit_log(books):
    opened = books(program_of())
    for place in range(5):
        opened.give("bob", 10 + place, key=f"k-{place}")
    whole = opened.engine.audit_log()
    assert [one.after["key"] for one in whole] == [f"k-{place}" for place in range(5)]
    for size in (1, 2, 5, 1000):
        found, after = [], None
        while page := opened.engine.audit_log(after=after, limit=size):
            assert len(page) <= size
            found += page
            after = page[-1].cursor
        assert found == whole
    for given in ({"limit": 0}, {"limit": 1001}, {"after": -1}):
        with pytest.raises(InvalidInput):
            opened.engine.audit_log(**given)


# Configuration


def test_publishing_keeps_the_program_and_who_published_it(shelf):
    first = shelf.open(program_of())
    revision = first.engine.publish(actor="staff-1", memo="the first")
    program = first.engine.program
    assert revision == Revision(1, program.revision, program.canonical(), "staff-1", START)
    (entry,) = first.engine.audit_log()
    assert entry == AuditEntry(
        cursor=entry.cursor,
        actor="staff-1",
        action="publish",
        subject="acme",
        at=START,
        before={},
        after={"revision": program.revision},
        memo="the first",
    )


def test_it_is_audited_who_changed_the_program_from_which_to_which(shelf):
    one, two = shelf.open(program_of()), shelf.open(program_of(gives()))
    made = []
    for opened, actor in ((one, "staff-1"), (two, "staff-2"), (one, "staff-3")):
        made.append(opened.engine.publish(actor=actor))
        shelf.clock.advance(DAY)
    names = [one.engine.program.revision, two.engine.program.revision]
    assert [(each.number, each.revision, each.actor, each.at) for each in made] == [
        (1, names[0], "staff-1", START),
        (2, names[1], "staff-2", START + DAY),
        (3, names[0], "staff-3", START + 2 * DAY),
    ]
    entries = [(each.actor, dict(each.before), dict(each.after), each.memo) for each in one.engine.audit_log()]
    assert entries == [
        ("staff-1", {}, {"revision": names[0]}, None),
        ("staff-2", {"revision": names[0]}, {"revision": names[1]}, None),
        ("staff-3", {"revision": names[1]}, {"revision": names[0]}, None),
    ]


def test_publishing_what_is_in_force_changes_nothing(books):
    opened = books(program_of())
    first = opened.engine.publish(actor="staff-1")
    opened.wait(days=1)
    assert opened.engine.publish(actor="staff-2", memo="again") == first
    assert len(opened.engine.audit_log()) == 1


def test_programs_are_published_apart(shelf):
    here, there = shelf.open(program_of()), shelf.open(program_of(named="other"))
    assert [one.engine.publish(actor="staff-1").number for one in (here, there)] == [1, 1]
    assert [entry.subject for entry in there.engine.audit_log()] == ["other"]


@pytest.mark.parametrize("given", [{"actor": "anna@example.org"}, {"actor": ""}, {"actor": "staff-1", "memo": ""}])
def test_publishing_takes_an_actor_and_words_or_none(given, books):
    opened = books(program_of())
    with pytest.raises(InvalidInput):
        opened.engine.publish(**given)
    assert opened.engine.audit_log() == []
