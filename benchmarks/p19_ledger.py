"""P19: the ledger alone, 1,000 transfers a batch, on PostgreSQL, against the ledgers that one would pick instead.

Ours is what recording does to the ledger and nothing more: one `store.apply` that locks the members, reads their
balances, and writes the transfers, the balances and what the campaign has spent. Each peer does as much in its own
fastest call; the batches alternate, and ratios are of the time that one transfer takes.

No peer is a dependency. `REFERRAL_BENCH_PEERS` names a Python that has them (django-hordak, python-accounting), and
`REFERRAL_BENCH_PGLEDGER` the SQL files of pgledger in the order in which they are run, with colons between them. What
is not there is left out, and the run says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import psycopg
import server
from figure import Figure, Step, only_new_objects
from peer import ACCOUNTS, draws

from referral_engine.changes import AddTransfer, AdjustBalance, AdjustSpend, Decision, PutMember
from referral_engine.facts import Facts, Wanted
from referral_engine.ledger import NOTHING, Balance, Transfer
from referral_engine.members.member import Member
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing import servers

if TYPE_CHECKING:
    from workload import Workload

NAME = "p19"
PEERS_PYTHON = "REFERRAL_BENCH_PEERS"
PGLEDGER = "REFERRAL_BENCH_PGLEDGER"
TRANSFERS = 1_000
BATCHES = 5
"""Batches for each repetition."""

GOALS = {"pgledger": 4, "hordak": 20, "hordak_bulk": None, "python_accounting": 200}
_AT = datetime(2026, 3, 1, tzinfo=UTC)
_MEMBERS = [f"member-{place:04}" for place in range(ACCOUNTS)]


def steps(repetitions: int) -> int:
    """How many times `measure` calls `step`."""
    return repetitions * (1 + len(GOALS))


def measure(_: Workload, repetitions: int, step: Step) -> list[Figure]:
    """Run ours and each peer that is there in turn, each in a database of its own."""
    ratios: dict[str, list[float]] = {name: [] for name in GOALS}
    ours: list[float] = []
    with server.server() as url:
        work = f"1,000 transfers a batch, PostgreSQL, {server.waits(url, 'on')}"
        for _repetition in range(repetitions):
            step("p19 ours")
            with servers.fresh_database(url) as database:
                mine = ours_s(server.waiting(database, "on"))
            ours += mine
            for name, found in ratios.items():
                step(f"p19 {name}")
                with servers.fresh_database(url) as database:
                    theirs = peer_s(name, database)
                if theirs is not None:
                    found.append(median(theirs) / median(mine))
    figures = [Figure("p19.rate", work, "wall clock", 1 / median(ours), "/s")]
    for name, found in ratios.items():
        if found:
            figures.append(Figure(f"p19.{name}", work, name, median(found), least=GOALS[name]))
        else:
            print(f"p19.{name} skipped: {PGLEDGER if name == 'pgledger' else PEERS_PYTHON} names nothing that has it")
    return figures


def ours_s(url: str) -> list[float]:
    """Seconds of a transfer in each batch of ours."""
    with SQLAlchemyStore(url) as store:
        store.create_schema()
        everybody = frozenset(_MEMBERS)
        joined = Decision(None, tuple(PutMember(Member(one, _AT, None, one, 0), fresh=True) for one in _MEMBERS))
        store.apply(Wanted("bench", members=everybody, arriving=everybody), lambda _: joined)
        taken = []
        for seed in range(BATCHES):
            with only_new_objects():
                start = perf_counter()
                give(store, seed)
                taken.append((perf_counter() - start) / TRANSFERS)
    return taken


def give(store: SQLAlchemyStore, seed: int) -> None:
    """Transfer from a campaign to members; every id is free, or somebody gave the same before."""
    gifts = [(f"gift-{seed}-{place}", _MEMBERS[to], amount) for place, (_, to, amount) in enumerate(_moves(seed))]
    ids = {blake2b(reference.encode(), digest_size=16).hexdigest(): reference for reference, _, _ in gifts}
    spends = frozenset({("spring", "points")})
    members = frozenset(member for _, member, _ in gifts)
    wanted = Wanted("bench", members=members, units=frozenset({"points"}), transfers=frozenset(ids), spends=spends)

    def decide(facts: Facts) -> Decision[None]:
        assert not facts.transfers, "given before"
        balances: dict[str, Balance] = {}
        transfers = []
        for ordinal, (id_, (reference, member, amount)) in enumerate(zip(ids, gifts, strict=True)):
            ends = ("campaign", "available", "spring", reference, None)
            transfer = Transfer(id_, "grant", member, "points", amount, *ends, _AT)  # type: ignore[arg-type]
            transfers.append(AddTransfer(transfer, ordinal))
            balances[member] = balances.get(member, NOTHING).plus(Balance(available=amount, lifetime=amount))
        changed = [
            AdjustBalance(member, "points", by, fresh=(member, "points") not in facts.balances)
            for member, by in balances.items()
        ]
        spent = AdjustSpend("spring", "points", sum(amount for _, _, amount in gifts), 0)
        return Decision(None, (*changed, spent, *transfers), len(transfers))

    store.apply(wanted, decide)


def _moves(seed: int) -> list[tuple[int, int, int]]:
    return list(draws(seed, TRANSFERS))


def peer_s(name: str, url: str) -> list[float] | None:
    """Seconds of a transfer in each batch of a peer; None where it is not to be had."""
    if name == "pgledger":
        files = [Path(path) for path in os.environ.get(PGLEDGER, "").split(os.pathsep) if path]
        return _pgledger_s(files, url) if files else None
    python = os.environ.get(PEERS_PYTHON)
    if not python:
        return None
    batches = 1 if name == "python_accounting" else BATCHES
    command = [python, str(Path(__file__).with_name("peer.py")), name, url, str(batches)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0 and "ModuleNotFoundError" in done.stderr:
        return None
    assert done.returncode == 0, done.stderr
    taken: list[float] = json.loads(done.stdout)
    return taken


def _pgledger_s(files: list[Path], url: str) -> list[float]:
    """The function of pgledger for many transfers, an array of them at a time."""
    with psycopg.connect(url, autocommit=True) as connection:
        for path in files:
            connection.execute(path.read_bytes())
        made = "SELECT (pgledger_create_account('account ' || i, 'EUR')).id FROM generate_series(1, %s) AS i"
        accounts = [id_ for (id_,) in connection.execute(made, [ACCOUNTS]).fetchall()]
        return [_pgledger_batch_s(connection, accounts, seed) for seed in range(BATCHES)]


def _pgledger_batch_s(connection: psycopg.Connection, accounts: list[str], seed: int) -> float:
    with only_new_objects():
        start = perf_counter()
        columns = zip(*((accounts[source], accounts[to], amount) for source, to, amount in _moves(seed)), strict=True)
        connection.execute(
            "SELECT count(*) FROM pgledger_create_transfers("
            "(SELECT array_agg((source, target, amount)::transfer_request) "
            "FROM unnest(%s::text[], %s::text[], %s::numeric[]) AS given (source, target, amount)))",
            [list(column) for column in columns],
        )
        return (perf_counter() - start) / TRANSFERS


if __name__ == "__main__":
    from run import main

    sys.exit(main([NAME, *sys.argv[1:]]))
