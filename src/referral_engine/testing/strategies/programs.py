"""Strategies for rules and whole programs, as data."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, get_args

from hypothesis import strategies as st

from referral_engine.events import SIGNUP
from referral_engine.leaderboard import Board
from referral_engine.ledger import Recipient, Unit
from referral_engine.periods import Span
from referral_engine.program import Campaign, Program
from referral_engine.rewards import Limit, Reward, Rule
from referral_engine.testing.strategies.conditions import conditions
from referral_engine.testing.strategies.values import END, START, TYPES, amounts, names, times
from referral_engine.validation import TOTAL_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

UNITS = {"points": Unit(), "usd": Unit(scale=2, kind="cash")}
_ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu")
_SIDES = ("referrer", "referee", "pair")
_CAMPAIGNS_MAX = 3
_RULES_MAX = 4
_BOARDS_MAX = 2


def rules(
    units: Sequence[str] = ("points",), types: Sequence[str] = TYPES, *, ids: SearchStrategy[str] | None = None
) -> SearchStrategy[Rule]:
    """Rules on sign-ups and on `types` that give amounts of `units`; make their ids unique for one program."""
    fields: dict[str, SearchStrategy[Any]] = {
        "id": names() if ids is None else ids,
        "on": st.sampled_from([*types, SIGNUP]),
        "where": st.none() | conditions(types),
        "give": st.lists(_rewards(units), min_size=1, max_size=2).map(tuple),
        "limits": st.lists(_limits(units), max_size=2).map(tuple),
        "priority": st.integers(-2, 2),
    }
    return st.builds(lambda during, **rest: Rule(**during, **rest), _windows(), **fields)


def _rewards(units: Sequence[str]) -> SearchStrategy[Reward]:
    hold = st.none() | st.integers(0, 60).map(lambda days: timedelta(days=days))
    return st.builds(
        Reward, to=st.sampled_from(get_args(Recipient)), unit=st.sampled_from(units), amount=amounts(), hold=hold
    )


def _limits(units: Sequence[str]) -> SearchStrategy[Limit]:
    per, within = st.sampled_from(_SIDES), st.sampled_from(get_args(Span))
    cap = st.integers(0, 20_000) | st.integers(0, TOTAL_MAX)
    over = st.sampled_from(["skip", "clamp"])
    return st.builds(Limit, times=st.integers(0, 4), per=per, within=within) | st.builds(
        Limit, amount=cap, unit=st.sampled_from(units), per=per, within=within, over=over
    )


def _windows() -> SearchStrategy[dict[str, Any]]:
    """Half-open intervals, one end of which or both may be open."""
    open_ended: SearchStrategy[dict[str, Any]] = st.just({})
    return open_ended | st.lists(times(START, END), min_size=2, max_size=2, unique=True).flatmap(
        lambda ends: st.sampled_from(
            [
                {"starts_at": min(ends), "ends_at": max(ends)},
                {"starts_at": min(ends)},
                {"ends_at": max(ends)},
            ]
        )
    )


def programs(types: Sequence[str] = TYPES) -> SearchStrategy[Program]:
    """Programs with units, and up to three campaigns with their rules, budgets and boards.

    Ids count up: `rule-1`, `board-1`. Campaigns run in 2026, or without end. Rules in Python are yours to add.
    """
    return st.one_of(
        [
            st.builds(
                _put_together,
                st.just(units),
                st.lists(_campaigns(units, types), max_size=_CAMPAIGNS_MAX),
                st.sampled_from(_ZONES),
            )
            for units in (("points",), ("points", "usd"), ("usd",))
        ]
    )


def _campaigns(units: Sequence[str], types: Sequence[str]) -> SearchStrategy[dict[str, Any]]:
    """The fields of campaigns; ids are given when a program is put together."""
    metrics = ["referrals.qualified", "referrals.total", *(f"granted.{unit}" for unit in units), f"count.{types[0]}"]
    boards = st.builds(
        Board, id=st.just("board"), metric=st.sampled_from(metrics), period=st.sampled_from(["month", "lifetime"])
    )
    totals = st.integers(0, 50_000) | st.integers(0, TOTAL_MAX)
    fields: dict[str, SearchStrategy[Any]] = {
        "rules": st.lists(rules(units, types, ids=st.just("rule")), max_size=_RULES_MAX),
        "boards": st.lists(boards, max_size=_BOARDS_MAX),
        "budget": st.none() | st.dictionaries(st.sampled_from(units), totals),
    }
    return st.builds(lambda during, **rest: {**during, **rest}, _windows(), **fields)


def _put_together(units: Sequence[str], campaigns: Sequence[dict[str, Any]], zone: str) -> Program:
    """Number the campaigns, rules and boards, so that their ids are unique in the program."""
    numbers = {kind: count(1) for kind in ("rule", "board")}

    def numbered(kind: str, parts: Sequence[Rule | Board]) -> list[Rule | Board]:
        return [one.model_copy(update={"id": f"{kind}-{next(numbers[kind])}"}) for one in parts]

    made = []
    for place, fields in enumerate(campaigns, 1):
        named = {"rules": numbered("rule", fields["rules"]), "boards": numbered("board", fields["boards"])}
        made.append(Campaign(id=f"campaign-{place}", **{**fields, **named}))
    return Program(id="program", units={unit: UNITS[unit] for unit in units}, campaigns=made, timezone=zone)
