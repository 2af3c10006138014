"""The tables of the documentation say what the code says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

import referral_engine
from referral_engine import Campaign, Event, Expiry, Program, ReferralEngine, Reward, Rule, Unit, errors
from referral_engine.ledger import Transfer, TransferKind, moved
from referral_engine.outcomes import ReasonCode
from referral_engine.storage import MemoryStore
from referral_engine.storage.memory.audit import _lifetime
from referral_engine.testing import FakeClock

DOCS = Path(__file__).parents[2] / "docs"
SIGNS = {1: "+", -1: "\N{MINUS SIGN}", 0: ""}


def rows(page, header):
    """The rows of the table on a page that begins with a header, cell by cell."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {header} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def signs_of(transfer):
    """What the table of movements says of a transfer, from what the ledger makes of it."""
    others = ("paying", "redeemed", "expired")
    figures = [moved(transfer, "available"), moved(transfer, "held"), -moved(transfer, "debt"), _lifetime(transfer)]
    other = ", ".join(f"{name} {SIGNS[moved(transfer, name)]}" for name in others if moved(transfer, name))
    return [SIGNS[figure] for figure in figures], other


MOVEMENTS = rows("explanation/ledger.md", "kind | from → to")
A_TRANSFER = Transfer(
    "t", "grant", "bob", "points", 1, "campaign", "held", None, "r", None, datetime(2026, 3, 1, tzinfo=UTC)
)


@pytest.mark.parametrize("row", MOVEMENTS, ids=lambda row: f"{row[0]} {row[1]}")
def test_each_transfer_moves_the_figures_that_the_table_says(row):
    (kind,), (debit, credit) = quoted(row[0]), row[1].split(" → ")
    transfer = replace(A_TRANSFER, kind=kind, debit=debit, credit=credit)
    assert signs_of(transfer) == (row[2:6], row[6])


def live_through_everything():
    """An engine in whose outbox and statements every kind of thing has happened."""
    on_hold = Reward(to="member", unit="points", amount=100, hold=timedelta(days=1))
    rules = [
        Rule(id="order", on="purchase", give=[Reward(to="member", unit="points", amount=100)]),
        Rule(id="promise", on="booking", give=[on_hold]),
        Rule(id="cash", on="purchase", give=[Reward(to="member", unit="usd", amount=100)]),
    ]
    units = {"points": Unit(transferable=True, expires=Expiry(kind="rolling", days=9)), "usd": Unit(kind="cash")}
    program = Program("shop", units, [Campaign("spring", rules=rules, budget={"points": 800})])
    clock = FakeClock("2026-03-01T00:00:00Z")
    engine = ReferralEngine(MemoryStore(), program, clock=clock)
    engine.join("alice")
    engine.record_many(
        [
            Event(id="evt-1", type="signup", member="bob", referrer="alice"),
            Event(id="ord-1", type="purchase", member="bob"),
            Event(id="ord-2", type="purchase", member="bob"),
            Event(id="bkg-1", type="booking", member="bob"),
            Event(id="bkg-2", type="booking", member="bob"),
            Event(id="ref-1", type="refund", member="bob", of="bkg-2"),
            Event(id="ref-2", type="refund", member="bob", of="evt-1"),
        ]
    )
    clock.advance(timedelta(days=1))
    engine.release_due()
    engine.redeem("bob", 250, key="voucher")
    engine.record(Event(id="ref-3", type="refund", member="bob", of="ord-1"))
    engine.record(Event(id="ord-3", type="purchase", member="bob"))
    engine.transfer("bob", "alice", 10, key="gift")
    engine.adjust("alice", 5, key="ticket-1", actor="carol", memo="a gift")
    engine.adjust("alice", -5, key="ticket-2", actor="carol", memo="a mistake")
    for state in ("paid", "failed", "rejected"):
        payout = engine.request_payout("bob", 10, "usd", key=state)
        engine.settle_payout(payout.id, state, actor="carol")
    clock.advance(timedelta(days=30))
    engine.release_due()
    assert engine.verify() == []
    return engine


def test_the_table_of_movements_has_every_transfer_that_there_is():
    engine = live_through_everything()
    documented = {(quoted(row[0])[0], *row[1].split(" → ")) for row in MOVEMENTS}
    happened = {
        (one.kind, one.debit, one.credit)
        for member in ("alice", "bob")
        for unit in ("points", "usd")
        for one in engine.store.transfers("shop", member, unit, None, 1000)
    }
    assert {kind for kind, *_ in documented} == set(get_args(TransferKind))
    assert happened == documented


def test_the_outbox_is_documented_with_its_payloads():
    documented = {
        kind: sorted(row[1].split(", "))
        for row in rows("reference/events-and-reasons.md", "type | payload")
        for kind in quoted(row[0])
    }
    told = {message.type: sorted(message.payload) for message in live_through_everything().messages(limit=1000)}
    assert told == documented


def test_every_reason_is_documented():
    page = (DOCS / "reference/events-and-reasons.md").read_text(encoding="utf-8")
    assert [code for code in get_args(ReasonCode) if f"`{code}`" not in page] == []


def test_every_error_is_documented_with_its_code():
    documented = {quoted(name)[0]: quoted(code)[0] for name, code, *_ in rows("reference/errors.md", "error | code")}
    kinds = {name: getattr(referral_engine, name) for name in referral_engine.__all__}
    public = {
        name: kind.code
        for name, kind in kinds.items()
        if isinstance(kind, type) and issubclass(kind, errors.ReferralEngineError) and name != "ReferralEngineError"
    }
    assert documented == public


def test_every_limit_is_where_the_table_says():
    page = rows("reference/limits.md", "what | most")
    places = [(home or last, name) for _, _, cell in page for home, last, name in named(quoted(cell))]
    missing = [
        place for place in places if not hasattr(import_module(f"referral_engine.{place[0]}".rstrip(".")), place[1])
    ]
    assert len(places) > 30
    assert missing == []


def named(texts):
    """Split `a.b.NAME`; a bare name stands in the module of the one before it, or in the package itself."""
    last = ""
    for text in texts:
        home, _, name = text.rpartition(".")
        last = home or last
        yield home, last, name
