"""A process that loads events is killed (SIGKILL): what it acknowledged is there, once, and everything adds up.

`REFERRAL_TEST_KILLS` says how many times it is killed on each database, each time with another history.
"""

from __future__ import annotations

import os
import signal
from itertools import islice
from random import Random

import pytest

from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from tests.crash.checking import acknowledged, assert_sent_again, assert_there, kept, loader
from tests.crash.loading import batches

KILLS = int(os.environ.get("REFERRAL_TEST_KILLS", "10"))


def killed_while_loading(url, seed):
    """Load in another process, kill it after some acknowledgements, and answer the batches that it acknowledged."""
    with loader(url, seed) as loading:
        try:
            lines = list(islice(loading.stdout, Random(seed).randint(3, 60)))
        finally:
            loading.kill()
        lines += loading.stdout.readlines()
    assert loading.returncode == -signal.SIGKILL
    return acknowledged(lines)


@pytest.mark.parametrize("seed", range(KILLS))
def test_what_was_acknowledged_survives_a_kill(database_url, seed):
    with SQLAlchemyStore(database_url) as store:
        store.create_schema()
    known = killed_while_loading(database_url, seed)
    *following, last = islice(batches(seed), len(known) + 1)
    assert known == following

    with SQLAlchemyStore(database_url) as store:
        if kept(store, last):
            assert_there(store, [*following, last])
            assert_sent_again(store, [*following, last], fresh=0)
        else:
            assert_there(store, following, absent=last)
            assert_sent_again(store, [*following, last], fresh=1)
