"""ChaosStore does to each call what was planned, tells the caller what a store would, and writes it down."""

from __future__ import annotations

import inspect
from contextlib import suppress

import pytest

from referral_engine import Conflict, InvalidInput, OutcomeUnknown, ReferralEngine, StoreError, UnknownMember
from referral_engine import changes as c
from referral_engine.ports import BlockingStore, StoreAdmin
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.testing import ChaosStore, Faults, Injected
from referral_engine.testing.chaos.faults import plan_of
from referral_engine.testing.conformance._spring import an_engine, spring
from referral_engine.testing.conformance.samples import PROGRAM, START, Desk, a_member, saying, wanting

READING = {
    "read": lambda store: store.read(wanting(PROGRAM, [])),
    "referrals": lambda store: store.referrals(PROGRAM, "alice", None, None, 10),
    "transfers": lambda store: store.transfers(PROGRAM, "alice", "points", None, 10),
    "messages": lambda store: store.messages(PROGRAM, None, 10),
    "due": lambda store: store.due(PROGRAM, START, 10),
    "standings": lambda store: store.standings(PROGRAM, "inviters", "2026-03", 0, 10),
    "place": lambda store: store.place(PROGRAM, "inviters", "2026-03", "alice"),
    "count": lambda store: store.count(PROGRAM, "inviters", "2026-03"),
    "drift": lambda store: store.drift(PROGRAM),
    "carried": lambda store: store.carried(PROGRAM, "alice", "points", 10),
    "payouts": lambda store: store.payouts(PROGRAM, None, None, 10),
    "due_lots": lambda store: store.due_lots(PROGRAM, START, 10),
    "liability": lambda store: store.liability(PROGRAM, "points"),
    "audit_log": lambda store: store.audit_log(PROGRAM, None, 10),
}


class Watched(MemoryStore):
    """Notes the calls that reach it."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def apply(self, wanted, decide):
        self.calls.append("apply")
        return super().apply(wanted, decide)

    def read(self, wanted):
        self.calls.append("read")
        return super().read(wanted)


class Joining:
    """A decision that makes Alice a member, and notes what it was called on."""

    def __init__(self):
        self.seen = []
        self.decision = c.Decision("joined", (c.PutMember(a_member("alice"), fresh=True), saying("joined")), 1)
        self.wanted = wanting(PROGRAM, self.decision.changes)

    def __call__(self, facts):
        self.seen.append(sorted(facts.members))
        return self.decision


def chaos_with(seed=7, wait=None, **rates):
    return ChaosStore(Watched(), seed=seed, faults=Faults(**rates), wait=wait)


def said(chaos):
    """What the store under it has been told."""
    return Desk(chaos._under).said()


def test_without_faults_a_write_goes_through():
    chaos, joining = chaos_with(), Joining()
    assert chaos.apply(joining.wanted, joining) == joining.decision
    assert (said(chaos), len(joining.seen), chaos.log) == (["joined"], 1, ())


def test_a_failure_does_not_reach_the_store():
    chaos, joining = chaos_with(failure=1), Joining()
    with pytest.raises(StoreError, match="seed 7 at apply 1: failure"):
        chaos.apply(joining.wanted, joining)
    assert (said(chaos), joining.seen, chaos._under.calls) == ([], [], [])
    assert chaos.log == (Injected("apply", 1, "failure"),)


def test_a_conflict_was_decided_and_taken_back():
    chaos, joining = chaos_with(conflict=1), Joining()
    with pytest.raises(Conflict, match="seed 7 at apply 1: conflict") as caught:
        chaos.apply(joining.wanted, joining)
    assert not caught.value.host_must_retry
    assert (said(chaos), len(joining.seen)) == ([], 1)
    assert Desk(chaos._under).read(members=["alice"]).members == {}
    assert chaos.log == (Injected("apply", 1, "conflict"),)


def test_a_cut_before_the_commit_leaves_nothing():
    chaos, joining = chaos_with(cut_before_commit=1), Joining()
    with pytest.raises(OutcomeUnknown, match="seed 7 at apply 1: cut_before_commit"):
        chaos.apply(joining.wanted, joining)
    assert (said(chaos), len(joining.seen)) == ([], 1)
    assert Desk(chaos._under).read(members=["alice"]).members == {}


def test_a_cut_after_the_commit_leaves_everything():
    chaos, joining = chaos_with(cut_after_commit=1), Joining()
    with pytest.raises(OutcomeUnknown, match="seed 7 at apply 1: cut_after_commit"):
        chaos.apply(joining.wanted, joining)
    assert (said(chaos), len(joining.seen)) == (["joined"], 1)
    assert Desk(chaos._under).read(members=["alice"]).members.keys() == {"alice"}


@pytest.mark.parametrize("ending", ["conflict", "cut_before_commit", "cut_after_commit"])
def test_what_decide_raises_passes_through(ending):
    """Where nothing was decided, there is nothing to cut."""
    chaos, raised = chaos_with(**{ending: 1}), UnknownMember("alice")

    def decide(_):
        raise raised

    with pytest.raises(UnknownMember) as caught:
        chaos.apply(Joining().wanted, decide)
    assert (caught.value is raised, chaos.log) == (True, ())


def test_an_error_of_the_store_itself_passes_through():
    chaos, impossible = chaos_with(cut_after_commit=1), c.Decision(None, (c.DisableCode("none"),))
    with pytest.raises(Conflict, match="DisableCode"):
        chaos.apply(wanting(PROGRAM, impossible.changes), lambda _: impossible)
    assert chaos.log == ()


def test_a_decision_is_repeated_on_the_same_facts():
    chaos, joining = chaos_with(repeated_decision=1), Joining()
    assert chaos.apply(joining.wanted, joining) == joining.decision
    repeats = plan_of(chaos.faults, 7, "apply", 1).repeats
    assert repeats > 0
    assert joining.seen == [[]] * (1 + repeats)
    assert (said(chaos), chaos.log) == (["joined"], (Injected("apply", 1, "repeated_decision"),))


def test_a_decision_that_is_not_pure_is_found_and_not_written():
    chaos, joining, calls = chaos_with(repeated_decision=1), Joining(), []

    def decide(facts):
        calls.append(1)
        return c.Decision(len(calls), joining.decision.changes, 1)

    with pytest.raises(AssertionError, match=r"not pure.* it answered 1 and then 2"):
        chaos.apply(joining.wanted, decide)
    assert said(chaos) == []


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        (c.Decision(1), c.Decision(2), "answered 1 and then 2"),
        (c.Decision([1, 2]), c.Decision([1, 3]), "answered 2 and then 3"),
        (c.Decision([1]), c.Decision([1, 3]), "answered 'nothing' and then 3"),
        (c.Decision(1), c.Decision(1, (c.DisableCode("x"),)), "answered 'nothing' and then DisableCode"),
        (c.Decision(1), c.Decision(1, ordinals=1), "and then Decision.*ordinals=1"),
    ],
)
def test_it_says_what_was_decided_differently(first, second, shown):
    given = iter([first, second])
    with pytest.raises(AssertionError, match=shown):
        chaos_with(repeated_decision=1).apply(Joining().wanted, lambda _: next(given))


def test_a_rule_that_counts_by_itself_is_found():
    """Every second check-in, by a count that the rule keeps: it pays differently when a store decides twice."""
    from referral_engine import Campaign, Event, Program, Unit, rule

    calls = []

    @rule(on="checkin", version="1")
    def every_second(ctx):
        calls.append(1)
        if len(calls) % 2 == 0:
            yield ctx.award("member", points=5)

    program = Program(id="acme", units={"points": Unit()}, campaigns=[Campaign(id="c", rules=[every_second])])
    chaos = chaos_with(repeated_decision=1)
    engine = ReferralEngine(chaos, program)
    with pytest.raises(AssertionError, match=r"look at the rules in Python.*'c-1'"):
        engine.record(Event(id="c-1", type="checkin", member="alice"))
    assert engine.member("alice") is None


def test_stale_facts_are_those_from_before_and_what_comes_of_them_is_thrown_away():
    """Between the reading of the stale facts and the write somebody else makes Bob a member."""
    chaos = chaos_with(stale_facts=1, delay=1, wait=lambda _: Desk(chaos._under).join("bob"))
    seen = []

    def decide(facts):
        seen.append("bob" in facts.members)
        return c.Decision(seen[-1], (saying(f"bob is {'here' if seen[-1] else 'not here'}"),), 1)

    assert chaos.apply(wanting(PROGRAM, [c.PutMember(a_member("bob"), fresh=False)]), decide).result is True
    assert (seen, said(chaos)) == ([False, True], ["bob is here"])
    assert [one.fault for one in chaos.log] == ["delay", "stale_facts"]


def test_an_error_that_stale_facts_lead_to_is_thrown_away():
    chaos = chaos_with(stale_facts=1, delay=1, wait=lambda _: Desk(chaos._under).join("bob"))

    def decide(facts):
        if "bob" not in facts.members:
            raise UnknownMember("bob")
        return c.Decision("welcome")

    wanted = wanting(PROGRAM, [c.PutMember(a_member("bob"), fresh=False)])
    assert chaos.apply(wanted, decide).result == "welcome"


def test_another_error_that_stale_facts_lead_to_is_not_hidden():
    chaos = chaos_with(stale_facts=1)

    def decide(_):
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        chaos.apply(Joining().wanted, decide)


def test_a_delay_is_handed_to_wait():
    waited = []
    chaos, joining = chaos_with(delay=1, wait=waited.append), Joining()
    chaos.apply(joining.wanted, joining)
    chaos.messages(PROGRAM, None, 10)
    assert waited == [plan_of(chaos.faults, 7, method, 1).delay_s for method in ("apply", "messages")]
    assert chaos.log == (Injected("apply", 1, "delay"), Injected("messages", 1, "delay"))


def test_without_wait_nothing_is_delayed():
    chaos, joining = chaos_with(delay=1), Joining()
    chaos.apply(joining.wanted, joining)
    assert chaos.log == ()


def test_one_caller_is_never_held_back():
    chaos, joining = chaos_with(reordering=1), Joining()
    chaos.apply(joining.wanted, joining)
    assert (said(chaos), chaos.log) == (["joined"], ())


@pytest.mark.parametrize("method", READING)
def test_a_reading_call_fails(method):
    chaos = chaos_with(failed_read=1)
    with pytest.raises(StoreError, match=f"seed 7 at {method} 1: failed_read"):
        READING[method](chaos)
    assert (chaos._under.calls, chaos.log) == ([], (Injected(method, 1, "failed_read"),))


@pytest.mark.parametrize("method", READING)
def test_a_reading_call_is_answered_by_the_store_under_it(method):
    chaos = chaos_with(failure=1)
    Desk(chaos._under).write(c.PutMember(a_member("alice"), fresh=True), saying("hello"))
    assert READING[method](chaos) == READING[method](chaos._under)


def test_every_method_of_the_port_is_tried_here():
    """One that is new to the port fails and is forwarded like the others; it must be added to READING."""
    methods = {name for name in dir(BlockingStore) if not name.startswith("_")}
    admin = {name for name in vars(StoreAdmin) if not name.startswith("_")} - {"drift"}
    assert methods - admin - {"apply"} == READING.keys()
    for name in methods:
        promised, had = (inspect.signature(getattr(kind, name)) for kind in (BlockingStore, ChaosStore))
        assert list(promised.parameters) == list(had.parameters)


def test_setting_up_and_closing_never_fail():
    with chaos_with(failure=1, failed_read=1) as chaos:
        assert isinstance(chaos, ChaosStore)
        chaos.create_schema()
    chaos.close()
    assert chaos.log == ()


def test_it_wraps_a_blocking_store_and_is_one():
    assert isinstance(chaos_with(), BlockingStore)
    assert ReferralEngine(chaos_with(), spring("acme")).verify() == []
    with pytest.raises(InvalidInput, match="AsyncReferralEngine"):
        ChaosStore(AsyncMemoryStore(), seed=1)
    with pytest.raises(InvalidInput, match="is not a store"):
        ChaosStore(object(), seed=1)


@pytest.mark.parametrize("wrong", [{"seed": "7"}, {"seed": True}, {"seed": 7, "faults": {"failure": 1}}])
def test_a_seed_is_a_whole_number_and_faults_are_faults(wrong):
    with pytest.raises(InvalidInput, match=list(wrong)[-1]):
        ChaosStore(MemoryStore(), **wrong)


def joined(chaos, names):
    """What came of joining these members, one after the other."""
    engine, came = an_engine(chaos), []
    for name in names:
        try:
            came.append(engine.join(name).id)
        except (Conflict, OutcomeUnknown, StoreError) as exc:
            came.append(exc.code)
    return came


NAMES = [f"m{n}" for n in range(60)]


def test_the_same_seed_brings_the_same_faults():
    first, again, other = (ChaosStore(MemoryStore(), seed=seed) for seed in (11, 11, 12))
    assert joined(first, NAMES) == joined(again, NAMES) != joined(other, NAMES)
    assert first.log == again.log != other.log
    assert len(first.log) > 20


def test_reading_in_between_moves_no_fault_of_the_writes():
    plain, reading = (ChaosStore(MemoryStore(), seed=11) for _ in range(2))
    joined(plain, NAMES)
    for name in NAMES:
        joined(reading, [name])
        with suppress(StoreError):
            reading.messages(PROGRAM, None, 10)
    assert plain.log == tuple(one for one in reading.log if one.method == "apply")
    assert plain.log != reading.log


def test_calm_weather_injects_nothing_and_is_not_counted():
    whole, parted = (ChaosStore(MemoryStore(), seed=11) for _ in range(2))
    came = joined(whole, NAMES)
    first = joined(parted, NAMES[:30])
    parted.calm()
    assert joined(parted, ["x", "y", "z"] * 20) == ["x", "y", "z"] * 20
    assert Desk(parted).read(members=["x"]).members.keys() == {"x"}
    parted.storm()
    assert first + joined(parted, NAMES[30:]) == came
    assert parted.log == whole.log


def test_a_storm_may_begin_with_other_faults():
    chaos = chaos_with()
    chaos.calm()
    chaos.storm(Faults(failure=1))
    assert (joined(chaos, ["alice"]), chaos.faults) == (["store_error"], Faults(failure=1))


def test_it_shows_its_seed_and_the_last_faults():
    chaos = chaos_with(failure=1)
    assert repr(chaos) == "ChaosStore(seed=7, 0 faults injected)"
    joined(chaos, ["alice", "bob"])
    assert repr(chaos) == "ChaosStore(seed=7, 2 faults injected, the last: apply 1: failure, apply 2: failure)"
    joined(chaos, NAMES)
    assert "62 faults injected" in repr(chaos)
    assert "apply 22: failure" not in repr(chaos)
    assert repr(chaos).endswith("apply 62: failure)")
