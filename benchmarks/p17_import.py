"""P17: importing referral_engine, against importing sqlalchemy and pydantic, each in an interpreter of its own.

What is timed is the import alone, not the start of the interpreter. The runs alternate, and each pair gives one ratio.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING

from figure import Figure, Step

if TYPE_CHECKING:
    from workload import Workload

NAME = "p17"
PAIRS = 5
"""Pairs of interpreters for each repetition; an import is short, and its time uneven."""

_OURS = "referral_engine"
_PEER = "sqlalchemy, pydantic"


def _import_s(modules: str) -> float:
    """Time an import in a fresh interpreter, in seconds."""
    code = f"from time import perf_counter as now; start = now(); import {modules}; print(now() - start)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def steps(repetitions: int) -> int:
    """How many times `measure` calls `step`."""
    return repetitions * PAIRS


def measure(_: Workload, repetitions: int, step: Step) -> list[Figure]:
    """Import both, in turn, `repetitions` times PAIRS; the first, which fills the file cache, does not count."""
    _import_s(_OURS)
    _import_s(_PEER)
    ratios = []
    for _pair in range(repetitions * PAIRS):
        step("p17 import")
        ratios.append(_import_s(_OURS) / _import_s(_PEER))
    return [
        Figure("p17", "`import referral_engine`", "`import sqlalchemy, pydantic`", median(ratios), most=1.3),
    ]


if __name__ == "__main__":
    from run import main

    sys.exit(main([NAME, *sys.argv[1:]]))
