"""Contract, "A program, and an engine over a store": how an engine is made, what it serves, what it refuses."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pydantic
import pytest

import referral_engine
from referral_engine import (
    AsyncReferralEngine,
    Attribution,
    Board,
    Campaign,
    Event,
    InvalidInput,
    InvalidProgram,
    Limit,
    Program,
    ReferralEngine,
    ReferralEngineError,
    Reward,
    SystemClock,
    Unit,
)
from referral_engine.ports import BlockingStore, NonBlockingStore
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from tests.contract.stage import START, UNITS, HandClock, Stage, first_order, pays, program_of, spring_program


def test_every_name_of_the_example_is_importable_from_the_root():
    for name in ("Board", "Campaign", "Event", "Limit", "Program", "ReferralEngine", "Reward", "Rule", "Unit", "field"):
        assert name in referral_engine.__all__
        assert hasattr(referral_engine, name)


def test_all_that_is_listed_is_there():
    assert [name for name in referral_engine.__all__ if not hasattr(referral_engine, name)] == []
    assert len(set(referral_engine.__all__)) == len(referral_engine.__all__)


def test_the_program_of_the_example_builds_and_its_engine_works(spring):
    assert spring.engine.store.create_schema() is None
    spring.buy("bob", 2500)
    assert spring.engine.balance("alice").held == 500


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (spring_program(), "id"),
        (spring_program().campaigns[0], "starts_at"),
        (first_order(), "on"),
        (first_order().where, "all"),
        (first_order().give[0], "amount"),
        (first_order().limits[0], "times"),
        (Board("b", "referrals.total", "month"), "id"),
        (Unit(), "scale"),
        (Attribution(), "bind"),
        (Event(id="e", type="t", member="m"), "type"),
    ],
)
def test_configuration_and_events_are_frozen_pydantic_models_that_refuse_other_fields(value, name):
    assert isinstance(value, pydantic.BaseModel)
    assert value.model_config["strict"] is True
    assert value.model_config["extra"] == "forbid"
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        setattr(value, name, getattr(value, name))
    with pytest.raises(ReferralEngineError, match="there is no such field"):
        type(value).model_validate({**value.model_dump(by_alias=True), "surprise": 1})


def test_the_mappings_of_a_frozen_value_are_frozen_too():
    program = spring_program()
    with pytest.raises(TypeError, match="frozen"):
        program.units["gold"] = Unit()
    with pytest.raises(TypeError, match="frozen"):
        program.campaigns[0].budget.clear()
    with pytest.raises(TypeError, match="frozen"):
        Event(id="e", type="t", member="m", attributes={"a": 1}).attributes.pop("a")


def test_results_are_frozen_dataclasses(spring):
    outcome = spring.buy("bob")
    results = [
        outcome,
        *outcome.grants,
        spring.engine.member("bob"),
        spring.engine.referral("bob"),
        spring.engine.balance("bob"),
        spring.engine.budget("spring", "points"),
        spring.engine.invite_code("bob"),
        spring.engine.board("inviters").entry("alice"),
        spring.engine.messages()[0],
        spring.engine.statement("bob")[0],
        spring.engine.explain(outcome.event_id),
        spring.engine.release_due(),
    ]
    for result in results:
        with pytest.raises(FrozenInstanceError):
            setattr(result, fields(result)[0].name, None)


def test_starts_at_is_in_the_campaign_and_ends_at_is_not():
    """`starts_at`, `ends_at`: half-open."""
    begin, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    stage, tick = Stage(program_of(pays(7), starts_at=begin, ends_at=end)), timedelta(microseconds=1)
    paid = {at: bool(stage.buy("bob", at=at).grants) for at in (begin - tick, begin, end - tick, end)}
    assert paid == {begin - tick: False, begin: True, end - tick: True, end: False}


def test_building_an_engine_does_no_io():
    class Untouchable(MemoryStore):
        def __getattribute__(self, name: str) -> Any:
            value = super().__getattribute__(name)
            if inspect.ismethod(value):

                def touched(*_: object, **__: object) -> Any:
                    pytest.fail(f"{name} was called")

                return touched
            return value

    class Silent:
        def now(self) -> datetime:
            pytest.fail("the clock was asked")

    engine = ReferralEngine(Untouchable(), spring_program(), clock=Silent())
    assert engine.program.id == "acme"


def test_program_store_and_clock_are_readable_and_stay():
    store, program, clock = MemoryStore(), spring_program(), HandClock()
    engine = ReferralEngine(store, program, clock=clock)
    assert (engine.store, engine.program, engine.clock) == (store, program, clock)
    for name in ("store", "program", "clock"):
        with pytest.raises(AttributeError):
            setattr(engine, name, None)


def test_without_a_clock_the_machine_tells_the_time():
    clock = ReferralEngine(MemoryStore(), spring_program()).clock
    assert isinstance(clock, SystemClock)
    assert clock.now().tzinfo is not None


def test_any_object_with_now_is_a_clock():
    """`Clock` is a Protocol with `now() -> datetime`."""

    class Noon:
        def now(self) -> datetime:
            return datetime(2026, 3, 2, 20, tzinfo=timezone(timedelta(hours=8)))

    engine = ReferralEngine(MemoryStore(), spring_program(), clock=Noon())
    assert engine.join("alice").joined_at == datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_two_programs_share_one_store_and_see_nothing_of_each_other():
    store = MemoryStore()
    acme, other = Stage(spring_program(), store=store), Stage(spring_program(id="other"), store=store)
    acme.signup("alice")
    acme.signup("bob", by="alice")
    assert acme.buy("bob", id="same").grants
    code = acme.engine.invite_code("alice")
    assert other.engine.member("alice") is None
    assert other.engine.balance("bob").available == 0
    assert other.codes(other.signup("carol", by="alice")) == ["unknown_referrer"]
    assert other.codes(other.signup("dave", code=code.text)) == ["unknown_code"]
    assert other.buy("bob", id="same").status == "accepted"
    assert other.engine.board("inviters").count() == 0
    assert other.engine.budget("spring", "points").remaining == 1_000_000
    assert [one.payload.get("referee") for one in other.engine.messages()] == []
    assert acme.engine.verify() == other.engine.verify() == []


def test_two_engines_of_two_revisions_share_one_store_and_each_outcome_names_its_own():
    store, old, new = MemoryStore(), program_of(pays(100)), program_of(pays(150))
    before, after = Stage(old, store=store), Stage(new, store=store)
    first, second = before.buy("bob", id="p-1"), after.buy("bob", id="p-2")
    assert old.revision != new.revision
    assert (first.revision, second.revision) == (old.revision, new.revision)
    assert after.buy("bob", id="p-1").revision == old.revision, "a duplicate is the first outcome"
    assert after.engine.balance("bob").available == 250
    assert after.engine.verify() == []


def test_limits_are_counted_on_over_a_new_revision():
    store, limits = MemoryStore(), [Limit(times=2, per="referee")]
    old = Stage(program_of(pays(limits=limits)), store=store)
    new = Stage(program_of(pays(limits=limits, priority=3)), store=store)
    assert old.buy("bob", id="p-1").grants
    assert new.buy("bob", id="p-2").grants
    assert new.codes(new.buy("bob", id="p-3")) == ["limited"]


def test_stores_are_safe_for_threads():
    stage = Stage(program_of(pays(1), budget={"points": 150}))

    def buy(n: int) -> str:
        outcome = stage.engine.record(Event(id=f"p-{n % 200}", type="purchase", member=f"m{n % 200 % 7}", amount=5))
        return outcome.status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(buy, range(400)))
    assert statuses.count("accepted") == statuses.count("duplicate") == 200
    assert stage.engine.budget("spring", "points").spent == 150
    assert stage.engine.verify() == []


def test_each_engine_refuses_the_other_kind_of_store():
    with pytest.raises(InvalidInput) as refused:
        ReferralEngine(AsyncMemoryStore(), spring_program())
    assert refused.value.name == "store"
    with pytest.raises(InvalidInput) as refused:
        AsyncReferralEngine(MemoryStore(), spring_program())
    assert refused.value.name == "store"


def test_create_schema_may_be_called_again_and_stores_are_context_managers():
    with MemoryStore() as store:
        store.create_schema()
        store.create_schema()
        assert isinstance(store, BlockingStore)
    store.close()
    store.close()


async def async_store_life() -> AsyncMemoryStore:
    async with AsyncMemoryStore() as store:
        await store.create_schema()
        await store.create_schema()
    await store.close()
    return store


def test_the_async_store_is_an_async_context_manager():
    with pytest.raises(StopIteration) as done:
        async_store_life().send(None)
    assert isinstance(done.value.value, NonBlockingStore)


def test_the_async_engine_has_the_same_methods_as_coroutines():
    engine = AsyncReferralEngine(AsyncMemoryStore(), spring_program(), clock=HandClock())

    async def story() -> list[Any]:
        await engine.record(Event(id="s-1", type="signup", member="alice"))
        await engine.record_many([{"id": "s-2", "type": "signup", "member": "bob", "referrer": "alice"}])
        outcome = await engine.record(Event(id="p-1", type="purchase", member="bob", amount=2500))
        board = await engine.board("inviters")
        return [outcome.status, (await engine.balance("alice")).held, await board.rank("alice"), await engine.verify()]

    with pytest.raises(StopIteration) as done:
        story().send(None)
    assert done.value.value == ["accepted", 500, 1, []]


def test_bind_refuses_a_connection_that_the_store_cannot_write_through(spring):
    with pytest.raises(InvalidInput) as refused:
        spring.engine.bind(object())
    assert refused.value.name == "connection"


def test_reward_campaign_board_and_program_take_their_first_arguments_by_place():
    """`Reward(to, unit, amount, *, …)`, `Campaign(id, starts_at, ends_at, rules, *, …)`, `Board(…)`, `Program(…)`."""
    assert Reward("referrer", "points", 500) == Reward(to="referrer", unit="points", amount=500)
    assert Campaign("spring", None, None, []) == Campaign(id="spring")
    assert Board("b", "referrals.total", "month") == Board(id="b", metric="referrals.total", period="month")
    assert Program("acme", UNITS, []) == Program(id="acme", units=UNITS, campaigns=[])


@pytest.mark.parametrize(
    "build",
    [
        lambda: Reward("referrer", "points", 500, timedelta(1)),
        lambda: Limit(10, per="referrer"),
        lambda: Campaign("spring", None, None, [], {"points": 1}),
        lambda: Board("b", "referrals.total", "month", "competition"),
        lambda: Program("acme", UNITS, [], "UTC"),
        lambda: Reward("referrer", "points", 500, to="referee"),
    ],
)
def test_the_other_arguments_are_by_name_only(build):
    with pytest.raises(InvalidProgram) as refused:
        build()
    assert refused.value.problems[0].code == "arguments"


def test_defaults_are_those_of_the_contract():
    campaign, board, limit = Campaign(id="c"), Board("b", "referrals.total", "month"), Limit(times=1, per="pair")
    program = Program("acme", UNITS, [])
    assert Reward("referrer", "points", 1).hold is None
    assert (limit.within, limit.over, limit.amount, limit.unit) == ("lifetime", "skip", None, None)
    assert (campaign.budget, campaign.over_budget, campaign.boards) == (None, "skip", ())
    assert (board.ranking, board.ties) == ("competition", "earliest")
    assert (program.timezone, program.attribution) == ("UTC", Attribution())


def test_a_campaign_takes_qualify_none_which_is_the_signup():
    """`Campaign(…, qualify=None, …)`: `qualify` defaults to the sign-up."""
    assert Campaign(id="c", qualify=None) == Campaign(id="c")


def test_rule_ids_and_board_ids_are_unique_within_a_program():
    twice = [Campaign(id="a", rules=[pays()]), Campaign(id="b", rules=[pays(), pays(5, id="other")])]
    with pytest.raises(InvalidProgram) as refused:
        Program("acme", UNITS, twice)
    assert [(one.path, one.code) for one in refused.value.problems] == [("campaigns[1].rules[0].id", "duplicate_id")]
    board = Board("b", "referrals.total", "month")
    with pytest.raises(InvalidProgram) as refused:
        Program("acme", UNITS, [Campaign(id="a", boards=[board]), Campaign(id="b", boards=[board])])
    assert refused.value.path == "campaigns[1].boards[0].id"


def test_rules_of_two_campaigns_judge_one_event():
    """Campaigns stand side by side; each pays by its own window and budget."""
    early = Campaign(id="early", ends_at=START, rules=[pays(1, id="early")])
    late = Campaign(id="late", starts_at=START, rules=[pays(2, id="late")], budget={"points": 2})
    stage = Stage(Program("acme", UNITS, [early, late]))
    assert [grant.rule for grant in stage.buy("bob").grants] == ["late"]
    assert [grant.rule for grant in stage.buy("bob", at=START - timedelta(1)).grants] == ["early"]
    assert stage.engine.budget("late", "points").remaining == 0
    assert stage.engine.budget("early", "points").remaining is None


def test_a_rule_has_its_own_half_open_interval_inside_its_campaign():
    rule = pays(starts_at=START, ends_at=START + timedelta(hours=1))
    stage = Stage(program_of(rule))
    assert [bool(stage.buy("bob", at=START + timedelta(hours=n)).grants) for n in (-1, 0, 1)] == [False, True, False]


def test_higher_priority_draws_on_the_budget_first_then_id():
    rules = [pays(60, id="a"), pays(70, id="b", priority=1), pays(40, id="c")]
    stage = Stage(program_of(*rules, budget={"points": 110}))
    outcome = stage.buy("bob")
    assert [grant.rule for grant in outcome.grants] == ["b", "c"]
    assert [verdict.rule for verdict in stage.engine.explain(outcome.event_id).verdicts] == ["b", "a", "c"]
    shuffled = Stage(program_of(*reversed(rules), budget={"points": 110}))
    assert [grant.rule for grant in shuffled.buy("bob").grants] == ["b", "c"], "listing order never matters"
