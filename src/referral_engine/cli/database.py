"""Database: `referral-engine db upgrade`, `db check` and `db current`.

The URL is never printed: it may hold a password, in more places than one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from referral_engine.errors import InvalidInput, StoreError
from referral_engine.storage.sqlalchemy import SQLAlchemyStore, define_tables

if TYPE_CHECKING:
    import argparse

    from referral_engine.storage.sqlalchemy import SchemaStatus

_WELL = 0
_TO_MEND = 1


def add_to(group: argparse.ArgumentParser) -> None:
    """Add the commands of `db`."""
    commands = group.add_subparsers(required=True, metavar="COMMAND")
    for name, run, told in (
        ("upgrade", _upgrade, "bring the tables to those of this release, from nothing or from an older one"),
        ("check", _check, "tell what is wrong with the tables; exit status 1 when something is"),
        ("current", _current, "tell the revision that the database records"),
    ):
        command = commands.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.")
        where = command.add_mutually_exclusive_group(required=True)
        where.add_argument("url", metavar="URL", nargs="?", help="such as postgresql://user@host/name")
        where.add_argument("--url-env", metavar="NAME", help="environment variable that holds the URL")
        command.add_argument("--schema", help="database schema of the tables, when not the default one")
        command.add_argument("--prefix", default="referral_", help="how their names begin (default: %(default)s)")
        command.set_defaults(run=run)


def _upgrade(given: argparse.Namespace) -> int:
    with _opened(given) as store:
        before = store.check()
        store.upgrade()
        after = store.check()
    if before.current == after.current:
        print(f"already at {_revision(after)}")
    else:
        print(f"upgraded from {_revision(before)} to {_revision(after)}")
    return _said(after)


def _check(given: argparse.Namespace) -> int:
    with _opened(given, reading=True) as store:
        status = store.check()
    print(f"{_revision(status)}; this release works with {status.head}")
    return _said(status)


def _current(given: argparse.Namespace) -> int:
    with _opened(given, reading=True) as store:
        print(_revision(store.check()))
    return _WELL


def _revision(status: SchemaStatus) -> str:
    return "no recorded revision" if status.current is None else f"revision {status.current}"


def _said(status: SchemaStatus) -> int:
    """Print the problems and answer the exit status."""
    for problem in status.problems:
        print(f"problem: {problem}")
    return _WELL if status.ok else _TO_MEND


def _opened(given: argparse.Namespace, *, reading: bool = False) -> SQLAlchemyStore:
    """Open the store; only to read, a file that is not there is not made."""
    url = given.url
    if given.url_env is not None and not (url := os.environ.get(given.url_env)):
        raise InvalidInput("--url-env", f"the environment variable {given.url_env!r} is not set")
    if reading and not _is_there(url):
        raise StoreError("there is no such file; `referral-engine db upgrade` makes it")
    return SQLAlchemyStore(url, tables=define_tables(schema=given.schema or None, prefix=given.prefix))


def _is_there(url: str) -> bool:
    try:
        read = make_url(url)
    except (ArgumentError, ValueError):
        return True  # the store says what is wrong with it
    file = read.database or ""
    if not read.drivername.startswith("sqlite") or read.query.get("uri") or file in {"", ":memory:"}:
        return True
    return Path(file).exists()
