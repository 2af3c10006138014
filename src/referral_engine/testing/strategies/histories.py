"""Strategies for histories: the events of a few members over some weeks, as a host would deliver them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from referral_engine.codes import CodeSpec
from referral_engine.events import REFUND, SIGNUP, Event
from referral_engine.rewards import AllOf, AnyOf, Leaf, Not, Rule
from referral_engine.testing.strategies.values import MEMBERS, START, TYPES, amounts, invite_codes
from referral_engine.validation import AMOUNT_MAX, TIME_MAX, TOTAL_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hypothesis.strategies import SearchStrategy

    from referral_engine.program import Program

_ATTRIBUTES_MAX = 16
_SHARES = 8
_GAPS = [
    timedelta(minutes=1),
    timedelta(0),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=9),
    timedelta(days=31),
]


@dataclass(frozen=True, slots=True)
class _Happening:
    """An event without id and time."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Refund:
    """A refund of one of the earlier events, of so many eighths of its amount; None is all that is left."""

    which: int
    share: int | None


@dataclass(frozen=True, slots=True)
class _Again:
    """One of the earlier events, delivered once more."""

    which: int


@dataclass(frozen=True, slots=True)
class _Swap:
    """The last two deliveries, in the other order."""


_Step = tuple[timedelta, _Happening | _Refund | _Again | _Swap]


def histories(
    program: Program | None = None,
    *,
    members: Sequence[str] = MEMBERS,
    size: int = 20,
    codes: Sequence[str] = (),
) -> SearchStrategy[list[Event]]:
    """Lists of up to `size` plausible events, in the order in which they are delivered.

    Sign-ups of their own accord, by a referrer or by code, purchases, check-ins, refunds of earlier events in whole, in
    part or of too much, some events delivered again, some late. `codes` are the texts of codes that were issued; others
    are unknown. With a program there are the events that its rules ask for as well, with amounts and attributes about
    those that its conditions compare with, from the start of its first campaign on. Ids are unique, times are set.
    """
    asked = _Asked(program)
    moves = st.tuples(st.sampled_from(_GAPS), _moves(asked, members, codes))
    return st.lists(moves, max_size=size).map(lambda steps: _play(asked.start, steps))


class _Asked:
    """What the rules of a program ask for: types, amounts and attributes worth trying."""

    def __init__(self, program: Program | None) -> None:
        campaigns = () if program is None else program.campaigns
        rules = [rule for campaign in campaigns for rule in campaign.rules]
        starts = [campaign.starts_at for campaign in campaigns if campaign.starts_at is not None]
        self.start = min(starts, default=START)
        self.spec = CodeSpec() if program is None else program.codes
        self.types = list(dict.fromkeys([*TYPES, *(rule.on for rule in rules if rule.on != SIGNUP)]))
        leaves = [leaf for rule in rules if isinstance(rule, Rule) for leaf in _leaves(rule.where)]
        self.amounts = _about(leaf for leaf in leaves if leaf.field == "event.amount")
        self.attributes: dict[str, list[Any]] = {}
        for leaf in leaves:
            name = leaf.field.removeprefix("event.attributes.")
            if name != leaf.field and len(self.attributes) < _ATTRIBUTES_MAX:
                self.attributes.setdefault(name, []).extend(_literals(leaf))


def _leaves(condition: object) -> Iterator[Leaf]:
    if isinstance(condition, Leaf):
        yield condition
    elif isinstance(condition, Not):
        yield from _leaves(condition.not_)
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.all if isinstance(condition, AllOf) else condition.any:
            yield from _leaves(part)


def _literals(leaf: Leaf) -> list[Any]:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    return [one for one in values if not isinstance(one, datetime) and one != -TOTAL_MAX - 1]


def _about(leaves: Iterable[Leaf]) -> list[int]:
    """The amounts that conditions compare with, and those next to them."""
    found = {value for leaf in leaves for value in _literals(leaf) if isinstance(value, int)}
    near = {value + step for value in found for step in (-1, 0, 1)}
    return sorted(value for value in near if 1 <= value <= AMOUNT_MAX)


def _moves(asked: _Asked, members: Sequence[str], codes: Sequence[str]) -> SearchStrategy[Any]:
    who, which = st.sampled_from(members), st.integers(0, 1_000)
    known = [st.sampled_from(codes)] if codes else []
    amount = st.one_of(*([st.sampled_from(asked.amounts)] if asked.amounts else []), amounts())
    optional = {name: st.sampled_from(values) for name, values in asked.attributes.items() if values}
    attributes = st.fixed_dictionaries({}, optional=optional)
    types = st.sampled_from(asked.types)
    return st.one_of(
        _happenings(type=st.just("purchase"), member=who, amount=amount, attributes=attributes),
        _happenings(type=st.just(SIGNUP), member=who, referrer=who),
        _happenings(type=st.just(SIGNUP), member=who, code=st.one_of(*known, invite_codes(asked.spec))),
        _happenings(type=st.just(SIGNUP), member=who, attributes=attributes),
        _happenings(type=types, member=who, amount=st.none() | amount, attributes=attributes),
        st.builds(_Refund, which, st.none() | st.integers(1, _SHARES + 1)),
        st.builds(_Again, which),
        st.builds(_Swap),
    )


def _happenings(**fields: SearchStrategy[Any]) -> SearchStrategy[_Happening]:
    return st.fixed_dictionaries(fields).map(_Happening)


def _play(start: datetime, steps: Sequence[_Step]) -> list[Event]:
    """Turn steps into events; one that looks back where nothing lies is left out."""
    delivered: list[Event] = []
    at = start
    for place, (gap, step) in enumerate(steps, 1):
        at = min(at + gap, TIME_MAX - timedelta(microseconds=1))
        name = f"event-{place}"
        if isinstance(step, _Happening):
            delivered.append(Event(id=name, at=at, **step.fields))
        elif isinstance(step, _Swap):
            delivered[-2:] = reversed(delivered[-2:])
        elif isinstance(step, _Again):
            delivered += _one_of(delivered, step.which)
        else:
            earlier = [event for event in delivered if event.type != REFUND]
            delivered += [_refund(name, at, origin, step.share) for origin in _one_of(earlier, step.which)]
    return delivered


def _one_of(events: Sequence[Event], which: int) -> list[Event]:
    """The event that a number stands for, counted backwards; none of none."""
    return [events[-1 - which % len(events)]] if events else []


def _refund(name: str, at: datetime, origin: Event, share: int | None) -> Event:
    amount = None
    if share is not None and origin.amount is not None:
        amount = min(max(1, origin.amount * share // _SHARES), AMOUNT_MAX)
    return Event(id=name, type=REFUND, member=origin.member, at=at, of=origin.id, amount=amount)
