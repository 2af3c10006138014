"""Paging: pages come in the order of commits, hold dues come by time, and the outbox goes on from what was noted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from referral_engine import changes as c
from referral_engine.errors import InvalidInput
from referral_engine.testing.conformance.samples import (
    PROGRAM,
    START,
    Desk,
    a_grant,
    a_payout,
    a_referral,
    a_transfer,
    joining,
    noting,
    raising,
    saying,
)

if TYPE_CHECKING:
    from referral_engine.ports import BlockingStore

_DAY = timedelta(days=1)


class Paging:
    """What the pages of a store promise, and what its administration does."""

    def test_cursors_grow_in_the_order_of_commits(self, store: BlockingStore) -> None:
        """Whatever a commit appends has higher cursors than whatever an earlier one appended, of any kind."""
        desk = Desk(store)
        desk.join("alice", "bob", "carol", "dave")
        highest = 0
        for place, name in enumerate(["bob", "carol", "dave"]):
            desk.write(
                c.AddReferral(a_referral(name, "alice"), 0),
                c.AddTransfer(a_transfer(f"t{place}a"), 0),
                c.AddTransfer(a_transfer(f"t{place}b"), 0),
                c.AddPayout(a_payout(f"p{place}"), 0),
                raising("alice", 1),
                saying("said"),
                saying("said again"),
                noting("noted"),
            )
            cursors = [
                *(row.cursor or 0 for row in store.referrals(PROGRAM, "alice", None, None, 9)[place:]),
                *(row.cursor or 0 for row in store.transfers(PROGRAM, "alice", "points", None, 9)[2 * place :]),
                desk.standings()[0].reached,
                *(row.cursor for row in store.messages(PROGRAM, None, 9)[2 * place :]),
                *(row.cursor or 0 for row in store.payouts(PROGRAM, None, None, 9)[place:]),
                *(row.cursor for row in store.audit_log(PROGRAM, None, 9)[place:]),
            ]
            assert (len(set(cursors)), min(cursors) > highest) == (8, True)
            highest = max(cursors)

    def test_a_decision_appends_in_its_own_order(self, store: BlockingStore) -> None:
        """Within a decision the ordinals order what is appended, across the kinds of changes."""
        desk = Desk(store)
        desk.write(*joining("alice", "bob"))
        desk.write(
            saying("first"),
            c.AddTransfer(a_transfer("t1"), 0),
            saying("third"),
            c.AddReferral(a_referral("bob", "alice"), 0),
            noting("fifth"),
            c.AddPayout(a_payout("p1"), 0),
        )
        first, third = (row.cursor for row in store.messages(PROGRAM, None, 9))
        (second,) = (row.cursor or 0 for row in store.transfers(PROGRAM, "alice", "points", None, 9))
        (fourth,) = (row.cursor or 0 for row in store.referrals(PROGRAM, "alice", None, None, 9))
        (fifth,) = (row.cursor for row in store.audit_log(PROGRAM, None, 9))
        (sixth,) = (row.cursor or 0 for row in store.payouts(PROGRAM, None, None, 9))
        in_order = [first, second, third, fourth, fifth, sixth]
        assert sorted(set(in_order)) == in_order

    def test_referrals_are_paged(self, store: BlockingStore) -> None:
        """Referrals come in the order of recording, of the asked state, after a cursor, at most `limit` of them."""
        desk = Desk(store)
        names = [f"m{n}" for n in (5, 1, 4, 2, 3)]
        desk.join("alice", "bob", "other", *names)
        for name in names:
            desk.write(c.AddReferral(a_referral(name, "alice"), 0))
        desk.write(c.AddReferral(a_referral("other", "bob"), 0))
        desk.write(c.UpdateReferral(a_referral("m4", "alice", state="reversed")))
        rows = store.referrals(PROGRAM, "alice", None, None, 9)
        assert names == [row.referee for row in rows]
        assert [row.referee for row in store.referrals(PROGRAM, "alice", "reversed", None, 9)] == ["m4"]
        assert [row.referee for row in store.referrals(PROGRAM, "alice", "qualified", rows[1].cursor, 1)] == ["m2"]
        assert names[:2] == [row.referee for row in store.referrals(PROGRAM, "alice", None, None, 2)]
        assert names[3:] == [row.referee for row in store.referrals(PROGRAM, "alice", None, rows[2].cursor, 9)]
        assert store.referrals(PROGRAM, "alice", None, rows[4].cursor, 9) == []
        assert store.referrals(PROGRAM, "m1", None, None, 9) == []

    def test_the_outbox_is_paged(self, store: BlockingStore) -> None:
        """Messages come in the order of commits with all they carry, after a cursor, at most `limit` of them."""
        desk = Desk(store)
        for n in range(5):
            desk.write(saying(f"said-{n}", number=2**60 + n, text="中文 '\"\\", none=None))
        rows = store.messages(PROGRAM, None, 9)
        assert [f"said-{n}" for n in range(5)] == [row.type for row in rows]
        assert [(START, {"number": 2**60 + n, "text": "中文 '\"\\", "none": None}) for n in range(5)] == [
            (row.at, dict(row.payload)) for row in rows
        ]
        assert desk.said(rows[2].cursor) == ["said-3", "said-4"]
        assert desk.said(rows[0].cursor, 1) == ["said-1"]

    def test_the_outbox_goes_on_from_what_was_acknowledged(self, store: BlockingStore) -> None:
        """`after=None` begins behind the highest cursor that was acknowledged; an explicit cursor is taken as it is."""
        desk = Desk(store)
        for n in range(4):
            desk.write(saying(f"said-{n}"))
        cursors = [row.cursor for row in store.messages(PROGRAM, None, 9)]
        desk.write(c.Acknowledge(cursors[1]))
        assert desk.said() == ["said-2", "said-3"]
        desk.write(c.Acknowledge(cursors[0]))
        assert desk.said() == ["said-2", "said-3"]
        assert desk.said(cursors[0]) == ["said-1", "said-2", "said-3"]
        assert [f"said-{n}" for n in range(4)] == desk.said(0)

    def test_nothing_yet_to_come_is_acknowledged(self, store: BlockingStore) -> None:
        """A cursor that the program has not reached acknowledges what there is, and nothing that comes later."""
        desk = Desk(store)
        desk.write(c.Acknowledge(7))
        desk.write(saying("said-0"))
        assert desk.said() == ["said-0"]
        desk.write(c.Acknowledge(10**9))
        assert desk.said() == []
        desk.write(saying("said-1"))
        assert desk.said() == ["said-1"]

    def test_holds_are_due_by_time(self, store: BlockingStore) -> None:
        """Held grants are due from their `held_until` on, the earliest first, at most `limit` of them."""
        desk = Desk(store)
        desk.join("alice", "bob")
        days = {"g5": 1, "g1": 4, "g4": 2, "g2": 3}
        for one, day in days.items():
            desk.write(c.AddGrant(a_grant(one, hold=day * _DAY)))
        desk.write(c.AddGrant(a_grant("g9")))
        assert store.due(PROGRAM, START + _DAY - timedelta(microseconds=1), 9) == []
        assert store.due(PROGRAM, START + _DAY, 9) == ["g5"]
        assert store.due(PROGRAM, START + 3 * _DAY, 9) == ["g5", "g4", "g2"]
        assert store.due(PROGRAM, START + 9 * _DAY, 2) == ["g5", "g4"]

    def test_a_hold_that_ended_is_not_due(self, store: BlockingStore) -> None:
        """A grant that was posted or voided is not due any more; one that was reversed in part is."""
        desk = Desk(store)
        desk.join("alice")
        for one in ("g1", "g2", "g3"):
            desk.write(c.AddGrant(a_grant(one, hold=_DAY)))
        desk.write(
            c.UpdateGrant(a_grant("g1", hold=_DAY, state="posted")),
            c.UpdateGrant(a_grant("g2", hold=_DAY, state="voided", reversed=10)),
            c.UpdateGrant(a_grant("g3", hold=_DAY, reversed=4)),
        )
        assert store.due(PROGRAM, START + _DAY, 9) == ["g3"]

    def test_the_schema_may_be_created_again(self, store: BlockingStore) -> None:
        """`create_schema` on a store that has one keeps what is there."""
        desk = Desk(store)
        desk.join("alice")
        store.create_schema()
        assert {"alice"} == desk.read(members=["alice"]).members.keys()

    def test_only_a_connection_can_be_bound(self, store: BlockingStore) -> None:
        """`bind` refuses, with InvalidInput, what the store cannot write through."""
        with pytest.raises(InvalidInput):
            store.bind(object())

    def test_closing_again_is_safe(self, store: BlockingStore) -> None:
        """A store may be closed by a with block, by hand, or both."""
        with store as same:
            assert same is store
        store.close()
        store.close()
