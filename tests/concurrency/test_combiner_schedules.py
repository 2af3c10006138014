"""The protocol of the combiner, leaders and followers, in every order that Hypothesis can think of.

The threads are played (see schedule.py) and the store is a list, so that a history is repeatable to the last step.
"""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from referral_engine.errors import InvalidInput, OutcomeUnknown, StoreError
from referral_engine.events import Event
from referral_engine.outcomes import Outcome
from referral_engine.storage.combining import blocking
from referral_engine.storage.combining.blocking import Combiner
from tests.concurrency.schedule import Forgotten, Stage

CLOSED = "closed"
STOPPED = "stopped"


def an_outcome(name):
    return Outcome(name, "accepted", None, (), (), (), "r")


class Play:
    """Callers, each with some events, over a store that gives way in the middle of each transaction.

    An event named `bad…` cannot be taken by the store; one named `stop…` interrupts whoever carries it.
    """

    def __init__(self, choices, batch_max):
        self.stage = Stage(choices)
        self.taken: list[str] = []
        self.at_work = 0
        self.told: dict[str, object] = {}
        with patch.multiple(blocking, Lock=self.stage.lock, Condition=self.stage.condition):
            self.combiner = Combiner(lambda event: event, self.commit, batch_max=batch_max, waiting_max=100)

    def commit(self, events):
        names = [event.id for event in events]
        assert self.at_work == 0, "two transactions at a time"
        self.at_work += 1
        try:
            self.stage.give_way()
            if any(name.startswith("bad") for name in names):
                raise StoreError("refused")
            self.taken += names
            self.stage.give_way()
            if any(name.startswith("stop") for name in names):
                raise KeyboardInterrupt
        finally:
            self.at_work -= 1
        return [an_outcome(name) for name in names]

    def caller(self, names):
        def call():
            for name in names:
                try:
                    self.told[name] = self.combiner.record(Event(id=name, type="visit", member="m")).event_id
                except InvalidInput:
                    self.told[name] = CLOSED
                except KeyboardInterrupt:
                    self.told[name] = STOPPED
                except (StoreError, OutcomeUnknown) as exc:
                    self.told[name] = type(exc)

        return call

    def closer(self):
        self.stage.give_way()
        self.combiner.close()
        assert self.at_work == 0
        self.after_closing = list(self.taken)

    def run(self, callers, *, closing=False):
        parts = [self.caller(names) for names in callers]
        with patch.multiple(blocking, Lock=self.stage.lock, Condition=self.stage.condition):
            self.stage.play(*parts, *([self.closer] if closing else []))
        assert (self.combiner._line.led, len(self.combiner._line)) == (False, 0)


def named(callers, kinds):
    """The names of each caller's events: `kinds` says what some of them do."""
    marked = iter(kinds)
    return [[f"{next(marked, 'e')}-{place}-{n}" for n in range(count)] for place, count in enumerate(callers)]


histories = {
    "callers": st.lists(st.integers(1, 3), min_size=1, max_size=5),
    "choices": st.lists(st.integers(0, 5), max_size=300),
    "batch_max": st.integers(1, 4),
}


@settings(max_examples=300, deadline=None)
@given(**histories)
def test_every_event_is_recorded_once_and_told_to_its_caller(callers, choices, batch_max):
    play, names = Play(choices, batch_max), named(callers, [])

    play.run(names)

    flat = [name for own in names for name in own]
    assert play.told == {name: name for name in flat}
    assert sorted(play.taken) == sorted(flat)
    for own in names:
        assert [name for name in play.taken if name in own] == own


@settings(max_examples=300, deadline=None)
@given(**histories, kinds=st.lists(st.sampled_from(["e", "e", "bad", "stop"]), max_size=10))
def test_nobody_is_left_waiting_whatever_goes_wrong(callers, choices, batch_max, kinds):
    play, names = Play(choices, batch_max), named(callers, kinds)

    play.run(names)

    stopping = any(name.startswith("stop") for own in names for name in own)
    for name in (name for own in names for name in own):
        told, times = play.told[name], play.taken.count(name)
        assert times in {name: {1}, StoreError: {0}, OutcomeUnknown: {0, 1}, STOPPED: {0, 1}}[told]
        assert not (name.startswith("bad") and times)
        assert stopping or told in {name, StoreError}


@settings(max_examples=300, deadline=None)
@given(**histories)
def test_after_closing_nothing_is_recorded_and_nothing_that_was_accepted_is_lost(callers, choices, batch_max):
    play, names = Play(choices, batch_max), named(callers, [])

    play.run(names, closing=True)

    assert play.after_closing == play.taken
    for name in (name for own in names for name in own):
        assert play.told[name] in {name, CLOSED}
        assert (play.told[name] == name) == (play.taken.count(name) == 1)


def found(fault):
    """Whether some history shows a fault that was planted in the combiner."""
    try:
        test = given(**histories)(fault)
        thorough = settings(max_examples=2_000, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
        thorough(test)()
    except (Forgotten, RuntimeError, AssertionError, ExceptionGroup):
        return True
    return False


@pytest.mark.parametrize("planted", ["no wake-up", "no heir", "a flag read twice"])
def test_a_planted_fault_is_found(monkeypatch, planted):
    """The test is worth something: it fails over a combiner that forgets its callers."""

    def forgets_to_wake(combiner, caller):
        with combiner._mutex:
            caller.leads = False
            heir = combiner._line.pass_on()
            if heir is not None:
                heir.leads = True

    def forgets_the_heir(combiner, caller):
        with combiner._mutex:
            caller.leads = combiner._line.led = False

    def reads_the_flag_twice(combiner, event):
        caller = blocking._Caller(event)
        with combiner._mutex:
            caller.leads = combiner._line.enter(caller)
        if not caller.leads:
            caller.gate.acquire()
        if caller.leads:
            combiner._lead(caller)
        return caller.result()

    if planted == "a flag read twice":
        monkeypatch.setattr(Combiner, "record", reads_the_flag_twice)
    else:
        monkeypatch.setattr(Combiner, "_pass_on", forgets_to_wake if planted == "no wake-up" else forgets_the_heir)

    def history(callers, choices, batch_max):
        Play(choices, batch_max).run(named(callers, []))

    assert found(history)
