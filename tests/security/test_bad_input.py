"""Every public entry refuses what it should, with the one error or reason that it should, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from referral_engine import Campaign, Event, InvalidEvent, InvalidInput, Program, Rule
from referral_engine.errors import Invalid
from tests.contract.stage import UNITS, Stage, dump, pays, spring_program
from tests.security.bad_arguments import ARGUMENT_ROWS
from tests.security.bad_events import EVENT_ROWS
from tests.security.bad_programs import CAMPAIGN_ROWS, JSON_ROWS, PART_ROWS, PROGRAM_ROWS
from tests.security.bad_rules import DECORATED_ROWS, FAILING_ROWS, RULE_ROWS
from tests.security.rows import Row, broken

CALLS = [*EVENT_ROWS, *ARGUMENT_ROWS, *FAILING_ROWS]
"""What reaches an engine."""

MODELS = [*PART_ROWS, *CAMPAIGN_ROWS, *PROGRAM_ROWS, *JSON_ROWS, *RULE_ROWS, *DECORATED_ROWS]
"""What is refused before there is an engine."""


def by_name(rows: list[Row]) -> Any:
    return pytest.mark.parametrize("row", rows, ids=[row.name for row in rows])


@pytest.fixture
def stage() -> Stage:
    """Alice, bob whom she invited, a purchase with a held and a posted grant, and a code."""
    stage = Stage(spring_program())
    stage.engine.invite_code("alice")
    stage.signup("bob", by="alice")
    stage.buy("bob", id="p-1")
    return stage


def check(row: Row, stage: Stage) -> None:
    """See that the row is refused as it says."""
    if row.error is None:
        outcome: Any = row.act(stage)
        assert outcome.status == "rejected"
        (reason,) = outcome.reasons
        assert reason.code == row.code
        shown, where = str(dict(reason.values)), reason.values.get("path")
    else:
        with pytest.raises(row.error) as refused:
            row.act(stage)
        error = refused.value
        assert (type(error), error.code) == (row.error, row.code)
        shown = str(error)
        where = error.path if isinstance(error, Invalid) else error.name if isinstance(error, InvalidInput) else None
    assert row.where in {None, where}
    assert len(shown) < 12_000
    assert shown.encode().isascii() or shown.isprintable(), "one log line per message"
    assert "\n" not in shown


@by_name([*CALLS, *MODELS])
def test_it_is_refused_and_nothing_is_written(row, stage):
    before = dump(stage.store)
    check(row, stage)
    assert dump(stage.store) == before


def test_the_table_is_long_and_every_name_stands_once():
    names = [row.name for row in [*CALLS, *MODELS]]
    assert len(names) >= 120
    assert len(set(names)) == len(names)


@by_name(EVENT_ROWS)
def test_a_bad_event_is_rejected_alone_in_a_batch_and_in_a_preview(row, stage):
    class Taken(Exception):
        """Carries what a row gives to `record`."""

    class Taker:
        class engine:  # noqa: N801 - it stands for an attribute
            @staticmethod
            def record(given: object) -> None:
                raise Taken(given)

    with pytest.raises(Taken) as taken:
        row.act(Taker)
    (given,) = taken.value.args
    before = dump(stage.store)
    preview = stage.engine.preview(given)
    assert (preview.status, preview.reasons[0].code) == ("rejected", row.code)
    (outcome,) = stage.engine.record_many([given])
    assert outcome == preview
    assert dump(stage.store) == before
    if isinstance(given, dict) and all(isinstance(key, str) for key in given):
        with pytest.raises(InvalidEvent):
            Event(**given)


def test_an_iterable_of_events_that_fails_midway_passes_its_error_on_and_writes_nothing_of_the_batch(stage):
    before = dump(stage.store)
    events = broken(*(stage.event("purchase", "bob") for _ in range(3)))
    with pytest.raises(LookupError, match="the host's own mistake"):
        stage.engine.record_many(events)
    assert dump(stage.store) == before


def test_an_iterable_of_events_that_fails_later_keeps_the_batches_before(stage):
    events = broken(*(stage.event("checkin", "bob", id=f"c-{n}") for n in range(1_500)))
    with pytest.raises(LookupError):
        stage.engine.record_many(events)
    assert stage.engine.explain("c-999").member == "bob"
    with pytest.raises(InvalidInput):
        stage.engine.explain("c-1000")
    assert stage.engine.verify() == []


@pytest.mark.parametrize("method", ["join roles", "join tags"])
def test_an_iterable_of_labels_that_fails_midway_writes_nothing(method, stage):
    before = dump(stage.store)
    with pytest.raises(LookupError):
        stage.engine.join("newcomer", **{method.split()[1]: broken("gold")})
    assert dump(stage.store) == before


def test_what_an_error_says_shows_no_more_than_a_little_of_what_was_given():
    """A log is not filled by one request: 20 problems at most, each cut."""
    with pytest.raises(InvalidEvent) as refused:
        Event(**{"id": "e", "type": "t", "member": "m"} | {f"field-{n}-{'x' * 500}": n for n in range(50)})
    assert len(refused.value.problems) == 20
    assert len(str(refused.value)) < 12_000


MANY = 20_000

WIDE: dict[str, Callable[[], object]] = {
    "an event with many surprises": lambda: Event(id="e", type="t", member="m", **{f"x{n}": n for n in range(MANY)}),
    "an event with many bad attributes": lambda: Event(
        id="e", type="t", member="m", attributes={f"x{n}": 0.5 for n in range(MANY)}
    ),
    "an event with many bad names": lambda: Event(
        id="e", type="t", member="m", attributes={f" {n}": 1 for n in range(MANY)}
    ),
    "many bad campaigns": lambda: Program("acme", UNITS, [5] * MANY),
    "many bad units": lambda: Program("acme", {f"u{n}": 5 for n in range(MANY)}, []),
    "many bad rules": lambda: Campaign("c", None, None, [None] * MANY),
    "many bad boards": lambda: Campaign(id="c", boards=[5] * MANY),
    "many bad budgets": lambda: Campaign(id="c", budget={f"u{n}": -1 for n in range(MANY)}),
    "many bad rewards": lambda: Rule(id="r", on="t", give=[5] * MANY),
    "many bad limits": lambda: pays(limits=[5] * MANY),
    "a JSON document of many bad campaigns": lambda: Program.model_validate_json(
        '{"id":"acme","units":{"points":{}},"campaigns":[' + "5," * MANY + "5]}"
    ),
}


@pytest.mark.parametrize("build", WIDE.values(), ids=WIDE)
def test_the_work_on_wide_input_is_bounded_by_what_is_allowed_and_not_by_what_is_sent(build):
    """Each defect found costs time: a million of them take 10 seconds. So not all of them are looked for."""
    with pytest.raises(Invalid) as refused:
        build()
    found = refused.value.__cause__
    assert found is None or found.error_count() <= 2_000
