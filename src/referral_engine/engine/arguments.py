"""Checks of what a caller passes, before anything is read or written; each raises InvalidInput."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from pydantic_core import PydanticCustomError

from referral_engine.errors import InvalidInput
from referral_engine.ids import name_problem
from referral_engine.validation import AMOUNT_MAX, TOTAL_MAX, as_utc, plain_text, read_time

LABELS_MAX = 64
MEMO_LENGTH_MAX = 500


def require_amount(name: str, value: object) -> int:
    """A whole number of minor units, 1 to 10**15."""
    if type(value) is not int or not 1 <= value <= AMOUNT_MAX:
        raise InvalidInput(name, "must be a whole number of minor units (int), 1 to 10**15")
    return value


def require_signed_amount(name: str, value: object) -> int:
    """A whole number of minor units, 1 to 10**15 either way, not 0."""
    if type(value) is not int or not 1 <= abs(value) <= AMOUNT_MAX:
        raise InvalidInput(name, "must be a whole number of minor units (int), 1 to 10**15, or below 0 to take")
    return value


def require_count(name: str, value: object, low: int, high: int) -> int:
    """A whole number in a range."""
    if type(value) is not int or not low <= value <= high:
        raise InvalidInput(name, f"must be a whole number (int), {low} to {high}")
    return value


def require_optional_count(name: str, value: object) -> int | None:
    """None, or a whole number from 0."""
    return None if value is None else require_count(name, value, 0, TOTAL_MAX)


def require_cursor(name: str, value: object) -> int | None:
    """None, or the cursor of an item of a page."""
    return None if value is None else require_count(name, value, 0, TOTAL_MAX)


def require_time(name: str, value: object) -> datetime:
    """An aware datetime, or RFC 3339 text, in UTC."""
    try:
        moment = read_time(value)
        if isinstance(moment, datetime) and moment.utcoffset() is not None:
            return as_utc(moment)
    except PydanticCustomError as exc:
        raise InvalidInput(name, exc.message()) from exc
    except Exception as exc:  # a zone of the caller's own may raise anything
        raise InvalidInput(name, f"its time zone fails ({type(exc).__name__}); use zoneinfo or UTC") from exc
    if isinstance(moment, datetime):
        raise InvalidInput(name, "the datetime is naive; give it a time zone, such as tzinfo=UTC")
    raise InvalidInput(name, "must be an aware datetime or RFC 3339 text")


def require_optional_time(name: str, value: object) -> datetime | None:
    """None, or a time."""
    return None if value is None else require_time(name, value)


def require_text(name: str, value: object, length_max: int) -> str:
    """Text without control characters, 1 to `length_max` characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= length_max:
        raise InvalidInput(name, f"must be text of 1 to {length_max} characters")
    try:
        return plain_text(value)
    except PydanticCustomError as exc:
        raise InvalidInput(name, exc.message()) from exc


def require_memo(value: object) -> str | None:
    """None, or words of at most 500 characters."""
    return None if value is None else require_text("memo", value, MEMO_LENGTH_MAX)


def require_labels(name: str, values: object) -> frozenset[str]:
    """A collection of roles or tags, each a name."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InvalidInput(name, "must be a list of names, such as ['seed']")
    labels = list(islice(values, LABELS_MAX + 1))
    if len(labels) > LABELS_MAX:
        raise InvalidInput(name, f"must hold at most {LABELS_MAX} names")
    for label in labels:
        if problem := name_problem(label):
            raise InvalidInput(name, problem)
    return frozenset(labels)
