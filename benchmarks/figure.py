"""Figure: one measured number with its goal, and the rows of the table that it becomes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

Step = Callable[[str], None]
"""Told what is measured next, so that a long run can show how far it is."""


@contextmanager
def only_new_objects() -> Iterator[None]:
    """Hide what is there already, the workload above all, from the garbage collector while something is timed.

    The collector itself stays on: what the timed code makes, it pays for.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, against what, and the goal; a figure without a goal is there to read the others by.

    `value` is a ratio (`x`), events in a second (`/s`), microseconds (`µs`), or a plain number.
    """

    name: str
    work: str
    against: str
    value: float
    unit: Literal["x", "/s", "µs", ""] = "x"
    most: float | None = None
    least: float | None = None

    @property
    def measured(self) -> str:
        """The value with its unit."""
        return f"{self.value:,.0f}/s" if self.unit == "/s" else f"{self.value:,.2f}{self.unit}"

    @property
    def goal(self) -> str:
        """The goal with its unit, a hyphen for none."""
        if self.most is not None:
            return f"<={self.most:,g}{self.unit}"
        return "-" if self.least is None else f">={self.least:,g}{self.unit}"

    @property
    def verdict(self) -> str:
        """`pass`, `fail`, or a hyphen for a figure without a goal."""
        if self.most is None and self.least is None:
            return "-"
        met = (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)
        return "pass" if met else "fail"

    def line(self) -> str:
        """Name, figure, goal and verdict, as they are printed."""
        return f"{self.name} {self.measured} {self.goal} {self.verdict}"

    def record(self) -> dict[str, str | float]:
        """The figure as it goes into JSON."""
        return {
            "name": self.name,
            "work": self.work,
            "against": self.against,
            "value": round(self.value, 4),
            "measured": self.measured,
            "goal": self.goal,
            "verdict": self.verdict,
        }


def table(figures: Iterable[Figure]) -> str:
    """Write figures as a Markdown table."""
    rows = ["| figure | work | against | measured | goal | result |", "|---|---|---|---|---|---|"]
    for one in figures:
        goal = one.goal.replace("<=", "≤ ").replace(">=", "≥ ")
        rows.append(f"| `{one.name}` | {one.work} | {one.against} | {one.measured} | {goal} | {one.verdict} |")
    return "\n".join(rows)
