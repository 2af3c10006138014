"""Run the benchmarks, or those named: `python benchmarks/run.py [p01 p02 …] [--events N] [--repetitions N]`.

Prints a line for each figure: its name, what was measured, the goal and `pass` or `fail` (hyphens for a figure without
a goal). All figures go to a JSON file, and, after a whole run at full size, into the table of the documentation.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import workload
from figure import Figure, Step, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "explanation" / "performance.md"
OPENS, CLOSES = "<!-- benchmarks -->", "<!-- /benchmarks -->"
BENCHMARKS = {
    "p01": "p01_sqlite",
    "p02": "p02_postgres",
    "p03": "p03_singles",
    "p04": "p04_hot_budget",
    "p05": "p05_memory",
    "p06": "p06_growth",
    "p17": "p17_import",
    "p18": "p18_async",
    "p19": "p19_ledger",
    "p20": "p20_combiner",
}
REPETITIONS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print and write; answers 0 whatever the figures are, for a missed goal is a finding and no fault."""
    asked = _read(arguments)
    names = asked.names or list(BENCHMARKS)
    modules = [import_module(BENCHMARKS[name]) for name in names]
    made = workload.make(asked.events)
    figures: list[Figure] = []
    with _progress(sum(module.steps(asked.repetitions) for module in modules)) as step:
        for module in modules:
            found = module.measure(made, asked.repetitions, step)
            figures += found
            print(*(figure.line() for figure in found), sep="\n", flush=True)
    machine = _machine()
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine, "events": asked.events, "repetitions": asked.repetitions}
    report["figures"] = [figure.record() for figure in figures]
    asked.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    whole = set(names) == set(BENCHMARKS) and asked.events == workload.EVENTS
    if whole or asked.document != DOCUMENT:
        write_table(asked.document, figures, f"Measured on {machine}; medians of {asked.repetitions} alternating runs.")
    return 0


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run, of {', '.join(BENCHMARKS)}; else all")
    parser.add_argument("--events", type=int, default=workload.EVENTS, help="how many events; 100,000 is full size")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, help="alternating runs of each pair")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "benchmarks.json", help="where the figures go")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="the Markdown file whose table is rewritten")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if asked.events < 10 or asked.repetitions < 1:
        parser.error("--events must be 10 or more, --repetitions 1 or more")
    return asked


@contextmanager
def _progress(total: int) -> Iterator[Step]:
    """Show on the terminal how far the run is: a bar with rich, else a count; nothing where there is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        yield _counter(total)
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        begun = iter(range(total))
        yield lambda label: bar.update(task, description=label, completed=next(begun))


def _counter(total: int) -> Step:
    begun = iter(range(1, total + 1))
    return lambda label: print(f"{next(begun)}/{total} {label}", file=sys.stderr, flush=True)


def _machine() -> str:
    """The kind of machine, in general words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts: list[Any] = [
        f"{platform.machine()} with {cores} cores",
        f"{platform.python_implementation()} {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"SQLAlchemy {version('sqlalchemy')}",
        f"pydantic {version('pydantic')}",
    ]
    return ", ".join(parts)


def write_table(path: Path, figures: Sequence[Figure], note: str) -> None:
    """Put the table between the markers of a document; one that is not there is begun."""
    if path.exists():
        text = path.read_text(encoding="utf-8")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"# Performance\n\n{OPENS}\n{CLOSES}\n"
    head, opens, rest = text.partition(OPENS)
    _, closes, tail = rest.partition(CLOSES)
    if not opens or not closes:
        raise SystemExit(f"{path.name} has no markers {OPENS} and {CLOSES}")
    path.write_text(f"{head}{OPENS}\n{note}\n\n{table(figures)}\n{CLOSES}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
