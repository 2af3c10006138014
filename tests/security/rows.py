"""Rows of bad input, each with the exact error or reason that it must meet, and the values that rows are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

from referral_engine import InvalidInput, ReferralEngineError
from tests.contract.stage import Stage

HUGE_TEXT = "a" * 10_000_000
HUGE_INT = 10**5000


@dataclass(frozen=True)
class Row:
    """One bad input. `error` is the exact class that is raised, None for a rejected outcome.

    `code` is that of the error or of the outcome's reason. `where` is the argument of InvalidInput, or the path of the
    first problem of an invalid model or event.
    """

    name: str
    act: Callable[[Stage], object]
    error: type[ReferralEngineError] | None
    code: str
    where: str | None = None


class Offset(tzinfo):
    """A time zone that misbehaves: it answers nonsense, or raises."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def utcoffset(self, _: datetime | None) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _: datetime | None) -> str:
        return "odd"


def endless(value: object) -> Iterator[object]:
    """Go on for ever, as far as a careful reader can tell."""
    for n in count():
        if n > 200_000:
            raise AssertionError("it was read on and on")
        yield value


def broken(*values: object) -> Iterator[object]:
    """Yield some values, then fail."""
    yield from values
    raise LookupError("the host's own mistake")


class Unshowable:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")

    __str__ = __repr__


NO_TEXT: dict[str, Any] = {
    "none": None,
    "int": 5,
    "true": True,
    "float": 1.5,
    "bytes": b"bob",
    "list": ["bob"],
    "object": object(),
    "generator": (part for part in "bob"),
    "huge int": HUGE_INT,
    "unshowable": Unshowable(),
}

ODD_TEXT: dict[str, str] = {
    "empty": "",
    "space": "a b",
    "ten megabytes": HUGE_TEXT,
    "NUL": "a\0b",
    "line feed": "a\n",
    "escape": "\x1b[31ma",
    "delete": "a\x7f",
    "C1 control": "a\x85",
    "lone surrogate": "a\ud800",
    "right-to-left override": "a\u202eb",
    "left-to-right mark": "a\u200e",
    "zero-width joiner": "a\u200db",
    "Cyrillic a": "\u0430lice",
    "full-width digits": "\uff11\uff12",
    "combining accent": "e\u0301",
    "e-mail": "anna@example.org",
    "phone": "+4915112345678",
    "Arabic phone": "+\u0664\u0669",
}

BAD_IDS = NO_TEXT | ODD_TEXT | {"129 signs": "a" * 129}
BAD_NAMES = NO_TEXT | ODD_TEXT | {"65 signs": "a" * 65, "slash": "a/b", "dot first": ".a", "hyphen first": "-a"}

BAD_TIMES: dict[str, Any] = {
    "naive": datetime(2026, 3, 1),  # noqa: DTZ001 - that is the point
    "naive text": "2026-03-01T00:00:00",
    "date": date(2026, 3, 1),
    "date text": "2026-03-01",
    "words": "yesterday",
    "empty text": "",
    "huge text": HUGE_TEXT,
    "seconds": 1_772_323_200,
    "float": 1.5,
    "true": True,
    "bytes": b"2026-03-01T00:00:00Z",
    "30 February": "2026-02-30T00:00:00Z",
    "hour 25": "2026-03-01T25:00:00Z",
    "leap second": "2026-06-30T23:59:60Z",
    "wild offset": "2026-03-01T00:00:00+99:99",
    "full-width digits": "\uff12\uff10\uff12\uff16-03-01T00:00:00Z",
    "week date": "2026-W09-7T00:00:00Z",
    "line feed": "2026-03-01T00:00:00Z\n",
    "1969": datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
    "3000": datetime(3000, 1, 1, tzinfo=UTC),
    "1969 by its offset": "1970-01-01T00:00:00+00:01",
    "year 1": datetime.min.replace(tzinfo=UTC),
    "year 1 in the east": datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    "year 9999 in the west": datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
    "zone without offset": datetime(2026, 3, 1, tzinfo=Offset(None)),
    "zone that raises": datetime(2026, 3, 1, tzinfo=Offset(RuntimeError("no offset today"))),
    "zone of 48 hours": datetime(2026, 3, 1, tzinfo=Offset(timedelta(hours=48))),
    "zone of text": datetime(2026, 3, 1, tzinfo=Offset("+08:00")),
}

BAD_INTS: dict[str, Any] = {
    "true": True,
    "false": False,
    "float": 5.0,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "decimal": Decimal(5),
    "huge decimal": Decimal("1e999999"),
    "fraction": Fraction(5),
    "text": "5",
    "text with underscore": "1_000",
    "full-width text": "\uff15",
    "bytes": b"5",
    "complex": 5j,
    "list": [5],
    "object": object(),
    "huge": HUGE_INT,
    "huge below zero": -HUGE_INT,
    "below zero": -1,
}

BAD_AMOUNTS = BAD_INTS | {"zero": 0, "10**15 + 1": 10**15 + 1}


def arguments(method: str, name: str, values: dict[str, Any], **others: Any) -> list[Row]:
    """One row for each value that an argument of a method of the engine must refuse."""

    def act(value: object) -> Callable[[Stage], object]:
        return lambda stage: getattr(stage.engine, method)(**{**others, name: value})

    return [
        Row(f"{method}({name}) {kind}", act(value), InvalidInput, "invalid_input", name)
        for kind, value in values.items()
    ]
