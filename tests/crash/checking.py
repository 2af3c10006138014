"""Checking: what is in a store after a crash, beside what a store in memory makes of the same batches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import referral_engine
from referral_engine.facts import Wanted
from referral_engine.storage import MemoryStore
from tests.crash.loading import MEMBERS, engine_for, record


def loader(url, seed, *before, stderr=None):
    """Start a process that loads batches until something ends it; `before` are the words before its command."""
    roots = [Path(__file__).parents[2], Path(referral_engine.__file__).parents[1]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))}
    command = [*before, sys.executable, "-m", "tests.crash.loading", url, str(seed)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True)


def acknowledged(lines):
    """The batches that a loading process said are recorded; what it did not write to the end does not count."""
    return [[int(number) for number in line.split()] for line in lines if line.endswith("\n")]


def assert_there(store, batches, absent=()):
    """These batches are there and add up, and nothing of the absent one is."""
    reference = engine_for(MemoryStore())
    recorded = [record(reference, batch) for batch in batches]
    assert [kept(store, batch) for batch in batches] == [accepted(outcomes) for outcomes in recorded]
    assert kept(store, absent) == frozenset()
    engine = engine_for(store)
    assert engine.verify() == []
    assert balances(engine) == balances(reference)


def assert_sent_again(store, batches, fresh):
    """Sending all again records the `fresh` last batches, once, and changes nothing else; the answers are the same."""
    reference, engine = engine_for(MemoryStore()), engine_for(store)
    for place, batch in enumerate(batches):
        first, again = record(reference, batch), record(engine, batch)
        done = "accepted" if place >= len(batches) - fresh else "duplicate"
        assert [one.status for one in again] == [one.status if one.status == "rejected" else done for one in first]
        assert [one.grants for one in again] == [one.grants for one in first]
    assert engine.verify() == []
    assert balances(engine) == balances(reference)


def accepted(outcomes):
    return frozenset(outcome.event_id for outcome in outcomes if outcome.status == "accepted")


def kept(store, batch):
    wanted = frozenset(f"e{number}" for number in batch)
    return frozenset(store.read(Wanted("acme", events=wanted)).events)


def balances(engine):
    return [engine.balance(f"m{number}") for number in range(MEMBERS)]
