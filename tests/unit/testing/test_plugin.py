"""The pytest plugin: stories in the reports of failed tests, a check of those that passed."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

PROGRAM = """
import pytest
from referral_engine import Campaign, Program, Reward, Rule, Unit
from referral_engine.storage import MemoryStore

WELCOME = Rule(id="welcome", on="signup", give=[Reward("referrer", "points", 5)])
PROGRAM = Program(id="acme", units={"points": Unit()}, campaigns=[Campaign(id="spring", rules=[WELCOME])])
START = "2026-03-01T00:00:00Z"


class Drifting(MemoryStore):
    def drift(self, program):
        from referral_engine import Drift

        return [Drift("balance.available", "alice/points", 6, 5)]


class Closed(MemoryStore):
    def drift(self, program):
        raise RuntimeError("closed")
"""


@pytest.fixture
def run(pytester):
    """Run tests, written below the program, in a pytest of their own within this process."""

    def run_tests(tests: str) -> pytest.RunResult:
        pytester.makepyfile(PROGRAM + tests)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist")

    return run_tests


def test_a_failure_tells_why_each_rule_paid_or_did_not(run):
    result = run("""
def test_paid(scenario):
    s = scenario(PROGRAM, start=START)
    s.signup("alice")
    s.signup("bob", by="alice")
    s.advance(days=1)
    assert s.balance("alice").available == 6
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert 5 == 6*",
            "*- scenario -*",
            "program acme, revision *",
            "signup signup-alice of alice at 2026-03-01T00:00:00+00:00",
            "  welcome: skipped, no_referrer",
            "signup signup-bob of bob at 2026-03-01T00:00:00+00:00",
            "  referred by alice",
            "  welcome: matched",
            "    referrer alice: 5 points",
            "clock at 2026-03-02T00:00:00+00:00: 0 holds released",
        ]
    )


def test_each_of_several_scenarios_is_told(run):
    result = run("""
def test_two(scenario):
    scenario(PROGRAM, start=START).signup("alice")
    scenario(PROGRAM, start=START).signup("bob")
    raise ValueError
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*- scenario 1 of 2 -*", "signup signup-alice*", "*- scenario 2 of 2 -*", "signup signup-bob*"]
    )


def test_a_scenario_of_a_fixture_that_fails_is_told(run):
    result = run("""
@pytest.fixture
def s(scenario):
    s = scenario(PROGRAM, start=START)
    s.signup("alice")
    raise ValueError

def test_it(s):
    pass
""")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*- scenario -*", "signup signup-alice*"])


def test_a_story_that_cannot_be_told_does_not_hide_the_failure(run):
    result = run("""
def test_it(scenario, monkeypatch):
    s = scenario(PROGRAM, start=START)
    s.signup("alice")
    s.engine.store.read = None
    assert s.clock is None
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert FakeClock(*is None*", "*its story can't be told, TypeError:*"])


def test_a_passing_test_shows_nothing(run):
    result = run("""
def test_it(scenario):
    s = scenario(PROGRAM, start=START)
    s.signup("alice")
""")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*signup-alice*")


def test_a_passing_test_errs_when_its_figures_drifted(run):
    result = run("""
def test_it(scenario):
    scenario(PROGRAM, start=START)
    scenario(PROGRAM, start=START, store=Drifting()).signup("alice")
""")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_it*",
            "scenario 2 of 2: verify() found kept figures that the records do not add up to",
            "  balance.available of alice/points is kept as 6, the records say 5",
            "signup signup-alice*",
        ]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_store_that_cannot_be_verified_is_an_error_and_fixtures_are_still_torn_down(run):
    result = run("""
@pytest.fixture(autouse=True)
def around():
    yield
    print("torn down")

def test_it(scenario):
    scenario(PROGRAM, start=START, store=Closed())
""")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["scenario: verify() raised RuntimeError: closed; keep the store open*", "torn down"])


def test_a_store_of_a_fixture_is_verified_before_it_is_closed(run):
    result = run("""
class Closing(MemoryStore):
    def close(self):
        self.drift = None

@pytest.fixture
def store():
    store = Closing()
    yield store
    store.close()

def test_it(scenario, store):
    scenario(PROGRAM, start=START, store=store).signup("alice")
""")
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("end", "outcome"),
    [("assert False", "failed"), ("pytest.skip()", "skipped"), ("pytest.xfail()", "xfailed")],
    ids=["failed", "skipped", "xfailed"],
)
def test_only_a_test_that_passed_is_verified(run, end, outcome):
    result = run(f"""
def test_it(scenario):
    scenario(PROGRAM, start=START, store=Drifting())
    {end}
""")
    result.assert_outcomes(**{outcome: 1})
    result.stdout.no_fnmatch_line("*is kept as 6*")


def test_tests_without_a_scenario_are_left_alone(run):
    result = run("""
def test_passes():
    pass

def test_fails():
    assert PROGRAM is None
""")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*- scenario*")


def test_the_fixture_is_listed_with_what_it_is_for(pytester):
    result = pytester.runpytest_inprocess("--fixtures", "-p", "no:cacheprovider", "-p", "no:xdist")
    result.stdout.fnmatch_lines(["scenario -- *", "*Begin as many scenarios as the test needs*"])


def test_loading_the_plugin_loads_no_scenario_and_no_store():
    code = """
import sys
import referral_engine
before = set(sys.modules)
import pytest
import referral_engine.testing.plugin
new = {name for name in sys.modules if name.startswith("referral_engine")} - before
assert new == {"referral_engine.testing", "referral_engine.testing.plugin"}, new
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
