"""Races: many threads start at once, and the totals must still be exact."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier, Thread
from threading import Event as Flag
from time import sleep
from typing import TYPE_CHECKING, TypeVar

import pytest

from referral_engine import changes as c
from referral_engine.errors import Conflict, InsufficientBalance
from referral_engine.events import Event
from referral_engine.leaderboard import BoardEntry
from referral_engine.rewards import RuleContext, rule
from referral_engine.testing.conformance._spring import HOLD, HandClock, an_engine
from referral_engine.testing.conformance.samples import PROGRAM, Desk, saying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from referral_engine.engine import ReferralEngine
    from referral_engine.outcomes import Outcome
    from referral_engine.ports import BlockingStore

THREADS = 8
PATIENCE = 100
DEADLINE_S = 120.0
SWITCH_S = 1e-6
SWITCHES = 3
SPENDS = 30

ResultT = TypeVar("ResultT")


def together(work: Callable[[int], ResultT], threads: int = THREADS) -> list[ResultT]:
    """Run `work(0)` … `work(threads - 1)` at once, each in a thread, and answer their results in order.

    The first error of any of them is raised. Threads that are not done by the deadline are taken for a deadlock.
    """
    barrier = Barrier(threads)
    results: dict[int, ResultT] = {}
    errors: list[BaseException] = []

    def run(place: int) -> None:
        barrier.wait(DEADLINE_S)
        try:
            results[place] = work(place)
        except BaseException as exc:  # noqa: BLE001 - handed on to the test's own thread
            errors.append(exc)

    workers = [Thread(target=run, args=(place,), daemon=True) for place in range(threads)]
    with _hasty():
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(DEADLINE_S)
    if errors:
        raise errors[0]
    assert len(results) == threads, "a deadlock: not every thread came to an end"
    return [results[place] for place in range(threads)]


@contextmanager
def _hasty() -> Iterator[None]:
    """Let the interpreter switch threads as often as it can, so that what is not guarded breaks."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def patiently(call: Callable[[], ResultT]) -> ResultT:
    """Call again after a Conflict, as a caller of an optimistic store does."""
    for _ in range(PATIENCE):
        try:
            return call()
        except Conflict:
            continue
    return call()


def _linger() -> None:
    """Let other threads go on between the reading and the writing of a decision."""
    for _ in range(SWITCHES):
        sleep(0)


@rule(on="signup", version="1")
def slow_signup(_: RuleContext) -> None:
    """Take time, and give nothing."""
    _linger()


@rule(on="checkin", version="1")
def slow_checkin(_: RuleContext) -> None:
    """Take time, and give nothing."""
    _linger()


@rule(on="purchase", version="1")
def slow_purchase(_: RuleContext) -> None:
    """Take time, and give nothing."""
    _linger()


def an_unhurried_engine(store: BlockingStore, *, budget: int = 10**9) -> ReferralEngine:
    """An engine that takes its time to decide."""
    return an_engine(store, budget=budget, beside=[slow_signup, slow_checkin, slow_purchase])


def record(engine: ReferralEngine, *events: Event) -> list[Outcome]:
    """Record events in one batch, patiently."""
    return patiently(lambda: engine.record_many(events))


def _signups(engine: ReferralEngine, names: list[str]) -> None:
    record(engine, *(Event(id=f"in-{name}", type="signup", member=name) for name in names))


class Races:
    """What a store promises to threads. A store that is for one thread only says `concurrent = False`."""

    concurrent = True

    @pytest.fixture(autouse=True)
    def _only_where_concurrent(self, request: pytest.FixtureRequest) -> None:
        if not self.concurrent and request.function.__name__.startswith("test_race_"):
            pytest.skip("the store is not for concurrent use")

    def test_race_for_a_budget(self, store: BlockingStore) -> None:
        """A budget that everybody draws on is drained to the last point and not beyond."""
        engine = an_unhurried_engine(store, budget=70 * 30 + 69)

        def work(place: int) -> list[Outcome]:
            events = [Event(id=f"c-{place}-{n}", type="checkin", member=f"m{place}-{n // 2}") for n in range(10)]
            return [record(engine, event)[0] for event in events]

        outcomes = [outcome for group in together(work) for outcome in group]
        assert Counter({(): 30, ("budget_exhausted",): 50}) == Counter(
            tuple(reason.code for reason in outcome.reasons) for outcome in outcomes
        )
        budget = engine.budget("spring", "points")
        assert (budget.spent, budget.remaining) == (70 * 30, 69)
        assert engine.verify() == []

    def test_race_for_a_limited_code(self, store: BlockingStore) -> None:
        """A code with max_uses is used exactly so many times, whether it is somebody's or nobody's."""
        engine = an_unhurried_engine(store)
        engine.join("alice")
        for owner in ("alice", None):
            text = engine.issue_codes(1, owner=owner, max_uses=5)[0].text

            def work(place: int, text: str = text, names: str = owner or "nobody") -> list[str]:
                events = [
                    Event(id=f"s-{names}-{place}-{n}", type="signup", member=f"{names}-{place}-{n}", code=text)
                    for n in range(3)
                ]
                outcomes = [record(engine, event)[0] for event in events]
                return [reason.code for outcome in outcomes for reason in outcome.reasons]

            used = {} if owner else {"no_referrer": 5}
            assert Counter(code for codes in together(work) for code in codes) == {"code_used_up": 19, **used}
        entry = engine.board("inviters").entry("alice")
        assert (len(engine.referrals("alice")), entry) == (5, BoardEntry("alice", 5, 1))
        assert engine.verify() == []

    def test_race_of_one_event(self, store: BlockingStore) -> None:
        """An event that is delivered twenty times by eight threads is accepted once and paid once."""
        engine = an_unhurried_engine(store)
        for n in range(5):
            event = Event(id=f"c-{n}", type="checkin", member="alice" if n % 2 else f"new-{n}")

            def work(place: int, event: Event = event) -> list[Outcome]:
                return [record(engine, event)[0] for _ in range(3 if place < 4 else 2)]  # noqa: PLR2004 - 20 in all

            outcomes = [outcome for group in together(work) for outcome in group]
            assert Counter(accepted=1, duplicate=19) == Counter(outcome.status for outcome in outcomes)
            assert len({outcome.grants for outcome in outcomes}) == 1
        assert (engine.balance("alice").available, engine.balance("new-0").available) == (140, 70)
        assert (engine.budget("spring", "points").spent, engine.verify()) == (350, [])

    def test_race_of_two_first_purchases(self, store: BlockingStore) -> None:
        """Of the purchases that an unseen member makes at the same moment exactly one is its first."""
        engine = an_unhurried_engine(store)
        engine.join("alice")
        for n in range(6):
            name = f"new-{n}"

            def work(place: int, name: str = name) -> Outcome:
                if place == 0:
                    return record(engine, Event(id=f"in-{name}", type="signup", member=name, referrer="alice"))[0]
                return record(engine, Event(id=f"o-{name}-{place}", type="purchase", member=name, amount=2000))[0]

            rules = Counter(grant.rule for outcome in together(work) for grant in outcome.grants)
            assert (rules["every_third"], rules["first-order"] in {0, 2}) == (2, True)
            assert engine.explain(f"o-{name}-1").event_id == f"o-{name}-1"
        assert engine.verify() == []

    def test_race_of_first_purchases_of_a_stranger(self, store: BlockingStore) -> None:
        """Purchases of a member nobody has seen, at the same moment, are counted one after the other."""
        engine = an_unhurried_engine(store)
        for n in range(6):
            name = f"new-{n}"

            def work(place: int, name: str = name) -> Outcome:
                return record(engine, Event(id=f"o-{name}-{place}", type="purchase", member=name, amount=100))[0]

            granted = Counter(grant.rule for outcome in together(work) for grant in outcome.grants)
            assert Counter(every_third=2) == granted
        assert engine.verify() == []

    def test_race_of_two_referrers(self, store: BlockingStore) -> None:
        """Of the referrers that claim a member at the same moment exactly one gets it."""
        engine = an_unhurried_engine(store)
        names = [f"r{n}" for n in range(THREADS)]
        _signups(engine, names)

        def work(place: int) -> Outcome:
            return record(engine, Event(id=f"s-{place}", type="signup", member="bob", referrer=names[place]))[0]

        outcomes = together(work)
        (winner,) = [outcome.referral.referrer for outcome in outcomes if outcome.referral is not None]
        assert [winner] == [name for name in names if engine.referrals(name)]
        assert engine.member("bob").referrer == winner  # type: ignore[union-attr]
        assert engine.verify() == []

    def test_race_for_an_invite_code(self, store: BlockingStore) -> None:
        """A member who asks for its code from everywhere at once gets one and the same."""
        engine = an_unhurried_engine(store)
        for name in ("alice", "bob", "carol"):
            texts = together(lambda _, name=name: patiently(lambda: engine.invite_code(name).text))  # type: ignore[misc]
            assert len(set(texts)) == 1

    def test_race_to_redeem(self, store: BlockingStore) -> None:
        """What is available is spent once, and never below zero; a key is used once."""
        engine = an_unhurried_engine(store)
        record(engine, *(Event(id=f"c-{n}", type="checkin", member="alice") for n in range(2)))

        def spend(place: int) -> int:
            spent = 0
            for n in range(4):
                try:
                    patiently(lambda n=n: engine.redeem("alice", 9, key=f"k-{place}-{n}"))  # type: ignore[misc]
                    spent += 9
                except InsufficientBalance:
                    pass
            return spent

        assert sum(together(spend)) == 135  # noqa: PLR2004 - 15 times 9 of 140
        assert (engine.balance("alice").available, engine.balance("alice").redeemed) == (5, 135)
        made = together(lambda _: patiently(lambda: engine.redeem("alice", 5, key="one-key")))
        assert (len({transfer.id for transfer in made}), engine.balance("alice").available) == (1, 0)
        assert engine.verify() == []

    def test_race_to_release(self, store: BlockingStore) -> None:
        """Workers that release at the same moment post each hold once."""
        engine = an_unhurried_engine(store)
        _signups(engine, [f"r{n}" for n in range(20)])
        for n in range(20):
            record(
                engine,
                Event(id=f"s-{n}", type="signup", member=f"m{n}", referrer=f"r{n}"),
                Event(id=f"o-{n}", type="purchase", member=f"m{n}", amount=2000),
            )
        clock: HandClock = engine.clock  # type: ignore[assignment]
        clock.at += HOLD + timedelta(days=1)
        released = together(lambda _: patiently(engine.release_due).holds)
        assert sum(released) == 20  # noqa: PLR2004 - one for each purchase
        assert {(500, 0)} == {(one.available, one.held) for one in (engine.balance(f"r{n}") for n in range(20))}
        assert engine.verify() == []

    def test_race_of_batches_in_opposite_order(self, store: BlockingStore) -> None:
        """Batches that name the same members in opposite order do not wait for each other for ever."""
        engine = an_unhurried_engine(store)
        names = [f"m{n:02}" for n in range(20)]

        def work(place: int) -> list[Outcome]:
            mine = names if place % 2 else names[::-1]
            done: list[Outcome] = []
            for n in range(3):
                done += record(engine, *(Event(id=f"c-{place}-{n}-{one}", type="checkin", member=one) for one in mine))
            return done

        outcomes = [outcome for group in together(work) for outcome in group]
        assert {"accepted"} == {outcome.status for outcome in outcomes}
        assert {200} == {engine.balance(name).available for name in names}
        assert engine.verify() == []

    def test_race_with_a_reader_of_the_outbox(self, store: BlockingStore) -> None:
        """Who reads the outbox page by page while others write misses no message, and sees none twice."""
        desk, writing = Desk(store), Flag()
        seen: list[int] = []
        kinds: list[str] = []

        def read_on() -> bool:
            page = store.messages(PROGRAM, seen[-1] if seen else 0, 7)
            seen.extend(message.cursor for message in page)
            kinds.extend(message.type for message in page)
            return bool(page)

        def work(place: int) -> None:
            if place == 0:
                while not writing.is_set() or read_on():
                    read_on()
                return
            for n in range(10):
                patiently(lambda n=n: desk.write(saying(f"said-{place}-{n}a"), saying(f"said-{place}-{n}b")))  # type: ignore[misc]
            done.append(place)
            if len(done) == THREADS - 1:
                writing.set()

        done: list[int] = []
        together(work)
        assert (2 * 10 * (THREADS - 1), len(seen)) == (len(set(seen)), len(set(kinds)))
        assert sorted(seen) == seen

    def test_race_of_readers_and_a_writer(self, store: BlockingStore) -> None:
        """Who reads while others write sees a decision whole or not at all."""
        desk = Desk(store)
        keys = [(f"c{n}", "points") for n in range(SPENDS)]
        desk.write(*(c.AdjustSpend(*key, 1, 0) for key in keys))

        def work(place: int) -> None:
            for _ in range(20):
                if place % 2:
                    patiently(lambda: desk.write(*(c.AdjustSpend(*key, 1, 0) for key in keys)))
                else:
                    assert len(set(desk.read(spends=keys).spends.values())) == 1

        together(work)
        assert {spend.spent for spend in desk.read(spends=keys).spends.values()} == {1 + 20 * THREADS // 2}

    def test_race_to_create_the_schema(self, store: BlockingStore) -> None:
        """`create_schema` may be called from everywhere at once, also while others write."""
        desk = Desk(store)
        together(lambda place: store.create_schema() if place % 2 else desk.join(f"m{place}"))
        assert {"m0", "m2", "m4", "m6"} == desk.read(members=[f"m{n}" for n in range(8)]).members.keys()
