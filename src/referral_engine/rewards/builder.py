"""Conditions in Python: `field("event.amount") >= 2000` builds a leaf, `& | ~` join them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NoReturn

from referral_engine.errors import Problem, RuleError
from referral_engine.rewards.condition import Leaf
from referral_engine.rewards.vocabulary import ITEMS_MAX, fact

if TYPE_CHECKING:
    from datetime import datetime

    from referral_engine.rewards.vocabulary import Operator, Scalar


@dataclass(frozen=True, slots=True, eq=False)
class FieldRef:
    """A fact waiting to be compared; each comparison answers a condition, and a wrong one raises RuleError."""

    name: str

    def _leaf(self, op: Operator, value: object = None) -> Leaf:
        return Leaf.model_validate({"field": self.name, "op": op, "value": value})

    def __eq__(self, other: Scalar) -> Leaf:  # type: ignore[override]
        """The fact is exactly that."""
        return self._leaf("eq", other)

    def __ne__(self, other: Scalar) -> Leaf:  # type: ignore[override]
        """The fact is there and is not that."""
        return self._leaf("ne", other)

    def __lt__(self, other: int | str | datetime) -> Leaf:
        """The fact is below that."""
        return self._leaf("lt", other)

    def __le__(self, other: int | str | datetime) -> Leaf:
        """The fact is at most that."""
        return self._leaf("le", other)

    def __gt__(self, other: int | str | datetime) -> Leaf:
        """The fact is above that."""
        return self._leaf("gt", other)

    def __ge__(self, other: int | str | datetime) -> Leaf:
        """The fact is at least that."""
        return self._leaf("ge", other)

    def __hash__(self) -> int:
        """Hash by name: `==` builds conditions and compares nothing."""
        return hash(self.name)

    def __bool__(self) -> NoReturn:
        """Refuse: a fact has no truth of its own."""
        problem = f'compare the fact first, such as field("{self.name}") == True, then join with & | ~'
        raise RuleError([Problem("", "condition_truth", problem)])

    def in_(self, *values: Scalar | Iterable[Scalar]) -> Leaf:
        """The fact is one of the values, given one by one or as one iterable."""
        return self._leaf("in", _several(values))

    def not_in(self, *values: Scalar | Iterable[Scalar]) -> Leaf:
        """The fact is there and is none of the values, given one by one or as one iterable."""
        return self._leaf("not_in", _several(values))

    def between(self, low: int | str | datetime, high: int | str | datetime) -> Leaf:
        """The fact lies between the two, ends included."""
        return self._leaf("between", (low, high))

    def exists(self) -> Leaf:
        """The fact is there and is not null."""
        return self._leaf("exists")

    def contains(self, value: int | str | bool) -> Leaf:  # noqa: FBT001 - a literal, no switch
        """The text has that part, or the listed attribute that item."""
        return self._leaf("contains", value)

    def starts_with(self, value: str) -> Leaf:
        """The text begins with that."""
        return self._leaf("starts_with", value)


def _several(values: tuple[object, ...]) -> tuple[object, ...]:
    """Unpack a lone iterable, never more of it than is needed to refuse it; a set is put in order."""
    if len(values) != 1 or isinstance(values[0], str) or not isinstance(values[0], Iterable):
        return values
    items = tuple(islice(values[0], ITEMS_MAX + 1))
    if isinstance(values[0], set | frozenset):
        return tuple(sorted(items, key=lambda item: (type(item).__name__, str(item).zfill(20))))
    return items


def field(name: str) -> FieldRef:
    """Name a fact to build a condition on; RuleError, with a suggestion, for one that is none."""
    try:
        return FieldRef(fact(name).name)
    except ValueError as exc:
        raise RuleError([Problem("field", "fact", str(exc))]) from exc
