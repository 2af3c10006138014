"""Strategies for conditions of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from referral_engine.rewards import AllOf, AnyOf, Condition, Leaf
from referral_engine.testing.strategies.values import MEMBERS, TYPES, amounts, times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_COMMON = ("eq", "ne", "in", "not_in", "exists")
_ORDERED = ("ge", "gt", "le", "lt", "between")
_TEXTUAL = ("contains", "starts_with")


def conditions(types: Sequence[str] = TYPES, *, max_leaves: int = 6) -> SearchStrategy[Condition]:
    """Conditions on facts of every scope, alone and joined by `& | ~`; `types` are the event types that are counted."""
    return st.recursive(_leaves(types), _groups, max_leaves=max_leaves)


def _groups(parts: SearchStrategy[Any]) -> SearchStrategy[Any]:
    several = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        several.map(lambda found: AllOf(all=found)),
        several.map(lambda found: AnyOf(any=found)),
        parts.map(lambda one: ~one),
    )


def _leaves(types: Sequence[str]) -> SearchStrategy[Condition]:
    people = [
        f"{side}.{kind}"
        for side in ("referee", "referrer")
        for kind in ("age_days", "referrals.total", "referrals.qualified", *(f"count.{one}" for one in types))
    ]
    sums = [f"{side}.sum.{one}" for side in ("referee", "referrer") for one in types]
    small = st.integers(0, 4)
    return st.one_of(
        _comparisons(["event.amount", *sums], amounts(), (*_ORDERED, *_COMMON)),
        _comparisons(["referral.age_days", *people], small, (*_ORDERED, *_COMMON)),
        _comparisons(["event.member"], st.sampled_from(MEMBERS), (*_COMMON, *_TEXTUAL)),
        _comparisons(["event.attributes.country"], st.sampled_from(["CN", "DE", "US"]), (*_COMMON, *_TEXTUAL)),
        _comparisons(["event.attributes.level"], small, (*_ORDERED, *_COMMON)),
        _comparisons(["referrer.tag.gold", "referrer.role.leader", "referee.tag.new"], st.booleans(), _COMMON),
        _comparisons(["event.at"], times(), (*_ORDERED, *_COMMON)),
    )


def _comparisons(
    facts: Sequence[str], literals: SearchStrategy[Any], operators: Sequence[str]
) -> SearchStrategy[Condition]:
    """Compare one of the facts by one of the operators with as many literals as it takes."""
    values = {
        "exists": st.none(),
        "in": st.lists(literals, min_size=1, max_size=3),
        "not_in": st.lists(literals, min_size=1, max_size=3),
        "between": st.lists(literals, min_size=2, max_size=2).map(sorted),
    }
    return st.one_of(
        [
            st.builds(Leaf, field=st.sampled_from(facts), op=st.just(op), value=values.get(op, literals))
            for op in operators
        ]
    )
