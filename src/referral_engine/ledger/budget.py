"""Budget: what a campaign may give and has given, and the alarms on its way to the end."""

from __future__ import annotations

from dataclasses import dataclass

from referral_engine.validation import TOTAL_MAX

ALARMS_PERCENT = (50, 80, 100)
"""At how much of a budget given, held amounts included, an alarm goes to the outbox."""


@dataclass(frozen=True, slots=True)
class Spend:
    """What a campaign has given in one unit: `spent` was posted, `held` is not due yet; reversals are taken off."""

    spent: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """What a campaign may give in one unit and what is left of it; None where no budget is set, which is no limit."""

    total: int | None
    spent: int
    held: int
    remaining: int | None


def budget_of(total: int | None, spend: Spend) -> Budget:
    """Work out what remains: total - spent - held."""
    remaining = None if total is None else total - spend.spent - spend.held
    return Budget(total=total, spent=spend.spent, held=spend.held, remaining=remaining)


@dataclass(frozen=True, slots=True)
class Step:
    """What giving `by` more out of a budget means.

    It is as decided, the same alarms and nothing overspent, wherever low <= given before <= high. `alarms` are the
    percentages that it reaches.
    """

    low: int
    high: int
    alarms: tuple[int, ...]


def step(before: int, by: int, total: int) -> Step:
    """Give `by`, more than 0, out of `total` when `before` was given already."""
    low, high = 0, min(total - by, TOTAL_MAX)
    alarms: list[int] = []
    for percent in ALARMS_PERCENT:
        level = -(-total * percent // 100)
        if level <= before:
            low = max(low, level)
        elif level <= before + by:
            low, high = max(low, level - by), min(high, level - 1)
            alarms.append(percent)
        else:
            high = min(high, level - 1 - by)
    return Step(low, high, tuple(alarms))
