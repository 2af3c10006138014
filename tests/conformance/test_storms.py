"""The tests in a storm are worth something: a caller that does not keep to the ids, or gives up, is found out."""

from __future__ import annotations

import pytest

from referral_engine.errors import Conflict, OutcomeUnknown, StoreError
from referral_engine.events import Event
from referral_engine.storage import MemoryStore
from referral_engine.testing import ChaosStore, Faults
from referral_engine.testing.conformance import _persistence, _stormy, storms
from referral_engine.testing.conformance._spring import an_engine
from referral_engine.testing.conformance._stormy import StormyHistories
from tests.conformance.trying import Suite, fails

HISTORIES = "random_histories_in_a_storm_agree_with_the_model"
RECORDING = "race_to_record_in_a_storm"
REDEEMING = "race_to_redeem_in_a_storm"

FAILURES = (Conflict, StoreError, OutcomeUnknown)


def renamed(given, attempt):
    """The event under another id for each attempt, as by a caller that makes its ids up when it sends."""
    if isinstance(given, Event):
        return given.model_copy(update={"id": f"{given.id}-{attempt}"}) if attempt else given
    return [renamed(one, attempt) for one in given] if isinstance(given, list) else given


def with_new_ids(call, *args, **kwargs):
    for attempt in range(200):
        keys = {name: f"{key}-{attempt}" for name, key in kwargs.items() if name == "key"}
        try:
            return call(*(renamed(one, attempt) for one in args), **{**kwargs, **keys})
        except FAILURES:
            continue
    raise AssertionError("never through")


def send(monkeypatch, caller):
    """Let all that is sent in a storm be sent by this caller."""
    for module in (_persistence, storms):
        monkeypatch.setattr(module, "through", caller)


@pytest.mark.parametrize("test", [HISTORIES, RECORDING, REDEEMING])
def test_a_caller_that_does_it_wrong_is_found(monkeypatch, test):
    send(monkeypatch, with_new_ids)
    with pytest.raises(AssertionError):
        getattr(Suite(), f"test_{test}")(MemoryStore())


@pytest.mark.parametrize("test", [HISTORIES, RECORDING, REDEEMING])
def test_a_caller_that_does_it_right_is_not(test):
    assert not fails(MemoryStore(), test)


def test_every_fault_strikes_in_the_histories(monkeypatch):
    """But for the reordering, which takes several callers, and delays, which nobody waits for."""
    struck, steps = set(), []

    class Noting(StormyHistories):
        def teardown(self):
            super().teardown()
            struck.update((one.method, one.fault) for one in self.chaos.log)
            steps.append(self.steps)

    class Many(Suite):
        stormy_histories_max = 25

    monkeypatch.setattr(storms, "StormyHistories", Noting)
    Many().test_random_histories_in_a_storm_agree_with_the_model(MemoryStore())
    assert len(steps) >= Many.stormy_histories_max
    endings = {"failure", "conflict", "cut_before_commit", "cut_after_commit"}
    assert {fault for method, fault in struck if method == "apply"} == endings | {"stale_facts", "repeated_decision"}
    assert {"failed_read"} == {fault for method, fault in struck if method != "apply"}


def test_a_failure_shows_the_faults(monkeypatch):
    """What pytest prints of a race that fails, and what Hypothesis prints of a history."""
    send(monkeypatch, with_new_ids)
    with pytest.raises(AssertionError) as caught:
        Suite().test_race_to_record_in_a_storm(MemoryStore())
    (shown,) = caught.value.__notes__
    assert shown.startswith("ChaosStore(seed=1, ")
    assert "cut_after_commit" in shown

    shown = []
    monkeypatch.setattr(_stormy, "note", shown.append)
    with pytest.raises(AssertionError):
        Suite().test_random_histories_in_a_storm_agree_with_the_model(MemoryStore())
    assert all(one.startswith("ChaosStore(seed=") for one in shown)


@pytest.fixture
def lots(monkeypatch):
    """A history that issued lots of codes while most answers were lost."""
    monkeypatch.setattr(_stormy, "note", lambda _: None)
    history = StormyHistories(MemoryStore(), "acme", 1)
    history.begin(False, 5)
    history.witness.results.clear()
    history.chaos = ChaosStore(history.witness, seed=5, faults=Faults(cut_after_commit=0.6))
    history.engine = _persistence.Persistent(an_engine(history.chaos))
    for place in range(10):
        history.issue(place, 1 + place % 2, place > 5)
    return history


def test_a_lot_that_nobody_was_told_of_is_whole_and_unused(lots):
    """`issue_codes` has no key: when its answer is lost, calling again issues another lot."""
    answered, lost = len(lots.model.codes), len(lots.chaos.log)
    assert (answered, lost > 5, len(lots.witness.results)) == (10, True, 10 + lost)
    lots.teardown()


def test_a_lost_lot_that_is_not_there_is_found(lots):
    lost = next(codes[0].text for codes in lots.witness.results if codes[0].text not in lots.model.codes)
    del lots.store._records("acme").codes[lost]
    with pytest.raises(AssertionError):
        lots.teardown()
