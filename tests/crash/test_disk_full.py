"""A disk that is full: what does not fit is refused and not there, what was acknowledged is there, once.

The disk gets full in three ways: SQLite counts its pages (`max_page_count`), a file system is small, and a process may
write no larger file.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import contextmanager
from itertools import count, islice

import pytest
from sqlalchemy import create_engine, event

from referral_engine import OutcomeUnknown, StoreError
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.storage.sqlalchemy.engines import prepare
from tests.crash.checking import acknowledged, assert_sent_again, assert_there, balances, loader
from tests.crash.loading import MEMBERS, batches, engine_for, record

PAGES = 60
SIZE_KB = 640
MOST = 5_000
"""After how many batches the disk must be full; none of the disks takes half as many."""

TIMES = 2
"""How often the same batch is sent to a disk that is full."""

JOURNALS = {
    "wal": [],
    "wal, often checkpointed": ["PRAGMA wal_autocheckpoint = 10"],
    "rollback": ["PRAGMA journal_mode = DELETE"],
}


def one_by_one():
    """The members in one batch, then each event by itself."""
    yield list(range(MEMBERS))
    yield from ([number] for number in count(MEMBERS))


HISTORIES = {"in batches": lambda: batches(1), "one by one": one_by_one}


class Pages:
    """A database of few pages, for SQLite says itself that it is full: on any machine, in the midst of a statement."""

    def __init__(self, folder):
        self.folder, self.pages = folder, PAGES

    def settings(self):
        return [f"PRAGMA max_page_count = {self.pages}"]

    def make_room(self):
        self.pages = 2**30

    def remove(self):
        pass


class SmallFileSystem:
    """A file system in memory, which must be mounted: full for the journal too, and then at the commit."""

    def __init__(self, folder):
        self.folder = folder
        if shutil.which("mount") is None:
            pytest.skip("no file system can be mounted here: there is no program `mount`")
        done = self.mount("-t", "tmpfs", "-o", f"size={SIZE_KB}k", "tmpfs")
        if done.returncode != 0:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")

    def mount(self, *options):
        return subprocess.run(["mount", *options, self.folder], capture_output=True, text=True, check=False)

    def settings(self):
        return []

    def make_room(self):
        assert self.mount("-o", "remount,size=64m").returncode == 0

    def remove(self):
        subprocess.run(["umount", self.folder], check=True)


@pytest.fixture(params=[Pages, SmallFileSystem])
def disk(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.remove()


@contextmanager
def opened(disk, journal):
    """A store whose connections are set up as our own are, and as the disk and the journal are to be."""
    engine = create_engine(f"sqlite:///{disk.folder / 'acme.db'}")
    prepare(engine)

    def set_up(connection, *_):
        cursor = connection.cursor()
        for setting in [*JOURNALS[journal], *disk.settings()]:
            cursor.execute(setting)
        cursor.close()

    event.listen(engine, "checkout", set_up)
    try:
        yield SQLAlchemyStore(engine)
    finally:
        engine.dispose()


def fill(engine, history):
    """Record until a batch is refused TIMES times; answers what was acknowledged, that batch and the errors."""
    known = []
    for batch in islice(history, MOST):
        errors = []
        while len(errors) < TIMES:
            try:
                record(engine, batch)
            except StoreError as exc:
                errors.append(exc)
            else:
                known.append(batch)
                break
        else:
            return known, batch, errors
    raise AssertionError("the disk does not get full")


@pytest.mark.parametrize("journal", JOURNALS)
@pytest.mark.parametrize("history", HISTORIES)
def test_what_does_not_fit_is_not_there_and_all_that_was_acknowledged_is(disk, journal, history):
    with opened(disk, journal) as store:
        store.create_schema()
    with opened(disk, journal) as store:
        engine = engine_for(store)
        known, refused, errors = fill(engine, HISTORIES[history]())
        assert {error.problem for error in errors} == {"the database refused: database or disk is full"}
        assert {error.__cause__.orig.sqlite_errorcode for error in errors} == {sqlite3.SQLITE_FULL}
        assert sum(balance.lifetime for balance in balances(engine)) > 0
        assert_there(store, known, absent=refused)
    with opened(disk, journal) as store:
        assert_there(store, known, absent=refused)
        disk.make_room()
        assert_sent_again(store, [*known, refused], fresh=1)
        assert_sent_again(store, [*known, refused], fresh=0)


@pytest.mark.skipif(os.name != "posix", reason="there is no limit on the size of a file")
@pytest.mark.parametrize("blocks", [800, 2000])
def test_a_process_that_may_write_no_larger_file_loses_nothing(tmp_path, blocks):
    url = f"sqlite:///{tmp_path / 'acme.db'}"
    with SQLAlchemyStore(url) as store:
        store.create_schema()
    limited = ["sh", "-c", f'ulimit -f {blocks} && exec "$@"', "sh"]
    with loader(url, 1, *limited, stderr=subprocess.PIPE) as loading:
        lines, said = loading.communicate()
    assert loading.returncode == 1
    assert said.splitlines()[-1] == f"referral_engine.errors.OutcomeUnknown: {OutcomeUnknown('disk I/O error')}"
    known = acknowledged(lines.splitlines(keepends=True))
    *following, last = islice(batches(1), len(known) + 1)
    assert known == following
    assert known

    with SQLAlchemyStore(url) as store:
        assert_there(store, following, absent=last)
        assert_sent_again(store, [*following, last], fresh=1)
        assert_sent_again(store, [*following, last], fresh=0)
