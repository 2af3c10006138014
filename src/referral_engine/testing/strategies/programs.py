"""Strategies for rules and whole programs, as data."""

from __future__ import annotations

from datetime import timedelta
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
    from collections.abc import Iterator, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

UNITS = {"points": Unit(), "usd": Unit(scale=2, kind="cash")}
_ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu")
_SIDES = ("referrer", "referee", "pair")
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


@st.composite
def programs(draw: DrawFn, types: Sequence[str] = TYPES) -> Program:
    """Programs with units, and up to three campaigns with their rules, budgets and boards.

    Ids count up: `rule-1`, `board-1`. Campaigns run in 2026, or without end. Rules in Python are yours to add.
    """
    chosen = draw(st.sampled_from([("points",), ("points", "usd"), ("usd",)]))
    numbers = iter(range(1, 1_000))
    made = [draw(_campaigns(n, chosen, types, numbers)) for n in range(1, draw(st.integers(0, 3)) + 1)]
    return Program(
        id="program",
        units={unit: UNITS[unit] for unit in chosen},
        campaigns=tuple(made),
        timezone=draw(st.sampled_from(_ZONES)),
    )


@st.composite
def _campaigns(draw: DrawFn, n: int, units: Sequence[str], types: Sequence[str], numbers: Iterator[int]) -> Campaign:
    rule_count, board_count = draw(st.integers(0, _RULES_MAX)), draw(st.integers(0, _BOARDS_MAX))
    metrics = ["referrals.qualified", "referrals.total", *(f"granted.{unit}" for unit in units), f"count.{types[0]}"]
    totals = st.integers(0, 50_000) | st.integers(0, TOTAL_MAX)
    return Campaign(
        id=f"campaign-{n}",
        rules=tuple(draw(rules(units, types, ids=st.just(f"rule-{next(numbers)}"))) for _ in range(rule_count)),
        boards=tuple(
            Board(
                id=f"board-{next(numbers)}",
                metric=draw(st.sampled_from(metrics)),
                period=draw(st.sampled_from(["month", "lifetime"])),
            )
            for _ in range(board_count)
        ),
        budget=draw(st.none() | st.dictionaries(st.sampled_from(units), totals)),
        **draw(_windows()),
    )
