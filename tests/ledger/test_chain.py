"""With `ledger_chain` every transfer is sealed with the one before it.

`verify` names the first that was tampered with: also where all sums still fit.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, update

from referral_engine.events import microseconds
from referral_engine.outcomes import Drift
from referral_engine.storage import MemoryStore
from referral_engine.storage.sqlalchemy import define_tables
from referral_engine.testing.conformance.races import together
from tests.ledger.stage import START, Books, gives, program_of, rolling
from tests.ledger.test_double_entry import play_every_kind

if TYPE_CHECKING:
    from referral_engine import Transfer

TABLES = define_tables()


def tamper(books: Books, transfer: Transfer, **fields: Any) -> None:
    """Change a stored transfer behind the store's back; `cursor` is its place."""
    if isinstance(books.store, MemoryStore):
        records = books.store._programs[books.program]
        if "cursor" in fields:
            rows = records.statements[transfer.member, transfer.unit]
            rows[rows.index((transfer.cursor, transfer.id))] = (fields.pop("cursor"), transfer.id)
        records.transfers[transfer.id] = replace(records.transfers[transfer.id], **fields)
        return
    kept = {name: microseconds(value) if name == "at" else value for name, value in fields.items()}
    with books.store._engine.begin() as connection:
        connection.execute(update(TABLES.transfers).where(TABLES.transfers.c.id == transfer.id).values(kept))


def remove(books: Books, transfer: Transfer, *, seal: bool = False) -> None:
    """Take a stored transfer out behind the store's back, with its seal if told so."""
    if isinstance(books.store, MemoryStore):
        records = books.store._programs[books.program]
        del records.transfers[transfer.id]
        records.statements[transfer.member, transfer.unit].remove((transfer.cursor, transfer.id))
        records.seals = [one for one in records.seals if not (seal and one[0] == transfer.cursor)]
        return
    with books.store._engine.begin() as connection:
        connection.execute(delete(TABLES.transfers).where(TABLES.transfers.c.id == transfer.id))
        if seal:
            connection.execute(delete(TABLES.seals).where(TABLES.seals.c.cursor == transfer.cursor))


def broken(books: Books) -> list[Drift]:
    return [one for one in books.engine.verify() if one.what == "chain"]


@pytest.fixture
def chained(shelf):
    """Five transfers of bob's, sealed one with the other; the test will tamper with them."""
    opened = shelf.open(program_of(chained=True))
    for amount in (10, 20, 30, 40):
        opened.earn("bob", amount)
    opened.engine.redeem("bob", 10, key="k", memo="a coffee")
    assert opened.engine.verify() == []
    shelf.damaged()
    return opened


@pytest.mark.parametrize("place", range(5))
def test_a_changed_amount_is_found_where_it_is(place, chained):
    found = chained.transfers()[place]
    tamper(chained, found, amount=found.amount + 1)
    assert broken(chained) == [Drift("chain", str(found.cursor), kept=place + 1, expected=place)]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "adjustment"},
        {"member": "alice"},
        {"unit": "usd"},
        {"debit": "issuer"},
        {"credit": "held"},
        {"campaign": "autumn"},
        {"campaign": None},
        {"reference": "purchase-9"},
        {"memo": "a bicycle"},
        {"at": START + timedelta(microseconds=1)},
    ],
    ids=str,
)
def test_a_change_of_any_field_is_found(fields, chained):
    found = chained.transfers()[1]
    tamper(chained, found, **fields)
    assert broken(chained) == [Drift("chain", str(found.cursor), kept=2, expected=1)]


def test_a_changed_id_is_found(chained):
    """The seal finds its transfer no longer."""
    found = chained.transfers()[1]
    tamper(chained, found, id="0" * 32)
    assert broken(chained) == [Drift("chain", str(found.cursor), kept=2, expected=1)]


@pytest.mark.parametrize("place", range(5))
def test_a_removed_transfer_is_found(place, chained):
    found = chained.transfers()[place]
    remove(chained, found)
    assert broken(chained) == [Drift("chain", str(found.cursor), kept=place + 1, expected=place)]


@pytest.mark.parametrize("place", range(4))
def test_a_transfer_removed_with_its_seal_breaks_the_next_one(place, chained):
    found = chained.transfers()
    remove(chained, found[place], seal=True)
    assert broken(chained) == [Drift("chain", str(found[place + 1].cursor), kept=place + 1, expected=place)]


def test_what_is_cut_off_at_the_end_shows_in_the_balances(chained):
    """Nothing is sealed after it; but what is kept is not what is left."""
    remove(chained, chained.transfers()[4], seal=True)
    assert [(one.what, one.kept, one.expected) for one in chained.engine.verify()] == [
        ("balance.available", 90, 100),
        ("balance.redeemed", 10, 0),
    ]


def test_a_swapped_pair_is_found_though_every_sum_fits(chained):
    first, second = chained.transfers()[1:3]
    for one, place in ((first, -1), (second, first.cursor), (replace(first, cursor=-1), second.cursor)):
        tamper(chained, one, cursor=place)
    found = chained.engine.verify()
    assert found == [Drift("chain", str(first.cursor), kept=2, expected=1)]


def test_amounts_shifted_between_two_transfers_are_found_though_every_sum_fits(chained):
    first, second = chained.transfers()[1:3]
    tamper(chained, first, amount=first.amount - 5)
    tamper(chained, second, amount=second.amount + 5)
    assert chained.engine.verify() == [Drift("chain", str(first.cursor), kept=2, expected=1)]


def test_a_changed_seal_is_found(chained):
    found = chained.transfers()[2]
    if isinstance(chained.store, MemoryStore):
        seals = chained.store._programs["acme"].seals
        seals[2] = (found.cursor, bytes(32))
    else:
        with chained.store._engine.begin() as connection:
            which = TABLES.seals.c.cursor == found.cursor
            connection.execute(update(TABLES.seals).where(which).values(seal=bytes(32)))
    assert chained.engine.verify() == [Drift("chain", str(found.cursor), kept=3, expected=2)]


def test_without_the_chain_the_same_shift_goes_unseen(shelf):
    """The control: it is the seals that find it."""
    opened = shelf.open(program_of())
    opened.earn("bob", 20)
    opened.earn("bob", 30)
    shelf.damaged()
    first, second = opened.transfers()
    tamper(opened, first, amount=15)
    tamper(opened, second, amount=35)
    assert opened.engine.verify() == []


def test_every_kind_of_transfer_is_sealed(books):
    opened = books(program_of(expires=rolling(30), chained=True))
    play_every_kind(opened)
    events = [opened.event("purchase", "bob", amount=5) for _ in range(3)]
    opened.engine.record_many(events)
    assert opened.engine.verify() == []
    assert number_of_seals(opened) == sum(
        len(opened.transfers(member, unit)) for member in ("alice", "bob") for unit in ("points", "usd")
    )


def number_of_seals(books: Books) -> int:
    if isinstance(books.store, MemoryStore):
        return len(books.store._programs[books.program].seals)
    with books.store._engine.connect() as connection:
        return len(connection.execute(TABLES.seals.select()).all())


def test_a_program_may_begin_to_chain_pause_and_go_on(shelf):
    opened = None
    for chained in (False, True, False, True):
        opened = shelf.open(program_of(chained=chained))
        opened.earn("bob", 10)
        opened.earn("bob", 20)
    assert number_of_seals(opened) == 4
    assert opened.engine.verify() == []
    shelf.damaged()
    sealed, unsealed = opened.transfers()[6], opened.transfers()[4]
    tamper(opened, unsealed, memo="never sealed")
    assert broken(opened) == []
    tamper(opened, sealed, memo="sealed")
    assert broken(opened) == [Drift("chain", str(sealed.cursor), kept=3, expected=2)]


def test_a_decision_that_moves_nothing_seals_nothing(books):
    opened = books(program_of(chained=True))
    opened.do("visit")
    opened.engine.join("alice")
    assert number_of_seals(opened) == 0
    assert opened.engine.verify() == []


def test_chains_of_two_programs_are_apart(shelf):
    here, there = (shelf.open(program_of(chained=True, named=name)) for name in ("acme", "other"))
    for amount in (10, 20):
        here.earn("bob", amount)
        there.earn("bob", amount)
    shelf.damaged()
    found = here.transfers()[0]
    tamper(here, found, memo="x")
    assert broken(here) == [Drift("chain", str(found.cursor), kept=1, expected=0)]
    assert there.engine.verify() == []


def test_many_threads_make_one_chain(shelf):
    opened = shelf.open(program_of(gives(3), chained=True))
    people = opened.knows(f"member-{n}" for n in range(8))

    def work(place: int) -> None:
        for n in range(5):
            event = opened.event("gift", people[(place + n) % 8], id=f"g-{place}-{n}")
            assert opened.engine.record(event).status == "accepted"

    together(work, 8)
    assert number_of_seals(opened) == 40
    assert opened.engine.verify() == []


def test_a_chain_longer_than_a_page_of_seals(shelf):
    opened = shelf.open(program_of(chained=True))
    opened.engine.record_many([opened.event("purchase", "bob", amount=1) for _ in range(2100)])
    assert number_of_seals(opened) == 2100
    assert opened.engine.verify() == []
    shelf.damaged()
    found = opened.store.transfers("acme", "bob", "points", None, 3000)[2050]
    tamper(opened, found, memo="x")
    assert broken(opened) == [Drift("chain", str(found.cursor), kept=2051, expected=2050)]
