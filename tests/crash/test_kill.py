"""A process that loads events is killed (SIGKILL): what it acknowledged is there, once, and everything adds up.

`REFERRAL_TEST_KILLS` says how many times it is killed on each database, each time with another history.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from random import Random

import pytest

import referral_engine
from referral_engine.facts import Wanted
from referral_engine.storage import MemoryStore
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing.conformance._spring import an_engine
from tests.crash.loading import MEMBERS, batches, event

KILLS = int(os.environ.get("REFERRAL_TEST_KILLS", "10"))


def killed_while_loading(url, seed):
    """Load in another process, kill it after some acknowledgements, and answer the batches that it acknowledged."""
    roots = [Path(__file__).parents[2], Path(referral_engine.__file__).parents[1]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))}
    command = [sys.executable, "-m", "tests.crash.loading", url, str(seed)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as loader:
        try:
            lines = list(islice(loader.stdout, Random(seed).randint(3, 60)))
        finally:
            loader.kill()
        lines += loader.stdout.readlines()
    assert loader.returncode == -signal.SIGKILL
    return [[int(number) for number in line.split()] for line in lines if line.endswith("\n")]


@pytest.mark.parametrize("seed", range(KILLS))
def test_what_was_acknowledged_survives_a_kill(database_url, seed):
    url = database_url
    with SQLAlchemyStore(url) as store:
        store.create_schema()
    acknowledged = killed_while_loading(url, seed)
    following = list(islice(batches(seed), len(acknowledged) + 1))
    assert acknowledged == following[:-1]

    with SQLAlchemyStore(url) as store:
        engine = an_engine(store, budget=10**9)
        assert engine.verify() == []
        reference = an_engine(MemoryStore(), budget=10**9)
        recorded = [reference.record_many([event(number) for number in batch]) for batch in following]
        assert [accepted(outcomes) for outcomes in recorded[:-1]] == [kept(store, one) for one in recorded[:-1]]
        assert kept(store, recorded[-1]) in {frozenset(), accepted(recorded[-1])}, "half a batch"

        unknown = not kept(store, recorded[-1])
        for batch, outcomes in zip(following, recorded, strict=True):
            again = engine.record_many([event(number) for number in batch])
            done = "accepted" if unknown and outcomes is recorded[-1] else "duplicate"
            assert [one.status for one in again] == [
                one.status if one.status == "rejected" else done for one in outcomes
            ]
            assert [one.grants for one in again] == [one.grants for one in outcomes]
        assert engine.verify() == []
        names = [f"m{number}" for number in range(MEMBERS)]
        assert [engine.balance(name) for name in names] == [reference.balance(name) for name in names]


def accepted(outcomes):
    return frozenset(outcome.event_id for outcome in outcomes if outcome.status == "accepted")


def kept(store, outcomes):
    wanted = frozenset(outcome.event_id for outcome in outcomes)
    return frozenset(store.read(Wanted("acme", events=wanted)).events)
