"""The border to the drivers: each of their errors becomes a reason to start again or an error of our tree."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from referral_engine.errors import OutcomeUnknown, ReferralEngineError, StoreError
from referral_engine.storage.sqlalchemy.attempts import StartAgain

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAKEN_STATES = frozenset({"23505", "23514"})  # unique_violation, check_violation
_RIVAL_STATES = frozenset({"40001", "40P01", "55P03"})  # serialization_failure, deadlock_detected, lock_not_available
_SCHEMA_STATES = frozenset({"42P01", "42703", "3F000"})  # undefined table, column, schema
_TAKEN_CODES = frozenset(
    {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_CHECK}
)
_RIVAL_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_TAKEN_NUMBERS = frozenset({1022, 1050, 1061, 1062, 1586, 4025})  # a key, table or index that is there; a failed check
_RIVAL_NUMBERS = frozenset({1020, 1205, 1213, 1412})  # a row or a table changed meanwhile, lock wait timeout, deadlock
_SCHEMA_NUMBERS = frozenset({1054, 1146})  # unknown column, no such table
_BROKEN_NUMBERS = frozenset({1053, 1927, 2006, 2013, 4031})  # the server shuts down; the connection is gone
_COMMIT_NUMBER = 1180  # an error during a commit, of which nothing else is known
_SCHEMA_TEXTS = ("no such table", "no such column", "has no column named")
_PROBLEM_LENGTH_MAX = 300


@contextmanager
def translating(*, committing: bool = False) -> Iterator[None]:
    """Raise StartAgain or an error of our tree for what a driver, or SQLAlchemy, raises inside.

    `committing`: what is inside is a commit, so that a lost connection leaves its outcome unknown.
    """
    try:
        yield
    except DBAPIError as exc:
        raise _translated(exc, committing=committing) from exc
    except SQLAlchemyError as exc:
        raise StoreError(_shortened(str(exc))) from exc
    except (OverflowError, UnicodeError) as exc:
        raise StoreError(f"the database cannot hold a value: {exc}") from exc


def _translated(exc: DBAPIError, *, committing: bool) -> ReferralEngineError | StartAgain:
    """Tell what an error of a driver means, by its number.

    A commit that SQLite could not flush may have been written: it says SQLITE_IOERR, and finds it again after a crash.
    One for which there was no room is SQLITE_FULL, and was not written to its end.
    """
    cause = exc.orig
    problem = _problem(cause)
    number = _number(cause)
    state = getattr(cause, "sqlstate", None)
    code = getattr(cause, "sqlite_errorcode", 0)
    if committing and (number == _COMMIT_NUMBER or code & 0xFF == sqlite3.SQLITE_IOERR):
        return OutcomeUnknown(problem)
    if exc.connection_invalidated or number in _BROKEN_NUMBERS:
        return OutcomeUnknown(problem) if committing else StartAgain(problem, lost=True, broken=True)
    if state in _TAKEN_STATES or code in _TAKEN_CODES or number in _TAKEN_NUMBERS:
        return StartAgain(problem)
    if state in _RIVAL_STATES or code & 0xFF in _RIVAL_CODES or number in _RIVAL_NUMBERS:
        return StartAgain(problem, lost=True)
    missing = code == sqlite3.SQLITE_ERROR and problem.startswith(_SCHEMA_TEXTS)
    if missing or state in _SCHEMA_STATES or number in _SCHEMA_NUMBERS:
        mend = "call store.create_schema() where there are none, store.upgrade() for those of an older release"
        return StoreError(f"the tables are missing or of another version: {problem}; {mend}")
    return StoreError(f"the database refused: {problem}")


def _number(cause: BaseException | None) -> int:
    """The number that MariaDB's drivers put first; 0 for another driver's error."""
    first = cause.args[0] if cause is not None and cause.args else None
    return first if isinstance(first, int) else 0


def _problem(cause: BaseException | None) -> str:
    """The driver's own words, without statement, values and details, which may hold ids."""
    diagnosis = getattr(cause, "diag", None)
    said = getattr(diagnosis, "message_primary", None) or str(cause)
    return _shortened(said)


def _shortened(text: str) -> str:
    return text.strip().partition("\n")[0][:_PROBLEM_LENGTH_MAX]
