"""The benchmarks run, at a tiny size and without looking at the clock, so that they never rot."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from importlib import import_module
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine

from referral_engine.ledger import Balance
from referral_engine.storage import MemoryStore
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing import servers

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
    "p18": ["p18.record", "p18.member", "p18.floor", "p18.peer"],
}
SERVER_FIGURES = {
    "p02": [
        "p02.on",
        "p02.off",
        *(
            f"p02.{mode}.{rate}"
            for mode in ("on", "off")
            for rate in ("rate", "copy_rate", "executemany_rate", "arrays_rate")
        ),
    ],
    "p03": [
        *(
            f"p03.{mode}{rate}"
            for mode in ("on", "off")
            for rate in ("", ".rate", ".one_by_one_rate", ".together_rate")
        ),
        "p03.round_trips",
        "p03.round_trips.mean",
    ],
    "p04": [f"p04.{mode}{rate}" for mode in ("on", "off") for rate in ("", ".combined", ".rate", ".floor_rate")],
    "p06": ["p06.sqlite", "p06.sqlite.rate", "p06.postgres", "p06.postgres.rate"],
    "p19": ["p19.rate"],
    "p20": [
        f"p20.{database}{figure}"
        for database in ("postgres", "sqlite")
        for figure in ("", ".p99", ".batches", ".rate", ".floor_rate", ".commit")
    ],
}
LINE = re.compile(r"\S+ -?[\d,.]+(x|/s|µs|) (-|[<>]=[\d,.]+(x|/s|µs|)) (pass|fail|-)")
PEERLESS = {"REFERRAL_BENCH_PEERS": "", "REFERRAL_BENCH_PGLEDGER": ""}


def run(*arguments, **environment):
    command = [sys.executable, "-W", "error", str(BENCHMARKS / "run.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


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


@pytest.mark.parametrize("name", SERVER_FIGURES)
def test_benchmark_of_a_server_prints_its_figures(name, tmp_path, postgres_server_url):
    report, document = tmp_path / "figures.json", tmp_path / "performance.md"
    sizes = ("--events", 1_000, "--repetitions", 1)
    server = dict.fromkeys(["REFERRAL_BENCH_POSTGRES_URL", servers.POSTGRES_URL], postgres_server_url)

    done = run(name, *sizes, "--json", report, "--document", document, **server, **PEERLESS)

    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if " skipped: " not in line]
    assert [line.split()[0] for line in lines] == SERVER_FIGURES[name]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert [figure["name"] for figure in json.loads(report.read_text())["figures"]] == SERVER_FIGURES[name]


def test_a_peer_that_is_not_there_is_named_and_has_no_figure(tmp_path, postgres_server_url):
    files = ("--json", tmp_path / "figures.json", "--document", tmp_path / "performance.md")
    has_none = {**PEERLESS, "REFERRAL_BENCH_PEERS": sys.executable}

    done = run("p19", "--repetitions", 1, *files, REFERRAL_BENCH_POSTGRES_URL=postgres_server_url, **has_none)

    assert (done.returncode, done.stderr) == (0, "")
    skipped = [line.partition(" skipped: ")[0] for line in done.stdout.splitlines() if " skipped: " in line]
    assert skipped == ["p19.pgledger", "p19.hordak", "p19.hordak_bulk", "p19.python_accounting"]


def test_unknown_benchmark_is_refused():
    done = run("p99")

    assert done.returncode == 2
    names = ", ".join(sorted([*FIGURES, *SERVER_FIGURES]))
    assert f"there is no benchmark p99; there are {names}" in done.stderr


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


@pytest.mark.parametrize("way", ["copy", "executemany", "arrays"])
def test_floor_of_p02_writes_the_rows_that_a_run_leaves(scripts, workload, postgres_server_url, way):
    p02, made = scripts["p02_postgres"], workload.make(1_500)
    before, batches = p02.floor_rows(made)

    with servers.fresh_database(postgres_server_url) as ours, servers.fresh_database(postgres_server_url) as floor:
        p02.library_s(made, ours)
        p02.floor_s(before, batches, floor, p02.WRITERS[way])

        assert len(batches) == 2
        assert stored(floor) == stored(ours)


def test_an_event_takes_at_most_eight_round_trips_to_postgresql(scripts, workload, postgres_server_url):
    p03 = scripts["p03_singles"]
    made, events = workload.make_with_singles(300, 80)

    with servers.fresh_database(postgres_server_url) as url:
        p03.recorded(made, url)
        trips = p03.round_trips(made, events, url)

    assert trips.keys() == {"signup", "checkin", "purchase"}
    assert all(2 < trip <= 8 for trip in trips.values()), trips


@pytest.mark.parametrize("way", ["one_by_one", "together"])
def test_floor_of_p03_writes_the_rows_that_a_run_leaves_but_for_their_positions(
    scripts, workload, postgres_server_url, way
):
    p03 = scripts["p03_singles"]
    made, events = workload.make_with_singles(300, 80)

    with servers.fresh_database(postgres_server_url) as ours, servers.fresh_database(postgres_server_url) as floor:
        for url in (ours, floor):
            p03.recorded(made, url)
        p03.library_s(made, events, ours)
        p03.floor_s(p03.statements(made, events), floor, p03.SENDERS[way])

        assert {event.type for event in events} == {"signup", "checkin", "purchase"}
        assert stored(floor, positions=False) == stored(ours, positions=False)
        with SQLAlchemyStore(floor) as store:
            assert made.engine_again(store).verify() == []


def stored(url, *, positions=True):
    """The rows of every table, without the columns that follow from the order of the commits where they may differ."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        left_out = () if positions else ("cursor", "reached")
        tables = {}
        for (name,) in found:
            rows = connection.execute(f"SELECT to_jsonb(kept) FROM {name} AS kept").fetchall()
            tables[name] = sorted(
                ({key: value for key, value in row.items() if key not in left_out} for (row,) in rows), key=repr
            )
        return tables


def test_round_trips_are_counted_as_the_client_waits(scripts, postgres_url):
    with (
        scripts["round_trips"].counted(postgres_url) as (url, wire),
        psycopg.connect(url, autocommit=True) as connection,
    ):
        start = wire.trips
        for _ in range(3):
            connection.execute("SELECT 1")
        one_by_one = wire.trips - start
        with connection.pipeline():
            for _ in range(3):
                connection.execute("SELECT 1")
        together = wire.trips - start - one_by_one

    assert (one_by_one, together) == (3, 1)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_stored_members_are_as_recording_leaves_them(scripts, workload, request, tmp_path, kind):
    stored_members, made = scripts["stored"], workload.Workload(workload.make_program(), {}, [])
    url = f"sqlite:///{tmp_path / 'filled.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    database = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))

    stored_members.fill(database, 100, tmp_path / "pattern.db")

    with SQLAlchemyStore(database) as store:
        engine = made.engine_again(store)
        members = [engine.member(stored_members.member(place)) for place in (3, 6, 7)]
        assert [(one.referrer, one.referrals_total) for one in members] == [("m-00000001", 2)] + [("m-00000003", 2)] * 2
        assert [one.referee for one in engine.referrals("m-00000003")] == ["m-00000006", "m-00000007"]
        assert engine.balance("m-00000003") == Balance(available=200, held=1000, lifetime=200)
        assert engine.statement("m-00000003")
        assert scripts["p06_growth"].batch_s(engine, 100, "test") > 0
    database.dispose()


@pytest.mark.parametrize(
    ("value", "bounds", "line"),
    [
        (3.0, {"most": 3.0}, "p 3.00x <=3x pass"),
        (3.001, {"most": 3.0}, "p 3.00x <=3x fail"),
        (9.9, {"least": 10}, "p 9.90x >=10x fail"),
        (50_000, {"least": 50_000, "unit": "/s"}, "p 50,000/s >=50,000/s pass"),
        (1.5, {}, "p 1.50x - -"),
        (9, {"most": 8, "unit": ""}, "p 9.00 <=8 fail"),
        (-0.25, {"most": 5, "unit": "µs"}, "p -0.25µs <=5µs pass"),
        (1234.5, {"most": 5, "unit": "µs"}, "p 1,234.50µs <=5µs fail"),
    ],
)
def test_line_names_the_figure_its_goal_and_the_verdict(scripts, value, bounds, line):
    assert scripts["figure"].Figure("p", "work", "floor", value, **bounds).line() == line
