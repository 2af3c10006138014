"""P5: the workload on MemoryStore: events a second on one core, and against the same on a SQLite file.

The events are made before the clock starts; the rate with dictionaries, which are validated inside the clock, is given
beside it. A second of the rate is one of processor time, so that other work on the machine does not count; the ratio to
SQLite, which waits for the disk, is of wall-clock time.

The floor makes by hand every record that a finished run wrote (outcomes, grants and the like inside them too), each
once and from values that are there already, and puts it into a dictionary: what is left when nothing is decided,
checked, folded or hashed. Nothing that keeps the same records as objects can be faster.
"""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, TypeVar

from figure import Figure, Step, only_new_objects
from p01_sqlite import library_s

from referral_engine.storage import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workload import Workload

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted

NAME = "p05"
ResultT = TypeVar("ResultT")
Made = tuple[type[Any], tuple[Any, ...]]


def steps(repetitions: int) -> int:
    """How many times `measure` calls `step`."""
    return 4 * repetitions


def measure(workload: Workload, repetitions: int, step: Step) -> list[Figure]:
    """Record the workload in memory, by hand and on SQLite in turn."""
    n, mappings, parts = len(workload.events), workload.mappings(), _written(workload)
    rates, read_rates, over_floor, over_sqlite = [], [], [], []
    for _ in range(repetitions):
        step("p05 memory")
        engine = workload.engine(MemoryStore())
        wall_s, core_s = _timed(lambda engine=engine: engine.record_many(workload.events))
        rates.append(n / core_s)
        step("p05 memory, dictionaries")
        engine = workload.engine(MemoryStore())
        read_rates.append(n / _timed(lambda engine=engine: engine.record_many(mappings))[1])
        step("p05 floor")
        over_floor.append(core_s / _timed(lambda: _by_hand(parts))[1])
        step("p05 SQLite")
        with TemporaryDirectory() as folder:
            over_sqlite.append(library_s(workload, Path(folder, "bench.db")) / wall_s)
    work = f"record {n:,} mixed events in batches of 1,000, MemoryStore"
    return [
        Figure("p05.rate", work, "one core", median(rates), "/s", least=50_000),
        Figure("p05.sqlite", work, "the same on a SQLite file", median(over_sqlite), least=10),
        Figure("p05.dicts", "the same, events as dictionaries, validated", "one core", median(read_rates), "/s"),
        Figure("p05.floor", work, "the same records made by hand", median(over_floor)),
    ]


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the wall and of the processor; the answer is kept until the clock stops."""
    with only_new_objects():
        wall, core = perf_counter(), process_time()
        answer = run()
        wall, core = perf_counter() - wall, process_time() - core
        del answer
    return wall, core


class _Watched(MemoryStore):
    """A store that keeps the changes it is told to make."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[Any] = []

    def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As MemoryStore.apply."""
        decision = super().apply(wanted, decide)
        self.changes += decision.changes
        return decision


def _written(workload: Workload) -> list[Made]:
    """The class and the values of every record that a run writes, inner ones before those they are part of."""
    store = _Watched()
    engine = workload.engine(store)
    store.changes.clear()
    engine.record_many(workload.events)
    seen: set[int] = set()
    return [made for change in store.changes for made in list(_parts(change, seen)) or [_taken_apart(change)]]


def _taken_apart(record: Any) -> Made:
    return type(record), tuple(getattr(record, field.name) for field in fields(record))


def _parts(record: Any, seen: set[int]) -> Iterator[Made]:
    """The records inside a change, each once; a change of figures alone has none, and stands for their record."""
    for field in fields(record):
        value = getattr(record, field.name)
        for inner in value if isinstance(value, tuple) else (value,):
            if is_dataclass(inner) and id(inner) not in seen:
                seen.add(id(inner))
                yield from _parts(inner, seen)
                yield _taken_apart(inner)


def _by_hand(parts: list[Made]) -> dict[int, object]:
    kept: dict[int, object] = {}
    for key, (kind, values) in enumerate(parts):
        kept[key] = kind(*values)
    return kept


if __name__ == "__main__":
    from run import main

    sys.exit(main([NAME, *sys.argv[1:]]))
