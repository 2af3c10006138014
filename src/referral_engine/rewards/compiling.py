"""Conditions compiled to closures: each is a function of a view of the facts that answers the first failure."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeVar

from referral_engine.rewards.condition import AllOf, AnyOf, Leaf
from referral_engine.rewards.vocabulary import Fact, fact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from referral_engine.rewards.condition import Condition
    from referral_engine.rewards.vocabulary import Scalar

View = TypeVar("View")


class Missing(Enum):
    """The type of `MISSING`."""

    MISSING = "missing"

    def __bool__(self) -> Literal[False]:
        """Nothing is there."""
        return False

    def __str__(self) -> str:
        """As explanations write it."""
        return "missing"


MISSING: Final = Missing.MISSING
"""What a fact that is not there is found as; falsy, and written `missing`."""


class Failure(NamedTuple):
    """Why a condition does not hold: the part that fails, the fact it looked at and what was found.

    For a `not`, the path is its own, the fact and what was found are those that made the inner condition hold.
    """

    path: str
    field: str
    found: object


_fail: Final[Callable[[tuple[str, str, object]], Failure]] = partial(tuple.__new__, Failure)
"""Make a failure from its parts: half the cost of calling the class, and most conditions that are asked fail."""

_FAR: Final = 1 << 128
"""A bound that no number reaches: what events and totals hold has 64 bits."""


class _Interval(NamedTuple):
    """A leaf on a whole number, as the inclusive range that it accepts."""

    low: int
    high: int
    path: str
    field: str


def compile_condition(
    condition: Condition, getter: Callable[[Fact], Callable[[View], object]], path: str = "where"
) -> Callable[[View], Failure | None]:
    """Compile a condition to a function that answers None when it holds, else the first failure.

    `getter` answers, for a fact, the function that reads it from a view: an int, str, bool, datetime or a tuple of
    these, of no subclass; None or `MISSING` when it is not there. A value of another type fails, and never raises.
    """
    if isinstance(condition, Leaf):
        return _leaf(condition, getter(fact(condition.field)), path)
    if isinstance(condition, AllOf):
        return _all_of(condition.all, getter, path)
    if isinstance(condition, AnyOf):
        checks = [compile_condition(part, getter, f"{path}.any[{at}]") for at, part in enumerate(condition.any)]
        return _any_of(checks)
    return _not(_judged(condition.not_, getter), path)


def _leaf(leaf: Leaf, get: Callable[[View], object], path: str) -> Callable[[View], Failure | None]:
    if interval := _interval(leaf, path):
        return _within(get, interval)
    if leaf.op == "eq":
        same = _same_truth if isinstance(leaf.value, bool) else _same
        return same(get, leaf.value, path, leaf.field)
    holds, field = _test(leaf), leaf.field

    def check(view: View) -> Failure | None:
        found = get(view)
        if holds(found):
            return None
        return _fail((path, field, MISSING if found is None else found))

    return check


def _same(get: Callable[[View], object], value: object, path: str, field: str) -> Callable[[View], Failure | None]:
    """Check for equal text or an equal time, which nothing of another type equals."""

    def check(view: View) -> Failure | None:
        found = get(view)
        if found == value:
            return None
        return _fail((path, field, MISSING if found is None else found))

    return check


def _same_truth(
    get: Callable[[View], object], value: object, path: str, field: str
) -> Callable[[View], Failure | None]:
    """Check for true or false itself: 1 is not True."""

    def check(view: View) -> Failure | None:
        found = get(view)
        if found is value:
            return None
        return _fail((path, field, MISSING if found is None else found))

    return check


def _interval(leaf: Condition, path: str) -> _Interval | None:
    """Tell the range of whole numbers that a leaf accepts, when that is what it asks for."""
    if not isinstance(leaf, Leaf):
        return None
    value = leaf.value
    if isinstance(value, tuple) and leaf.op == "between":
        low, high = value
        return _Interval(low, high, path, leaf.field) if type(low) is int and type(high) is int else None
    if type(value) is not int:
        return None
    ranges = {
        "eq": (value, value),
        "le": (-_FAR, value),
        "lt": (-_FAR, value - 1),
        "ge": (value, _FAR),
        "gt": (value + 1, _FAR),
    }
    found = ranges.get(leaf.op)
    return _Interval(*found, path, leaf.field) if found else None


def _within(get: Callable[[View], object], interval: _Interval) -> Callable[[View], Failure | None]:
    low, high, path, field = interval

    def check(view: View) -> Failure | None:
        found = get(view)
        if type(found) is int and low <= found <= high:
            return None
        return _fail((path, field, MISSING if found is None else found))

    return check


def _within_both(
    get: Callable[[View], object], interval: _Interval, get_next: Callable[[View], object], following: _Interval
) -> Callable[[View], Failure | None]:
    """Check two ranges in one function: calls are what a compiled condition costs."""
    low, high, path, field = interval
    low_next, high_next, path_next, field_next = following

    def check(view: View) -> Failure | None:
        found = get(view)
        if type(found) is int and low <= found <= high:
            found = get_next(view)
            if type(found) is int and low_next <= found <= high_next:
                return None
            return _fail((path_next, field_next, MISSING if found is None else found))
        return _fail((path, field, MISSING if found is None else found))

    return check


def _all_of(
    parts: Sequence[Condition], getter: Callable[[Fact], Callable[[View], object]], path: str
) -> Callable[[View], Failure | None]:
    """Check the parts in order, two at a time where both are ranges of whole numbers."""
    checks: list[Callable[[View], Failure | None]] = []
    at = 0
    while at < len(parts):
        match [_interval(part, f"{path}.all[{at + i}]") for i, part in enumerate(parts[at : at + 2])]:
            case [_Interval() as one, _Interval() as two]:
                checks.append(_within_both(getter(fact(one.field)), one, getter(fact(two.field)), two))
                at += 2
            case _:
                checks.append(compile_condition(parts[at], getter, f"{path}.all[{at}]"))
                at += 1
    return _every(checks)


def _every(checks: Sequence[Callable[[View], Failure | None]]) -> Callable[[View], Failure | None]:
    """Check one after the other; few at a time without a loop."""
    match checks:
        case [one]:
            return one
        case [one, two]:
            return lambda view: one(view) or two(view)
        case [one, two, three]:
            return lambda view: one(view) or two(view) or three(view)
        case [one, two, three, *rest]:
            then = _every(rest)
            return lambda view: one(view) or two(view) or three(view) or then(view)
        case _:
            return lambda _: None


def _any_of(checks: Sequence[Callable[[View], Failure | None]]) -> Callable[[View], Failure | None]:
    first, rest = checks[0], tuple(checks[1:])

    def check(view: View) -> Failure | None:
        failure = first(view)
        if failure is None:
            return None
        for step in rest:
            if step(view) is None:
                return None
        return failure

    return check


class _Judgement(NamedTuple):
    """Whether a part holds, and the fact that decided it."""

    holds: bool
    field: str
    found: object


def _not(judge: Callable[[View], _Judgement], path: str) -> Callable[[View], Failure | None]:
    def check(view: View) -> Failure | None:
        holds, field, found = judge(view)
        return _fail((path, field, found)) if holds else None

    return check


def _judged(condition: Condition, getter: Callable[[Fact], Callable[[View], object]]) -> Callable[[View], _Judgement]:
    """Compile what lies under a `not`, which has to name the fact that made it hold; one pass, however deep."""
    if isinstance(condition, Leaf):
        get = getter(fact(condition.field))
        return _judged_leaf(condition.field, get, _leaf(condition, get, ""))
    if isinstance(condition, AllOf):
        return _judged_group([_judged(part, getter) for part in condition.all], until=False)
    if isinstance(condition, AnyOf):
        return _judged_group([_judged(part, getter) for part in condition.any], until=True)
    inner = _judged(condition.not_, getter)

    def inverted(view: View) -> _Judgement:
        holds, field, found = inner(view)
        return _Judgement(not holds, field, found)

    return inverted


def _judged_leaf(
    field: str, get: Callable[[View], object], check: Callable[[View], Failure | None]
) -> Callable[[View], _Judgement]:
    def judge(view: View) -> _Judgement:
        failure = check(view)
        if failure is None:
            return _Judgement(holds=True, field=field, found=get(view))
        return _Judgement(holds=False, field=field, found=failure.found)

    return judge


def _judged_group(parts: Sequence[Callable[[View], _Judgement]], *, until: bool) -> Callable[[View], _Judgement]:
    """Judge the parts until one decides the group; when none does, the first stands for it."""
    first, rest = parts[0], tuple(parts[1:])

    def judge(view: View) -> _Judgement:
        judgement = first(view)
        if judgement.holds is until:
            return judgement
        for part in rest:
            other = part(view)
            if other.holds is until:
                return other
        return judgement

    return judge


def _test(leaf: Leaf) -> Callable[[object], bool]:
    """Choose the test of a found value for a leaf that has no closure of its own."""
    value = leaf.value
    if value is None:
        return lambda found: found is not None and found is not MISSING
    if isinstance(value, tuple):
        return _test_between(value) if leaf.op == "between" else _test_listed(value, wanted=leaf.op == "in")
    if leaf.op == "contains":
        return _test_contains(value)
    if leaf.op == "starts_with":
        return lambda found: isinstance(found, str) and found.startswith(str(value))
    return _test_ordered(leaf.op, value)


def _alike(value: Scalar) -> Callable[[object], bool]:
    """Tell whether a found value is of the literal's type, so that the two can be compared."""
    if isinstance(value, str):
        return lambda found: isinstance(found, str)
    if isinstance(value, datetime):
        return lambda found: isinstance(found, datetime) and found.tzinfo is not None
    kind = type(value)
    return lambda found: type(found) is kind


def _equal(value: Scalar) -> Callable[[object], bool]:
    if isinstance(value, bool):
        return lambda found: found is value
    if isinstance(value, int):
        return lambda found: type(found) is int and found == value
    return lambda found: found == value


def _test_ordered(op: str, value: Scalar) -> Callable[[object], bool]:
    alike = _alike(value)
    tests: dict[str, Callable[[object], bool]] = {
        "ne": lambda found: alike(found) and found != value,
        "lt": lambda found: alike(found) and found < value,  # type: ignore[operator]  # alike, so in one order
        "le": lambda found: alike(found) and found <= value,  # type: ignore[operator]
        "gt": lambda found: alike(found) and found > value,  # type: ignore[operator]
        "ge": lambda found: alike(found) and found >= value,  # type: ignore[operator]
    }
    return tests[op]


def _test_between(ends: tuple[Scalar, ...]) -> Callable[[object], bool]:
    low, high = ends
    alike = _alike(low)
    return lambda found: alike(found) and low <= found <= high  # type: ignore[operator]  # alike, so in one order


def _test_listed(values: tuple[Scalar, ...], *, wanted: bool) -> Callable[[object], bool]:
    """Look the found value up among the literals of its own type."""
    kinds: dict[type, set[Scalar]] = {}
    for value in values:
        kinds.setdefault(type(value), set()).add(value)

    def test(found: object) -> bool:
        members = kinds.get(type(found))
        return members is not None and (found in members) is wanted

    return test


def _test_contains(value: Scalar) -> Callable[[object], bool]:
    same = _equal(value)

    def test(found: object) -> bool:
        if isinstance(found, str):
            return isinstance(value, str) and value in found
        return isinstance(found, tuple | list) and any(same(item) for item in found)

    return test
