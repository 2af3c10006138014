"""The PostgreSQL that benchmarks run on: a server of its own that flushes to disk, or the one that is named.

What a commit costs depends on whether it waits for the disk. So the figures of a database are measured both ways: with
`synchronous_commit=on`, which loses no commit, and `off`, which may lose the last ones when the power fails.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from threading import Barrier, BrokenBarrierError, Thread
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

import psycopg
from figure import only_new_objects
from psycopg import sql

from referral_engine.testing import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BENCH_POSTGRES_URL = "REFERRAL_BENCH_POSTGRES_URL"
"""Environment variable: the libpq URL of the server to use. Its settings are left as they are."""

MODES = ("on", "off")
"""Values of synchronous_commit: whether a commit waits for the disk."""

CLIENTS = 8
"""How many threads record at the same time where single events are measured."""

ItemT = TypeVar("ItemT")


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of the server that is named, or of one that is started for the while."""
    if url := os.environ.get(BENCH_POSTGRES_URL):
        yield url
        return
    with servers.postgres(fsync="on", synchronous_commit="on", full_page_writes="on", shared_buffers="128MB") as url:
        yield url


def waits(server_url: str, mode: str) -> str:
    """Say how commits wait, in the server's own words."""
    with psycopg.connect(server_url) as connection:
        row = connection.execute("SHOW fsync").fetchone()
    assert row is not None
    return f"synchronous_commit={mode}, fsync={row[0]}"


def waiting(url: str, mode: str) -> str:
    """Make every connection by this URL commit as the mode says."""
    return f"{url}{'&' if '?' in url else '?'}options=-csynchronous_commit%3D{mode}"


@contextmanager
def copied(server_url: str, template_url: str) -> Iterator[str]:
    """Yield the URL of a copy of a database, which nobody may be connected to; the copy is dropped at the end."""
    template = psycopg.conninfo.conninfo_to_dict(template_url)["dbname"]
    name = f"{template}_copy"
    copy, original = sql.Identifier(name), sql.Identifier(str(template))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(copy))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(copy, original))
        connection.execute("CHECKPOINT")
    try:
        yield servers.database_url(template_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(copy))


def together_s(items: Sequence[ItemT], clients: int, begin: Callable[[], Callable[[ItemT], object]]) -> float:
    """Deal the items to threads, and answer how many seconds they take from the first item to the last.

    `begin` is called in each thread and answers what is called with each of its items; it is not timed. What a thread
    raises is raised here.
    """
    ready, failures = Barrier(clients + 1), list[BaseException]()

    def work(own: Sequence[ItemT]) -> None:
        try:
            handle = begin()
            ready.wait()
            for item in own:
                handle(item)
        except BaseException as exc:  # noqa: BLE001 - handed to the caller below
            failures.append(exc)
            ready.abort()

    threads = [Thread(target=work, args=(items[place::clients],)) for place in range(clients)]
    with only_new_objects():
        for thread in threads:
            thread.start()
        with suppress(BrokenBarrierError):
            ready.wait()
        start = perf_counter()
        for thread in threads:
            thread.join()
        taken_s = perf_counter() - start
    if failures:
        raise failures[0]
    return taken_s
