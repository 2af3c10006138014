"""Scenarios: short forms, deterministic ids, time that releases, and explanations for people."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

import referral_engine.testing
from referral_engine import (
    Board,
    Campaign,
    Event,
    InsufficientBalance,
    InvalidInput,
    Limit,
    Program,
    Reward,
    Rule,
    Unit,
    field,
    rule,
)
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.testing import FakeClock, Scenario

START = "2026-03-01T00:00:00+08:00"


@rule(on="review", version="1")
def kind_words(ctx):
    """10 points for a review; a word that is not there raises."""
    if ctx.event.attributes["stars"] >= 4:
        yield ctx.award("member", points=10, because="a kind review")
    else:
        yield ctx.because("too few stars")


FIRST_ORDER = Rule(
    id="first-order",
    on="purchase",
    where=(field("event.amount") >= 2000) & (field("referee.count.purchase") == 1),
    give=[
        Reward(to="referrer", unit="points", amount=500, hold=timedelta(days=14)),
        Reward(to="referee", unit="points", amount=200),
    ],
    limits=[Limit(times=2, per="referrer", within="month")],
)
CASH_BACK = Rule(
    id="cash-back",
    on="purchase",
    where="event.attributes.country == 'CN'",
    give=[Reward(to="member", unit="usd", amount=25)],
)


def program_of(*rules, units=("points", "usd")) -> Program:
    return Program(
        id="acme",
        units={name: Unit() for name in units},
        timezone="Asia/Shanghai",
        campaigns=[
            Campaign(
                id="spring",
                rules=list(rules),
                budget={units[0]: 10_000},
                boards=[Board(id="inviters", metric="referrals.qualified", period="month")],
            )
        ],
    )


PROGRAM = program_of(FIRST_ORDER, CASH_BACK, kind_words)


@pytest.fixture
def s() -> Scenario:
    return Scenario(PROGRAM, start=START)


@pytest.fixture
def referred(s) -> Scenario:
    s.signup("alice")
    s.signup("bob", by="alice")
    return s


def test_a_campaign_is_lived_through_in_a_few_lines(referred):
    outcome = referred.do("bob", "purchase", amount=2500)
    assert [grant.amount for grant in outcome.grants] == [500, 200]
    assert referred.balance("alice").held == 500
    assert referred.balance("bob").available == 200
    assert referred.budget("spring").remaining == 9_300
    assert referred.board("inviters").rank("alice") == 1
    referred.refund(outcome, 1250)
    assert referred.balance("alice").held == 250
    assert referred.advance(days=14).holds == 1
    assert referred.balance("alice").available == 250
    assert referred.redeem("alice", 100).amount == 100
    assert referred.balance("alice").available == 150
    assert referred.engine.verify() == []


def test_the_rule_object_is_the_one_that_production_runs(s):
    assert s.engine.program is PROGRAM
    assert s.engine.program.campaigns[0].rules[2] is kind_words
    assert [grant.rule for grant in s.do("alice", "review", stars=5).grants] == ["kind_words"]


def test_a_member_signs_up_alone_by_a_referrer_or_with_a_code(s):
    assert s.signup("alice").referral is None
    assert s.signup("bob", by="alice").referral.referrer == "alice"
    code = s.engine.invite_code("alice")
    assert s.signup("carol", code=code).referral.code == code.text
    assert s.signup("dave", code=code.text).referral.referrer == "alice"
    assert [reason.code for reason in s.signup("erin", by="nobody").reasons] == ["unknown_referrer"]
    assert s.signup("frank", by="alice", code=code).status == "rejected"


def test_ids_are_made_of_type_and_member_and_count_up(referred):
    referred.do("bob", "purchase", amount=1)
    first = referred.do("bob", "purchase", amount=2)
    referred.refund(first)
    referred.signup("bob")
    referred.do("alice", "purchase")
    assert [outcome.event_id for outcome in referred.outcomes] == [
        "signup-alice",
        "signup-bob",
        "purchase-bob-1",
        "purchase-bob-2",
        "refund-bob-1",
        "signup-bob-2",
        "purchase-alice-1",
    ]


def test_two_that_would_make_the_same_id_get_different_ones(s):
    ids = [s.signup("bob").event_id, s.signup("bob").event_id, s.signup("bob-2").event_id, s.signup("bob").event_id]
    assert ids == ["signup-bob", "signup-bob-2", "signup-bob-2-2", "signup-bob-3"]
    assert {outcome.status for outcome in s.outcomes} == {"accepted"}
    assert s.engine.member("bob-2") is not None


@pytest.mark.parametrize("member", ["m" * 128, "a:b/c=d._-e"])
def test_any_member_that_is_valid_can_take_part(s, member):
    assert s.signup(member).status == "accepted"
    assert s.do(member, "purchase", amount=5, country="CN").status == "accepted"
    assert s.redeem(member, 25, "usd").member == member
    assert s.refund(s.outcomes[1]).status == "accepted"


def test_an_id_of_ones_own_and_the_same_event_again(s):
    assert s.do("bob", "purchase", amount=5, event_id="ord-1").event_id == "ord-1"
    assert s.do("bob", "purchase", amount=5, event_id="ord-1").status == "duplicate"
    assert [reason.code for reason in s.do("bob", "purchase", amount=6, event_id="ord-1").reasons] == [
        "idempotency_conflict"
    ]
    assert repr(s) == "<Scenario acme at 2026-02-28T16:00:00+00:00: 1 accepted, 1 duplicate, 1 rejected>"


def test_events_happen_at_the_clock_or_when_they_are_said_to(s):
    s.do("bob", "purchase", amount=5)
    s.advance(days=1, hours=2)
    s.do("bob", "purchase", amount=5)
    s.do("bob", "purchase", amount=5, at="2026-02-01T00:00:00Z")
    at = [s.engine.explain(f"purchase-bob-{n}").at for n in (1, 2, 3)]
    start = datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert at == [start, start + timedelta(days=1, hours=2), datetime(2026, 2, 1, tzinfo=UTC)]


def test_attributes_are_keywords_or_a_mapping_for_those_that_cannot_be(s):
    paid = s.do("bob", "purchase", amount=5, country="CN", attributes={"at": "home", "event_id": 7})
    assert [grant.unit for grant in paid.grants] == ["usd"]
    assert s.do("bob", "purchase", amount=5, member="x", event_type="y").status == "accepted"


def test_a_rejected_event_is_an_outcome_and_its_story_says_why(s):
    assert s.do("bob", "purchase", amount=0).status == "rejected"
    assert s.do("a bob", "purchase", amount=1).status == "rejected"
    assert s.do(5, "purchase", amount=1).status == "rejected"
    assert s.do("b\ud800b", "purchase", amount=1).status == "rejected"
    assert s.record({"id": "x"}).status == "rejected"
    assert s.record(None).status == "rejected"
    assert s.do("bob", "review").status == "rejected"
    told = s.story()
    assert "purchase purchase-bob-1 of bob: rejected\n  invalid_event (path=amount" in told
    assert "path=member" in told
    assert "path=id" not in told
    assert "review review-bob-1 of bob: rejected\n  kind_words: rule_error (error=KeyError" in told
    assert len(s.outcomes) == 7
    assert s.engine.member("bob") is None


def test_an_event_of_ones_own_making_is_part_of_the_story(s):
    event = Event(id="late", type="purchase", member="bob", at=datetime(2026, 3, 1, tzinfo=UTC), amount=3)
    assert s.record(event).status == "accepted"
    assert s.refund(event).reversals == ()
    assert s.refund("late").status == "rejected"
    assert "purchase late of bob at 2026-03-01T00:00:00+00:00" in s.story()


def test_a_refund_names_an_event_by_itself_its_outcome_or_its_id(referred):
    paid = referred.do("bob", "purchase", amount=2500)
    assert [back.amount for back in referred.refund(paid, 500).reversals] == [100, 40]
    assert [back.amount for back in referred.refund("purchase-bob-1", 500).reversals] == [100, 40]
    assert [back.amount for back in referred.refund(paid).reversals] == [300, 120]
    assert [reason.code for reason in referred.refund(paid).reasons] == ["refund_exceeds"]


def test_a_refund_of_what_was_never_given_is_the_callers_mistake(s):
    with pytest.raises(InvalidInput, match="no event 'purchase-bob-1' is recorded"):
        s.refund("purchase-bob-1")
    unreadable = s.record({"type": "purchase"})
    with pytest.raises(InvalidInput, match="what"):
        s.refund(unreadable)
    rejected = s.do("bob", "purchase", amount=0)
    assert [reason.code for reason in s.refund(rejected).reasons] == ["unknown_event"]


def test_advance_releases_all_that_is_due_and_only_that(referred, monkeypatch):
    referred.signup("carol", by="alice")
    referred.do("bob", "purchase", amount=2500)
    referred.advance(timedelta(days=1))
    referred.do("carol", "purchase", amount=2500)
    release_due = type(referred.engine).release_due
    monkeypatch.setattr(type(referred.engine), "release_due", lambda engine: release_due(engine, limit=1))
    assert referred.advance(days=13, hours=-1).holds == 0
    assert referred.advance(hours=1).holds == 1
    assert referred.balance("alice").available == referred.balance("alice").held == 500
    assert referred.advance(weeks=1, minutes=1).holds == 1
    assert referred.advance().holds == 0
    assert referred.clock.now() == datetime(2026, 3, 21, 16, 1, tzinfo=UTC)


def test_one_advance_releases_more_than_one_call_of_the_engine_would(referred, monkeypatch):
    referred.signup("carol", by="alice")
    referred.do("bob", "purchase", amount=2500)
    referred.do("carol", "purchase", amount=2500)
    release_due = type(referred.engine).release_due
    monkeypatch.setattr(type(referred.engine), "release_due", lambda engine: release_due(engine, limit=1))
    released = referred.advance(days=14)
    assert (released.holds, released.more) == (2, False)
    assert "clock at 2026-03-14T16:00:00+00:00: 2 holds released" in referred.story()


@pytest.mark.parametrize("span", [{"days": -1}, {"days": "14"}, {"days": 10**9}, {"weeks": 10**12}])
def test_time_that_cannot_pass_is_refused(s, span):
    before = s.clock.now()
    with pytest.raises(InvalidInput):
        s.advance(**span)
    with pytest.raises(InvalidInput):
        s.advance(14)
    assert before == s.clock.now()


def test_redemptions_get_a_new_key_each_unless_one_is_given(s):
    for _ in range(3):
        s.do("bob", "review", stars=5)
    assert [s.redeem("bob", 5).reference for _ in range(2)] == ["redemption-bob-1", "redemption-bob-2"]
    assert s.redeem("bob", 5, key="k", memo="mug") == s.redeem("bob", 5, key="k", memo="mug")
    with pytest.raises(InsufficientBalance):
        s.redeem("bob", 1_000)
    assert "redemption redemption-bob-2 of bob at 2026-02-28T16:00:00+00:00: 5 points" in s.story()


def test_the_unit_is_points_else_the_only_one_else_it_must_be_named(s):
    assert s.balance("bob") == s.balance("bob", "points") == s.balance("bob", "usd")
    only = Scenario(program_of(units=("usd",)), start=START)
    assert only.budget("spring").total == 10_000
    several = Scenario(program_of(units=("usd", "eur")), start=START)
    with pytest.raises(InvalidInput, match="name one of eur, usd"):
        several.balance("bob")
    with pytest.raises(InvalidInput, match="no unit ''"):
        s.balance("bob", "")


def test_why_tells_every_decision_of_a_rule_about_her(referred):
    referred.do("bob", "purchase", amount=1999)
    referred.signup("carol", by="alice")
    paid = referred.do("carol", "purchase", amount=2500)
    referred.refund(paid)
    referred.signup("dave")
    referred.do("dave", "purchase", amount=2500)
    told = referred.why("alice", rule="first-order")
    assert "purchase purchase-bob-1 of bob" in told
    assert "first-order: not_met, event.amount was 1999 (where.all[0])" in told
    assert "referrer alice: 500 points, held until" in told
    assert "took back 500 points of alice" in told
    assert "dave" not in told
    assert "cash-back" not in told
    assert told.index("purchase-bob-1") < told.index("purchase-carol-1") < told.index("refund-carol-1")
    of_carol = referred.why("carol", "first-order")
    assert "referee carol: 200 points" in of_carol
    assert "bob" not in of_carol
    assert "first-order: skipped, no_referrer" in referred.why("dave", "first-order")


def test_why_without_a_rule_tells_all_of_them(referred):
    referred.do("bob", "purchase", amount=2500)
    told = referred.why("bob")
    assert "referred by alice" in told
    assert "first-order: matched" in told
    assert "cash-back: not_met, event.attributes.country was missing" in told


def test_why_names_limits_words_of_python_rules_and_errors(referred):
    for name in ("carol", "dave"):
        referred.signup(name, by="alice")
    for name in ("bob", "carol", "dave"):
        referred.do(name, "purchase", amount=2500)
    assert "first-order: limited" in referred.why("alice", "first-order").rpartition("purchase-dave-1")[2]
    referred.do("bob", "review", stars=1)
    referred.do("bob", "review")
    told = referred.why("bob", "kind_words")
    assert "because: too few stars" in told
    assert "kind_words: rule_error (error=KeyError" in told
    assert "rule_error" not in referred.why("bob", "first-order")


def test_why_tells_an_event_once_and_of_attempts_that_name_her(referred):
    referred.do("bob", "purchase", amount=2500, event_id="ord-1")
    referred.do("bob", "purchase", amount=2500, event_id="ord-1")
    assert referred.why("bob", "first-order").count("ord-1") == 1
    assert "ord-1 of bob: duplicate" in referred.story()
    referred.signup("dave")
    referred.signup("dave", by="alice")
    assert "already_member" in referred.why("alice")


def test_why_of_somebody_nothing_is_known_about(s):
    assert s.why("zoe") == "no event concerns zoe"
    assert s.why("zoe", "first-order") == "rule first-order decided nothing about zoe"
    with pytest.raises(InvalidInput, match="no rule 'first_order'; it has: first-order, cash-back, kind_words"):
        s.why("zoe", "first_order")
    with pytest.raises(InvalidInput, match="member"):
        s.why("z o e")


def test_the_story_of_nothing_names_the_program(s):
    assert s.story() == f"program acme, revision {PROGRAM.revision[:12]}\nnothing happened"
    assert repr(s) == "<Scenario acme at 2026-02-28T16:00:00+00:00: no events>"


def test_a_later_scenario_goes_on_in_the_same_store_with_ids_of_its_own():
    store = MemoryStore()
    before = Scenario(PROGRAM, start=START, store=store)
    before.do("bob", "review", stars=5)
    before.redeem("bob", 5)
    after = Scenario(program_of(kind_words), start="2026-04-01T00:00:00Z", store=store)
    assert after.do("bob", "review", stars=5).event_id == "review-bob-2"
    assert after.redeem("bob", 5).reference == "redemption-bob-2"
    assert after.refund("review-bob-1").reversals[0].amount == 10
    assert after.engine.store is store
    assert after.engine.verify() == []


def test_a_database_is_made_ready(tmp_path):
    from referral_engine.storage.sqlalchemy import SQLAlchemyStore

    with SQLAlchemyStore(f"sqlite:///{tmp_path}/acme.db") as store:
        s = Scenario(PROGRAM, start=START, store=store)
        s.signup("alice")
        s.signup("bob", by="alice")
        s.do("bob", "purchase", amount=2500)
        s.advance(days=14)
        assert s.balance("alice").available == 500
        assert s.engine.verify() == []


def test_what_is_no_program_start_or_store_is_refused():
    with pytest.raises(InvalidInput, match="program"):
        Scenario("acme", start=START)
    with pytest.raises(InvalidInput, match="start"):
        Scenario(PROGRAM, start="yesterday")
    with pytest.raises(InvalidInput, match="AsyncMemoryStore is"):
        Scenario(PROGRAM, start=START, store=AsyncMemoryStore())


def test_the_package_needs_neither_pytest_nor_hypothesis():
    code = """
import sys
import referral_engine.testing as kit
from referral_engine.testing import FakeClock, Scenario
assert not {"pytest", "hypothesis"} & sys.modules.keys(), sys.modules.keys()
assert set(kit.__all__) <= set(dir(kit))
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_package_gives_its_names_when_asked():
    assert referral_engine.testing.FakeClock is FakeClock
    assert referral_engine.testing.StoreConformance.__name__ == "StoreConformance"
    with pytest.raises(AttributeError, match="nothing_such"):
        referral_engine.testing.nothing_such  # noqa: B018 - asking is the test
