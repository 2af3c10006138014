"""The pytest plugin: the fixture `scenario`, whose stories are shown when a test fails and checked when it passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

    from referral_engine.ports import BlockingStore
    from referral_engine.program import Program
    from referral_engine.testing.scenario import Scenario

_SCENARIOS = pytest.StashKey["list[Scenario]"]()
_PASSED = pytest.StashKey[bool]()


class ScenarioFactory(Protocol):
    """What the fixture `scenario` gives a test."""

    def __call__(self, program: Program, *, start: datetime | str, store: BlockingStore | None = None) -> Scenario:
        """Begin a scenario; as `Scenario` itself."""
        ...


@pytest.fixture
def scenario(request: pytest.FixtureRequest) -> ScenarioFactory:
    """Begin as many scenarios as the test needs, each with a program and the time that it starts at.

    When the test fails, its report tells the story of each, with why every rule paid or did not. When it passes, each
    must verify, else the test errors with the figures that drifted.
    """
    from referral_engine.testing.scenario import Scenario  # noqa: PLC0415 - pytest's start stays quick for everybody

    begun: list[Scenario] = request.node.stash.setdefault(_SCENARIOS, [])

    def begin(program: Program, *, start: datetime | str, store: BlockingStore | None = None) -> Scenario:
        begun.append(Scenario(program, start=start, store=store))
        return begun[-1]

    return begin


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the stories in the report of what failed, and remember that a test passed."""
    report = yield
    begun = item.stash.get(_SCENARIOS, [])
    if report.when == "call":
        item.stash[_PASSED] = report.passed
    if report.failed:
        report.sections += [(_title(place, begun), _story(one)) for place, one in enumerate(begun)]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Verify the scenarios of a test that passed, while the stores that its fixtures opened are still there."""
    begun = item.stash.get(_SCENARIOS, []) if item.stash.get(_PASSED, False) else []
    problems = [f"{_title(place, begun)}: {problem}" for place, one in enumerate(begun) if (problem := _problem(one))]
    result = yield
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)
    return result


def _title(place: int, begun: list[Scenario]) -> str:
    return "scenario" if len(begun) == 1 else f"scenario {place + 1} of {len(begun)}"


def _story(one: Scenario) -> str:
    try:
        return one.story()
    except Exception as exc:  # noqa: BLE001 - whatever it is must not hide why the test failed
        return f"its story can't be told, {type(exc).__name__}: {exc}"


def _problem(one: Scenario) -> str | None:
    """Say what is wrong with the kept figures, or that they could not be verified, or None."""
    try:
        drift = one.engine.verify()
    except Exception as exc:  # noqa: BLE001 - it becomes the test's error, after its fixtures are torn down
        return f"verify() raised {type(exc).__name__}: {exc}; keep the store open until the test has ended"
    if not drift:
        return None
    lines = [f"  {one.what} of {one.key} is kept as {one.kept}, the records say {one.expected}" for one in drift]
    return "\n".join(["verify() found kept figures that the records do not add up to", *lines])
