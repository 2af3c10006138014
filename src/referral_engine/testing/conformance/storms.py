"""Storms: a store whose calls fail, as those of any store do some day, loses nothing and pays nothing twice."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from referral_engine.errors import InsufficientBalance
from referral_engine.events import Event
from referral_engine.facts import Wanted
from referral_engine.testing.chaos import ChaosStore
from referral_engine.testing.conformance._persistence import through
from referral_engine.testing.conformance._spring import an_engine
from referral_engine.testing.conformance._stormy import StormyHistories
from referral_engine.testing.conformance.races import THREADS, together
from referral_engine.testing.conformance.whole import Whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from referral_engine.engine import ReferralEngine
    from referral_engine.outcomes import Outcome
    from referral_engine.ports import BlockingStore

GIFT = 70
PAID = 30
SPENT_AT_ONCE = 9
"""What a check-in is paid, how many of them the budget pays, and what a thread redeems at a time."""

EVERYBODYS = [Event(id=f"c-all-{n}", type="checkin", member=f"all-{n}") for n in range(4)]


class Storms(Whole):
    """What a store comes to under a ChaosStore, for callers that send again until they are answered."""

    stormy_histories_max = 5
    storm_seeds: tuple[int, ...] = (1, 2)

    def test_random_histories_in_a_storm_agree_with_the_model(self, store: BlockingStore) -> None:
        """Histories go as the model says, whichever calls fail or lose their answers, when each is made again.

        All is looked at that `test_random_histories_agree_with_the_model` looks at. A failure shows what was injected.
        """
        programs = (f"storm-{n}" for n in count())
        machine: Any = partial(self._a_storm, store, programs)
        few = settings(self.history_settings(), max_examples=self.stormy_histories_max)
        run_state_machine_as_test(machine, settings=few)

    def _a_storm(self, store: BlockingStore, programs: Iterator[str]) -> StormyHistories:
        return StormyHistories(store, next(programs), self.invariants_every)

    def test_race_to_record_in_a_storm(self, store: BlockingStore) -> None:
        """Threads that send their events until they are answered have each recorded once, and paid as they were told.

        Some events are sent by all of them. The budget that they draw on is drained to the last point.
        """
        for seed in self.storm_seeds:
            chaos = ChaosStore(store, seed=seed)
            engine = an_engine(chaos, f"storm-{seed}", budget=PAID * GIFT + GIFT - 1)
            told = [outcome for group in together(partial(_record, engine)) for outcome in group]
            chaos.calm()
            with _showing(chaos):
                _recorded_once(engine, told)

    def test_race_to_redeem_in_a_storm(self, store: BlockingStore) -> None:
        """Threads that redeem by the same keys until they are answered spend once for each, and all that is there."""
        for seed in self.storm_seeds:
            chaos = ChaosStore(store, seed=seed)
            engine = an_engine(chaos, f"storm-{seed}")
            for n in range(2):
                through(engine.record, Event(id=f"c-{n}", type="checkin", member="alice"))
            spent = sum(together(partial(_spend, engine)))
            rest = 2 * GIFT % SPENT_AT_ONCE
            made = together(lambda _: _redeem(engine, rest, "rest"))  # noqa: B023 - done at once
            chaos.calm()
            with _showing(chaos):
                assert (spent, made) == (2 * GIFT - rest, [rest] * THREADS)
                balance = engine.balance("alice")
                assert (balance.available, balance.redeemed, engine.verify()) == (0, 2 * GIFT, [])


def _record(engine: ReferralEngine, place: int) -> list[Outcome]:
    """Send events of one's own, some of them one by one, the others in a batch with those that everybody sends."""
    own = [Event(id=f"c-{place}-{n}", type="checkin", member=f"m{place}-{n // 2}") for n in range(10)]
    singly = [through(engine.record, event) for event in own[:5]]
    return singly + through(engine.record_many, own[5:] + EVERYBODYS[:: 1 if place % 2 else -1])


def _recorded_once(engine: ReferralEngine, told: list[Outcome]) -> None:
    """All that the callers were told is there, and nothing else."""
    events = {one.event_id: (one.grants, one.reasons) for one in told}
    ids = frozenset(f"c-{place}-{n}" for place in range(THREADS) for n in range(10))
    ids |= {event.id for event in EVERYBODYS}
    assert ids == events.keys() == engine.store.read(Wanted(engine.program.id, events=ids)).events.keys()
    assert [(one.grants, one.reasons) for one in told] == [events[one.event_id] for one in told]
    reasons = Counter(tuple(reason.code for reason in reasons) for _, reasons in events.values())
    assert reasons == {(): PAID, ("budget_exhausted",): len(ids) - PAID}
    assert (engine.budget("spring", "points").spent, engine.verify()) == (PAID * GIFT, [])
    paid = Counter(grant.member for grants, _ in events.values() for grant in grants)
    assert {one: GIFT * times for one, times in paid.items()} == {one: engine.balance(one).available for one in paid}


def _spend(engine: ReferralEngine, place: int) -> int:
    """Redeem four times, as far as there is anything, and tell how much it was."""
    return sum(_redeem(engine, SPENT_AT_ONCE, f"k-{place}-{n}") for n in range(4))


def _redeem(engine: ReferralEngine, amount: int, key: str) -> int:
    try:
        return through(engine.redeem, "alice", amount, key=key).amount
    except InsufficientBalance:
        return 0


@contextmanager
def _showing(chaos: ChaosStore) -> Iterator[None]:
    """Show what was injected where an assertion fails."""
    try:
        yield
    except AssertionError as exc:
        exc.add_note(repr(chaos))
        raise
