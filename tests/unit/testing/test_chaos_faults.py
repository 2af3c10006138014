"""Rates are kept, and what a seed makes of them is the same each time."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace

import pytest

from referral_engine.errors import InvalidInput
from referral_engine.testing import STORM, Faults
from referral_engine.testing.chaos.faults import DELAY_MAX_S, OVERTAKERS_MAX, REPEATS_MAX, Plan, plan_of

CALLS = range(1, 4001)
ENDINGS = ["failure", "conflict", "cut_before_commit", "cut_after_commit"]
ALL = [one.name for one in fields(Faults)]


def plans(faults, *, seed=7, method="apply", calls=CALLS):
    return [plan_of(faults, seed, method, call) for call in calls]


def share(hits):
    return sum(hits) / len(CALLS)


def test_without_rates_nothing_happens():
    assert plans(Faults(), calls=range(1, 4)) == [Plan("apply", 1), Plan("apply", 2), Plan("apply", 3)]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_rate_of_one_is_always(ending):
    assert {plan.ending for plan in plans(Faults(**{ending: 1}))} == {ending}


def test_the_ways_to_end_share_their_calls_as_the_rates_say():
    rates = {"failure": 0.1, "conflict": 0.2, "cut_before_commit": 0.3, "cut_after_commit": 0.15}
    seen = Counter(plan.ending for plan in plans(Faults(**rates)))
    for ending, rate in rates.items():
        assert seen[ending] / len(CALLS) == pytest.approx(rate, abs=0.03)
    assert seen[None] / len(CALLS) == pytest.approx(0.25, abs=0.03)


def test_each_other_fault_comes_as_often_as_its_rate_says():
    faults = Faults(repeated_decision=0.1, stale_facts=0.2, reordering=0.4, delay=0.6)
    made = plans(faults)
    assert share(plan.repeats > 0 for plan in made) == pytest.approx(0.1, abs=0.03)
    assert share(plan.stale for plan in made) == pytest.approx(0.2, abs=0.03)
    assert share(plan.behind > 0 for plan in made) == pytest.approx(0.4, abs=0.03)
    assert share(plan.delay_s > 0 for plan in made) == pytest.approx(0.6, abs=0.03)
    reads = plans(Faults(failed_read=0.3), method="messages")
    assert share(plan.failed_read for plan in reads) == pytest.approx(0.3, abs=0.03)


def test_how_much_of_a_fault_there_is_varies_within_its_bounds():
    made = plans(Faults(repeated_decision=1, reordering=1, delay=1))
    assert {plan.repeats for plan in made} == {*range(1, REPEATS_MAX + 1)}
    assert {plan.behind for plan in made} == {*range(1, OVERTAKERS_MAX + 1)}
    assert all(0 < plan.delay_s < DELAY_MAX_S for plan in made)
    assert len({plan.delay_s for plan in made}) == len(CALLS)


def test_a_reading_call_meets_what_reading_calls_can_and_a_write_does_not():
    everything = Faults(failure=1, repeated_decision=1, stale_facts=1, reordering=1, delay=1, failed_read=1)
    (read,) = plans(everything, method="due", calls=[1])
    assert read == Plan("due", 1, failed_read=True, delay_s=read.delay_s)
    (write,) = plans(everything, calls=[1])
    assert not write.failed_read


def test_the_plan_is_a_function_of_seed_method_and_call():
    assert plans(STORM) == plans(STORM)
    assert plans(STORM) != plans(STORM, seed=8)
    reads = [replace(plan, method="read") for plan in plans(STORM, method="messages")]
    assert reads != plans(STORM, method="read")
    assert plans(STORM)[100:] == plans(STORM, calls=CALLS[100:])


@pytest.mark.parametrize("fault", ["repeated_decision", "stale_facts", "reordering", "delay"])
def test_the_rate_of_one_fault_moves_no_other(fault):
    without = {"repeats": 0, "stale": False, "behind": 0, "delay_s": 0.0}
    name = dict(zip(["repeated_decision", "stale_facts", "reordering", "delay"], without, strict=True))[fault]
    calmer = plans(replace(STORM, **{fault: 0}))
    assert calmer == [replace(plan, **{name: without[name]}) for plan in plans(STORM)]


def test_the_plan_is_the_same_in_every_process_and_version():
    """Figures that a bug report names lead to the same faults wherever they are tried."""
    code = (
        "from referral_engine.testing import STORM\n"
        "from referral_engine.testing.chaos.faults import plan_of\n"
        "print(*[plan_of(STORM, 7, 'apply', n).ending for n in range(1, 25)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = [str(plan.ending) for plan in plans(STORM, calls=range(1, 25))]
    assert done.stdout.split() == here
    assert [place for place, ending in enumerate(here, 1) if ending == "cut_after_commit"] == [5, 13, 17]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("rate", [-0.1, 1.1, True, "0.5", None, float("nan")])
def test_what_is_not_a_rate_is_refused(name, rate):
    with pytest.raises(InvalidInput, match=name):
        Faults(**{name: rate})


def test_ways_to_end_that_come_to_more_than_every_call_are_refused():
    with pytest.raises(InvalidInput, match="at most 1 together"):
        Faults(failure=0.5, cut_after_commit=0.6)
    assert Faults(failure=0.7, conflict=0.1, cut_before_commit=0.1, cut_after_commit=0.1).failure == 0.7


def test_a_storm_has_a_bit_of_everything_and_lets_most_calls_through():
    assert all(getattr(STORM, name) > 0 for name in ALL)
    assert sum(getattr(STORM, name) for name in ENDINGS) < 0.5
