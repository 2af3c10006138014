"""Eight processes drain one budget, with refunds and redemptions mixed in: it ends exactly, and everything adds up.

`REFERRAL_TEST_ROUNDS` says how many operations each process mixes before the last points are given: the default is
enough for a short run, 2,000 for a minute or more on a server, 7,000 on SQLite.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

import referral_engine
from referral_engine import Event, ReferralEngine
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from tests.concurrency.draining import MEMBERS, PROGRAM, TOTAL
from tests.databases import DATABASES, new_url

PROCESSES = 8
ROUNDS = int(os.environ.get("REFERRAL_TEST_ROUNDS", "30"))


@pytest.fixture(params=DATABASES)
def url(request, tmp_path):
    return new_url(request.param, request, tmp_path)


def drained(url, kind, rounds):
    """Run the processes, all let go at once, and answer what they were told in all; fails if one of them did."""
    roots = [Path(__file__).parents[2], Path(referral_engine.__file__).parents[1]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))}
    told = Counter()
    with ExitStack() as running:
        workers = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.concurrency.draining", url, kind, str(number), str(rounds)],
                    env=env,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(PROCESSES)
        ]
        assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * PROCESSES
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for worker in workers:
            answer, _ = worker.communicate()
            assert worker.returncode == 0, "an error reached the caller"
            told.update(json.loads(answer))
    return told


def prepare(store):
    """Make the tables, and the members in one transaction."""
    store.create_schema()
    hello = [Event(id=f"hello-{number}", type="hello", member=f"m{number}") for number in range(MEMBERS)]
    ReferralEngine(store, PROGRAM).record_many(hello)


def test_a_budget_is_drained_to_the_last_point(url):
    with SQLAlchemyStore(url) as store:
        prepare(store)
        told = drained(url, "guarded", ROUNDS)
        engine = ReferralEngine(store, PROGRAM)
        assert engine.verify() == []
        budget = engine.budget("spring", "points")
        assert (budget.spent, budget.held, budget.remaining) == (TOTAL, 0, 0)
        assert told["given"] - told["taken"] == TOTAL
        balances = [engine.balance(f"m{number}") for number in range(MEMBERS)]
        assert sum(balance.redeemed for balance in balances) == told["redeemed"]
        assert sum(balance.lifetime for balance in balances) == TOTAL


def test_without_the_guard_the_same_processes_overspend_it(url):
    """The control: the test above is worth something. Its processes end well, and what they did is not exact."""
    with SQLAlchemyStore(url) as store:
        prepare(store)
        told = drained(url, "careless", 8)
        assert told["given"] - told["taken"] > TOTAL or ReferralEngine(store, PROGRAM).verify() != []
