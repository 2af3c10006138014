"""Bad events: each is rejected as `invalid_event` by `record`, and raised by `Event(...)` where it can be called."""

from __future__ import annotations

from collections import UserDict
from typing import Any

from referral_engine import Event
from referral_engine.events import LIST_LENGTH_MAX, TEXT_LENGTH_MAX
from tests.security.rows import BAD_AMOUNTS, BAD_IDS, BAD_NAMES, BAD_TIMES, HUGE_INT, HUGE_TEXT, NO_TEXT, Row

PURCHASE = {"id": "bad-1", "type": "purchase", "member": "bob", "amount": 5}
SIGNUP = {"id": "bad-1", "type": "signup", "member": "newcomer"}
REFUND = {"id": "bad-1", "type": "refund", "member": "bob", "of": "p-1"}

cyclic: list[Any] = []
cyclic.append(cyclic)

BAD_CODES: dict[str, Any] = {
    "empty": "",
    "65 signs": "x" * 65,
    "ten megabytes": HUGE_TEXT,
    "NUL": "a\0",
    "lone surrogate": "\udfff",
    "int": 5,
    "bytes": b"ABC",
    "true": True,
    "list": ["ABC"],
}

BAD_ATTRIBUTES: dict[str, tuple[Any, str]] = {
    "no mapping": ([1], "attributes"),
    "text": ("x=1", "attributes"),
    "none": (None, "attributes"),
    "float": ({"x": 1.5}, "attributes.x"),
    "NaN": ({"x": float("nan")}, "attributes.x"),
    "bytes": ({"x": b"1"}, "attributes.x"),
    "object": ({"x": object()}, "attributes.x"),
    "mapping": ({"x": {"y": 1}}, "attributes.x"),
    "set": ({"x": {1}}, "attributes.x"),
    "nested list": ({"x": [[1]]}, "attributes.x"),
    "cyclic list": ({"x": cyclic}, "attributes.x"),
    "long list": ({"x": [1] * (LIST_LENGTH_MAX + 1)}, "attributes.x"),
    "list with a float": ({"x": [1, 0.5]}, "attributes.x"),
    "long text": ({"x": "a" * (TEXT_LENGTH_MAX + 1)}, "attributes.x"),
    "huge text": ({"x": HUGE_TEXT}, "attributes.x"),
    "control sign": ({"x": "a\x00"}, "attributes.x"),
    "line feed": ({"x": "a\nb"}, "attributes.x"),
    "bidi mark": ({"x": "a\u202e"}, "attributes.x"),
    "lone surrogate": ({"x": "\ud800"}, "attributes.x"),
    "65 bits": ({"x": 2**63}, "attributes.x"),
    "huge int": ({"x": HUGE_INT}, "attributes.x"),
    "65 of them": ({f"x{n}": 1 for n in range(65)}, "attributes"),
    "a million of them": ({str(n): 1 for n in range(1_000_000)}, "attributes"),
    "empty name": ({"": 1}, None),
    "name with a dot": ({"a.b": 1}, None),
    "long name": ({"a" * 65: 1}, None),
    "Cyrillic name": ({"\u0430": 1}, None),
    "int name": ({5: 1}, None),
}

ODD_FIELDS: dict[str, tuple[Any, str | None]] = {
    "surprise": (PURCHASE | {"surprise": 1}, "surprise"),
    "token": (SIGNUP | {"token": "x"}, "token"),
    "key that is no text": (PURCHASE | {5: 1}, None),
    "code and referrer": (SIGNUP | {"code": "ABC", "referrer": "alice"}, ""),
    "code on a purchase": (PURCHASE | {"code": "ABC"}, ""),
    "referrer on a purchase": (PURCHASE | {"referrer": "alice"}, ""),
    "of on a signup": ({"id": "bad-1", "type": "signup", "member": "zoe", "of": "p-1"}, ""),
    "of itself": (PURCHASE | {"id": "bad-1", "of": "bad-1"}, ""),
    "refund of nothing": ({**REFUND, "of": None}, ""),
    "refund of itself": ({**REFUND, "of": "bad-1"}, ""),
    "no id": ({"type": "purchase", "member": "bob"}, "id"),
    "no member": ({"id": "bad-1", "type": "purchase"}, "member"),
    "no type": ({"id": "bad-1", "member": "bob"}, "type"),
    "empty": ({}, "id"),
}

NO_EVENTS: dict[str, Any] = {
    **{kind: value for kind, value in NO_TEXT.items() if kind != "list"},
    "text": '{"id": "bad-1"}',
    "list": [("id", "bad-1"), ("type", "purchase"), ("member", "bob")],
    "class": Event,
    "function": print,
    "module": __builtins__,
    "user mapping of nothing": UserDict(),
}


def rejected(name: str, given: object, where: str | None) -> Row:
    return Row(name, lambda stage: stage.engine.record(given), None, "invalid_event", where)  # type: ignore[arg-type]


def field_rows(name: str, base: dict[str, Any], values: dict[str, Any]) -> list[Row]:
    return [rejected(f"event.{name} {kind}", base | {name: value}, name) for kind, value in values.items()]


def but_none(values: dict[str, Any]) -> dict[str, Any]:
    return {kind: value for kind, value in values.items() if value is not None}


EVENT_ROWS = [
    *field_rows("id", PURCHASE, BAD_IDS),
    *field_rows("member", PURCHASE, BAD_IDS),
    *field_rows("type", PURCHASE, BAD_NAMES),
    *field_rows("at", PURCHASE, BAD_TIMES),
    *field_rows("amount", PURCHASE, BAD_AMOUNTS),
    *field_rows("code", SIGNUP, BAD_CODES),
    *field_rows("referrer", SIGNUP, but_none(BAD_IDS)),
    *field_rows("of", REFUND, but_none(BAD_IDS)),
    *(rejected(f"attributes {k}", PURCHASE | {"attributes": v}, where) for k, (v, where) in BAD_ATTRIBUTES.items()),
    *(rejected(f"event with {kind}", given, where) for kind, (given, where) in ODD_FIELDS.items()),
    *(rejected(f"event as {kind}", given, None) for kind, given in NO_EVENTS.items()),
]
