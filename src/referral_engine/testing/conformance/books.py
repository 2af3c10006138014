"""Books: what a store promises about statements, what is carried forward, the audit log and published revisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from referral_engine import changes as c
from referral_engine.ledger.balance import Balance
from referral_engine.ledger.budget import Spend
from referral_engine.ledger.grant import Grant, StoredGrant
from referral_engine.ledger.transfer import Carried
from referral_engine.outcomes import AuditEntry
from referral_engine.testing.conformance.samples import (
    PROGRAM,
    START,
    Desk,
    a_revision,
    a_transfer,
    an_event,
    joining,
    noting,
)
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from referral_engine.ports import BlockingStore

_LATER = START + timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)


class Books:
    """What the books of a store promise, but for lots and payouts."""

    def test_money_is_kept_to_the_last_detail(self, store: BlockingStore) -> None:
        """Balances, grants, transfers, refunds and what campaigns spent come back equal, up to 2**63 - 1."""
        desk = Desk(store)
        figures = {"held": 1, "lifetime": 2, "expired": 3, "redeemed": 4, "debt": 5, "expiring": 6, "paying": 7}
        balance = Balance(available=2**63 - 1, **figures)
        grant = Grant("g1", "gift", "referrer", "alice", "cash", "usd", 9, 10, _LATER, "delivery")
        held = StoredGrant(grant, "buy-1", "spring", "held", 3, 2, "within_balance", "rolling:12m")
        plain = StoredGrant(replace(grant, id="g2", held_until=None, confirmed_by=None), "buy-1", "spring", "posted")
        kept = StoredGrant(replace(grant, id="g3"), "buy-1", "spring", "posted", 0, 9, "held_only", None, "2027-03-01")
        transfer = a_transfer("t1", memo="in words, also 中文", campaign=None, debit="available", credit="redeemed")
        desk.write(*joining("alice", "bob"), c.AddEvent(an_event("buy-1", "bob", amount=100), 0))
        desk.write(
            c.PutRefunded("buy-1", 99, fresh=True),
            c.AdjustBalance("alice", "usd", balance, fresh=True),
            *(c.AddGrant(one) for one in (held, plain, kept)),
            c.AddTransfer(transfer, 0),
            c.AdjustSpend("spring", "usd", 2**62, 2**62 - 1),
        )
        facts = desk.read(
            members=["alice"],
            units=["usd"],
            grants=["g1", "g2", "g3"],
            transfers=["t1"],
            origins=["buy-1"],
            spends=[("spring", "usd")],
        )
        assert {("alice", "usd"): balance} == facts.balances
        assert {"g1": held, "g2": plain, "g3": kept} == facts.grants
        assert ({"t1": transfer}, {"buy-1": 99}) == (facts.transfers, facts.refunded)
        assert {("spring", "usd"): Spend(2**62, 2**62 - 1)} == facts.spends

    def test_transfers_are_paged(self, store: BlockingStore) -> None:
        """Transfers of a member in one unit come in the order of recording, after a cursor, at most `limit` of them."""
        desk = Desk(store)
        desk.join("alice", "bob")
        for one in ("t5", "t1", "t4"):
            desk.write(
                c.AddTransfer(a_transfer(one), 0),
                c.AddTransfer(a_transfer(f"{one}-usd", unit="usd"), 0),
                c.AddTransfer(a_transfer(f"{one}-bob", "bob"), 0),
            )
        rows = store.transfers(PROGRAM, "alice", "points", None, 9)
        assert [a_transfer("t5"), a_transfer("t1"), a_transfer("t4")] == rows
        assert [row.id for row in store.transfers(PROGRAM, "alice", "points", None, 2)] == ["t5", "t1"]
        assert [row.id for row in store.transfers(PROGRAM, "alice", "points", rows[1].cursor, 9)] == ["t4"]
        assert [row.id for row in store.transfers(PROGRAM, "alice", "usd", None, 1)] == ["t5-usd"]
        assert store.transfers(PROGRAM, "carol", "points", None, 9) == []

    def test_transfers_are_carried_forward(self, store: BlockingStore) -> None:
        """What a member's transfers in one unit come to is added up to a cursor, the transfer there included."""
        desk = Desk(store)
        desk.join("alice", "bob")
        ends: list[dict[str, Any]] = [
            {"credit": "held", "amount": 50},
            {"debit": "held", "credit": "available", "amount": 30},
            {"debit": "debt", "credit": "campaign", "amount": 7},
            {"debit": "available", "credit": "debt", "amount": 4},
            {"debit": "available", "credit": "paying", "amount": 9},
            {"debit": "paying", "credit": "redeemed", "amount": 9},
            {"debit": "available", "credit": "expired", "amount": 1},
            {"debit": "clearing", "credit": "available", "amount": 2**62},
            {"debit": "issuer", "credit": "available", "amount": 1},
            {"debit": "held", "credit": "campaign", "amount": 20},
        ]
        for place, one in enumerate(ends):
            desk.write(
                c.AddTransfer(a_transfer(f"t{place}", **one), 0),
                c.AddTransfer(a_transfer(f"u{place}", unit="usd", amount=1000), 0),
                c.AddTransfer(a_transfer(f"b{place}", "bob", amount=1000), 0),
            )
        rows = store.transfers(PROGRAM, "alice", "points", None, 99)
        sums = [store.carried(PROGRAM, "alice", "points", row.cursor or 0) for row in rows]
        assert [
            Carried(0, 50, 0),
            Carried(30, 20, 0),
            Carried(30, 20, 7),
            Carried(26, 20, 3),
            Carried(17, 20, 3),
            Carried(17, 20, 3),
            Carried(16, 20, 3),
            Carried(2**62 + 16, 20, 3),
            Carried(2**62 + 17, 20, 3),
            Carried(2**62 + 17, 0, 3),
        ] == sums
        assert Carried() == store.carried(PROGRAM, "alice", "points", 0)
        assert Carried() == store.carried(PROGRAM, "carol", "points", 10**9)
        assert Carried() == store.carried("other", "alice", "points", 10**9)

    def test_the_audit_log_is_paged(self, store: BlockingStore) -> None:
        """Entries come in the order of recording with all they say, after a cursor, at most `limit` of them."""
        desk = Desk(store)
        before = FrozenDict[Any](number=-(2**63) + 1, text="中文 'quoted' \"too\" \\ % ? :x", none=None, yes=True)
        for place, action in enumerate(["adjust", "publish", "payout", "adjust"]):
            rich = {"before": before, "after": FrozenDict[Any](place=place), "memo": "in words, also 中文"}
            desk.write(noting(action), noting(action, actor=f"staff-{place}", subject="bob", at=_LATER, **rich))
        Desk(store, "other").write(noting("elsewhere"))
        rows = store.audit_log(PROGRAM, None, 9)
        assert [row.cursor for row in rows] == sorted({row.cursor for row in rows})
        plain, rich_one = rows[:2]
        assert AuditEntry(plain.cursor, "staff", "adjust", "alice", START, FrozenDict(), FrozenDict(), None) == plain
        words = ("staff-0", "adjust", "bob", _LATER, before, FrozenDict(place=0), "in words, also 中文")
        assert AuditEntry(rich_one.cursor, *words) == rich_one
        assert [type(rich_one.before[name]) for name in ("number", "yes")] == [int, bool]
        assert [row.action for row in rows[::2]] == ["adjust", "publish", "payout", "adjust"]
        assert rows[:3] == store.audit_log(PROGRAM, None, 3)
        assert rows[3:5] == store.audit_log(PROGRAM, rows[2].cursor, 2)
        assert store.audit_log(PROGRAM, rows[-1].cursor, 9) == []

    def test_the_latest_revision_is_shown(self, store: BlockingStore) -> None:
        """A published revision comes back to the last detail, and the one with the highest number is the latest."""
        desk = Desk(store)
        assert desk.read(revision=True).revision is None
        canonical = '{"id":"中文","text":"' + "'\\\"" * 10_000 + '"}'
        for one in (a_revision(1), a_revision(2, canonical=canonical, actor="boss", at=_LATER)):
            desk.write(c.AddRevision(one))
            assert one == desk.read(revision=True).revision
        Desk(store, "other").write(c.AddRevision(a_revision(7)))
        for number in range(3, 12):
            desk.write(c.AddRevision(a_revision(number)))
        assert a_revision(11) == desk.read(revision=True).revision
