"""The vocabulary of conditions: the facts they may name, the operators, and the literals that each takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Final, Literal, get_args

from referral_engine.ids import name_problem
from referral_engine.validation import TOTAL_MAX, as_utc, plain_text, read_time

NAME_LENGTH_MAX = 200
"""The longest name of a fact that is looked at."""
TEXT_LENGTH_MAX = 1024
"""The longest text literal."""
ITEMS_MAX = 1000
"""How many literals one `in` or `not_in` lists."""

Scope = Literal["event", "referral", "referee", "referrer"]
FactType = Literal["int", "text", "bool", "time", "any"]
Operator = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "between", "exists", "contains", "starts_with"]
Scalar = int | str | bool | datetime
Value = Scalar | tuple[Scalar, ...] | None
"""What a leaf compares with: one literal, several for `in`, `not_in` and `between`, none for `exists`."""

ORDERED: Final = frozenset({"lt", "le", "gt", "ge", "between"})
LISTED: Final = frozenset({"in", "not_in"})
TEXTUAL: Final = frozenset({"contains", "starts_with"})

_ATTRIBUTE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_KINDS: Final = {"int": "a whole number", "text": "text", "bool": "true or false", "time": "a time"}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a condition or a rule may look at.

    `kind` is the part of the name that says what it is, such as `amount` or `count`; `key` is the event type, role,
    tag or attribute that the name ends in, or None.
    """

    name: str
    scope: Scope
    kind: str
    key: str | None
    type: FactType


def _fixed() -> dict[str, Fact]:
    people: dict[str, FactType] = {"referrals.total": "int", "referrals.qualified": "int", "age_days": "int"}
    kinds: dict[Scope, dict[str, FactType]] = {
        "event": {"id": "text", "type": "text", "member": "text", "at": "time", "amount": "int"},
        "referral": {"campaign": "text", "age_days": "int", "state": "text"},
        "referee": people,
        "referrer": people,
    }
    return {
        f"{scope}.{kind}": Fact(f"{scope}.{kind}", scope, kind, None, form)
        for scope, forms in kinds.items()
        for kind, form in forms.items()
    }


def _families() -> dict[str, tuple[Scope, str, FactType]]:
    people: tuple[Scope, ...] = ("referee", "referrer")
    kinds: dict[str, FactType] = {"count": "int", "sum": "int", "role": "bool", "tag": "bool"}
    families: dict[str, tuple[Scope, str, FactType]] = {"event.attributes": ("event", "attributes", "any")}
    for scope in people:
        families |= {f"{scope}.{kind}": (scope, kind, form) for kind, form in kinds.items()}
    return families


_FIXED: Final = _fixed()
_FAMILIES: Final = _families()
_SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


def fact(name: object) -> Fact:
    """Read the name of a fact; ValueError, with a suggestion where one is near, for a name that is none."""
    if not isinstance(name, str):
        msg = "name a fact in text, such as 'event.amount'"
        raise ValueError(msg)  # noqa: TRY004 - every refusal here is one kind of error
    if len(name) > NAME_LENGTH_MAX:
        msg = f"the name of a fact has at most {NAME_LENGTH_MAX} characters"
        raise ValueError(msg)
    if known := _FIXED.get(name):
        return known
    family, key = _split(name)
    if key is not None and (found := _FAMILIES.get(family)):
        scope, kind, form = found
        if problem := _key_problem(family, kind, key):
            msg = f"{name!r}: {problem}"
            raise ValueError(msg)
        return Fact(name, scope, kind, key, form)
    msg = f"there is no fact {name[:80]!r}; {_mend(name)}"
    raise ValueError(msg)


def _split(name: str) -> tuple[str, str | None]:
    """Part a name after its second word: `referee.count` and `purchase`."""
    scope, _, rest = name.partition(".")
    kind, dot, key = rest.partition(".")
    return f"{scope}.{kind}", key if dot else None


def _key_problem(family: str, kind: str, key: str) -> str | None:
    if kind == "attributes":
        return None if _ATTRIBUTE.fullmatch(key) else "the name of an attribute is 1 to 64 of A-Z a-z 0-9 _ -"
    if kind in {"role", "tag"}:
        return None if _LABEL.fullmatch(key) else f"a {kind} is 1 to 64 of A-Z a-z 0-9 . _ - and begins with no sign"
    if "@" in key:
        return f"a {kind} is over a lifetime and takes no period; write {family}.{key.partition('@')[0]}"
    problem = name_problem(key)
    return f"the event type in it {problem}" if problem else None


def _mend(name: str) -> str:
    """Say what may have been meant."""
    scope, _, rest = name.partition(".")
    if scope not in _SCOPES:
        near = [f"{found}.{rest}" for found in get_close_matches(scope, _SCOPES, 4, 0.75)]
        ends = [known for known in _FIXED if known.endswith(f".{name}")]
        if meant := [known for known in near if _is_fact(known)] or ends:
            return f"did you mean {' or '.join(map(repr, meant))}?"
        return "facts begin with event., referral., referee. or referrer."
    fixed = [found.kind for found in _FIXED.values() if found.scope == scope]
    if near := get_close_matches(rest, fixed, 1, 0.7):
        return f"did you mean '{scope}.{near[0]}'?"
    families = [kind for of, kind, _ in _FAMILIES.values() if of == scope]
    kind, _, key = rest.partition(".")
    if near := get_close_matches(kind, families, 1, 0.7):
        return f"did you mean '{scope}.{near[0]}.{key[:64] or '<name>'}'?"
    return f"{scope} has {', '.join(fixed + [f'{kind}.<name>' for kind in families])}"


def _is_fact(name: str) -> bool:
    family, key = _split(name)
    return name in _FIXED or (key is not None and family in _FAMILIES)


def operator_problem(found: Fact, op: Operator) -> str | None:
    """Say why an operator cannot be asked of a fact, or None."""
    if op in ORDERED and found.type in {"text", "bool"}:
        return f"{found.name} is {_KINDS[found.type]} and has no order; use eq, ne, in or not_in"
    if op in TEXTUAL and found.type not in {"text", "any"}:
        return f"{found.name} is {_KINDS[found.type]}; {op} is for text"
    return None


def literal(found: Fact, op: Operator, value: object) -> Value:
    """Check what a fact is compared with, and answer it as it is kept; ValueError says what does not fit."""
    if op == "exists":
        if value is not None:
            msg = "exists takes no value"
            raise ValueError(msg)
        return None
    if problem := operator_problem(found, op):
        raise ValueError(problem)
    if op in LISTED:
        return tuple(_scalar(found, op, item) for item in _items(op, value, ITEMS_MAX))
    if op == "between":
        return _range(found, value)
    return _scalar(found, op, value)


def _items(op: Operator, value: object, count_max: int) -> list[object] | tuple[object, ...]:
    if isinstance(value, list | tuple) and 1 <= len(value) <= count_max:
        return value
    msg = f"{op} takes a list of 1 to {count_max:,} values"
    raise ValueError(msg)


def _range(found: Fact, value: object) -> Value:
    match value:
        case [first, last]:
            low, high = _scalar(found, "between", first), _scalar(found, "between", last)
        case _:
            msg = "between takes two values, the lowest and the highest"
            raise ValueError(msg)
    if type(low) is not type(high):
        msg = "the two ends of between must be of one type"
        raise ValueError(msg)
    if low > high:  # type: ignore[operator]  # of one type, as was just seen
        msg = "the first end of between must not be above the second"
        raise ValueError(msg)
    return (low, high)


def _scalar(found: Fact, op: Operator, value: object) -> Scalar:
    if value is None:
        msg = f"{op} needs a value to compare {found.name} with"
        raise ValueError(msg)
    if found.type == "time":
        return _time(found, value)
    kind, plain = _plain(value)
    if found.type not in (kind, "any"):
        msg = f"{found.name} is {_KINDS[found.type]}; it can't be compared with {_KINDS[kind]}"
        raise ValueError(msg)
    if (op == "starts_with" and kind != "text") or (op in ORDERED and kind == "bool"):
        msg = f"{op} can't compare with {_KINDS[kind]}"
        raise ValueError(msg)
    return plain


def _plain(value: object) -> tuple[FactType, int | str | bool]:
    """Tell the type of a literal and answer it as a plain value."""
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, int):
        if not -TOTAL_MAX - 1 <= value <= TOTAL_MAX:
            msg = "a number must fit in 64 bits"
            raise ValueError(msg)
        return "int", int(value)
    if isinstance(value, str):
        if len(value) > TEXT_LENGTH_MAX:
            msg = f"text has at most {TEXT_LENGTH_MAX:,} characters"
            raise ValueError(msg)
        return "text", str.__str__(plain_text(value))
    is_time = isinstance(value, datetime)
    msg = "a time can be compared with event.at only" if is_time else "a value is a whole number, text, true or false"
    raise ValueError(msg)


def _time(found: Fact, value: object) -> datetime:
    moment = read_time(value)
    if not isinstance(moment, datetime):
        msg = f"{found.name} is a time; compare it with a datetime or RFC 3339 text, such as 2026-03-01T00:00:00+08:00"
        raise ValueError(msg)  # noqa: TRY004 - every refusal here is one kind of error
    if moment.utcoffset() is None:
        msg = "the datetime is naive; give it a time zone, such as tzinfo=UTC"
        raise ValueError(msg)
    return as_utc(moment)
