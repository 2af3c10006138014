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
    """Tell what an error of a driver means, by its number."""
    cause = exc.orig
    problem = _problem(cause)
    if exc.connection_invalidated:
        return OutcomeUnknown(problem) if committing else StartAgain(problem, lost=True, broken=True)
    state = getattr(cause, "sqlstate", None)
    code = getattr(cause, "sqlite_errorcode", 0)
    if state in _TAKEN_STATES or code in _TAKEN_CODES:
        return StartAgain(problem)
    if state in _RIVAL_STATES or code & 0xFF in _RIVAL_CODES:
        return StartAgain(problem, lost=True)
    if state in _SCHEMA_STATES or (code == sqlite3.SQLITE_ERROR and problem.startswith(_SCHEMA_TEXTS)):
        return StoreError(f"the tables are missing or of another version: {problem}; call store.create_schema() first")
    return StoreError(f"the database refused: {problem}")


def _problem(cause: BaseException | None) -> str:
    """The driver's own words, without statement, values and details, which may hold ids."""
    diagnosis = getattr(cause, "diag", None)
    said = getattr(diagnosis, "message_primary", None) or str(cause)
    return _shortened(said)


def _shortened(text: str) -> str:
    return text.strip().partition("\n")[0][:_PROBLEM_LENGTH_MAX]
