"""The benchmarks run, at a tiny size and without looking at the clock, so that they never rot."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest

from referral_engine.storage import MemoryStore

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FIGURES = {
    "p01": [
        "p01.full",
        "p01.normal",
        "p01.off",
        *(f"p01.{mode}.{rate}" for mode in ("full", "normal", "off") for rate in ("rate", "floor_rate")),
    ],
    "p05": ["p05.rate", "p05.sqlite", "p05.dicts", "p05.floor"],
    "p17": ["p17"],
}
LINE = re.compile(r"\S+ [\d,.]+(x|/s) (-|[<>]=[\d,.]+(x|/s)) (pass|fail|-)")


def run(*arguments):
    command = [sys.executable, "-W", "error", str(BENCHMARKS / "run.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def scripts():
    """The modules of the benchmarks by name; they are no package, so their folder is on the path for the while."""
    names = {path.stem for path in BENCHMARKS.glob("*.py")}
    before = {name: sys.modules.pop(name) for name in names & sys.modules.keys()}
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield {name: import_module(name) for name in sorted(names)}
    finally:
        sys.path.remove(str(BENCHMARKS))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


@pytest.fixture(scope="module")
def workload(scripts):
    return scripts["workload"]


@pytest.mark.parametrize("name", FIGURES)
def test_benchmark_prints_its_figures(name, tmp_path):
    report, document = tmp_path / "figures.json", tmp_path / "performance.md"
    document.write_text("# Title\n\nBefore.\n\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\n\nAfter.\n")

    done = run(name, "--events", 2_000, "--repetitions", 1, "--json", report, "--document", document)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == FIGURES[name]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert [figure["name"] for figure in json.loads(report.read_text())["figures"]] == FIGURES[name]
    written = document.read_text()
    assert written.startswith("# Title\n\nBefore.\n\n<!-- benchmarks -->\nMeasured on ")
    assert written.endswith("|\n<!-- /benchmarks -->\n\nAfter.\n")
    assert "old" not in written
    assert [f"| `{figure}` |" in written for figure in FIGURES[name]] == [True] * len(FIGURES[name])


def test_unknown_benchmark_is_refused():
    done = run("p99")

    assert done.returncode == 2
    assert "there is no benchmark p99; there are p01, p05, p17" in done.stderr


def test_workload_is_the_same_each_time(workload):
    assert workload.make(500) == workload.make(500)
    assert workload.make(500).events != workload.make(500, seed=1).events


def test_workload_is_mixed_as_it_says_and_pays_both_sides(workload):
    made = workload.make(2_000)
    engine = made.engine(MemoryStore())

    outcomes = engine.record_many(made.events)

    assert Counter(event.type for event in made.events) == {"signup": 600, "checkin": 1_000, "purchase": 400}
    assert {("accepted", ())} == {(outcome.status, outcome.reasons) for outcome in outcomes}
    assert sum(outcome.referral is not None for outcome in outcomes) == 600
    paid = [outcome.grants for event, outcome in zip(made.events, outcomes, strict=True) if event.type == "purchase"]
    assert {(("referrer", True), ("referee", False))} == {
        tuple((grant.to, grant.held_until is not None) for grant in grants) for grants in paid
    }
    assert engine.verify() == []


def test_workload_gives_the_same_events_as_dictionaries(workload):
    made = workload.make(500)

    assert [type(made.events[0])(**given) for given in made.mappings()] == made.events


def test_floor_of_p01_writes_the_rows_that_a_run_leaves(scripts, workload, tmp_path):
    p01, made = scripts["p01_sqlite"], workload.make(2_500)
    p01.library_s(made, tmp_path / "run.db")

    rows = p01.final_rows(made, tmp_path / "rows.db")
    p01.floor_s(rows, tmp_path / "floor.db", "FULL")

    assert len(rows.batches) == 3
    assert content(tmp_path / "floor.db") == content(tmp_path / "run.db")


def content(path):
    with closing(sqlite3.connect(path)) as connection:
        schema = connection.execute("SELECT name, type, sql FROM sqlite_master ORDER BY name").fetchall()
        tables = [name for name, kind, _ in schema if kind == "table"]
        return schema, {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


@pytest.mark.parametrize(
    ("value", "bounds", "line"),
    [
        (3.0, {"most": 3.0}, "p 3.00x <=3x pass"),
        (3.001, {"most": 3.0}, "p 3.00x <=3x fail"),
        (9.9, {"least": 10}, "p 9.90x >=10x fail"),
        (50_000, {"least": 50_000, "unit": "/s"}, "p 50,000/s >=50,000/s pass"),
        (1.5, {}, "p 1.50x - -"),
    ],
)
def test_line_names_the_figure_its_goal_and_the_verdict(scripts, value, bounds, line):
    assert scripts["figure"].Figure("p", "work", "floor", value, **bounds).line() == line
