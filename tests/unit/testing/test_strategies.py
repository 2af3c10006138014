"""Strategies: what they draw is valid, varied, and worth recording."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from referral_engine import Campaign, CodeSpec, Event, InviteCode, Program, Reward, Rule, Unit, field
from referral_engine.codes import parse
from referral_engine.errors import InvalidInput
from referral_engine.ids import id_problem, name_problem
from referral_engine.rewards import AllOf, AnyOf, Condition, Leaf, Not
from referral_engine.testing import Scenario, strategies
from referral_engine.testing.strategies import (
    MEMBERS,
    amounts,
    attributes,
    conditions,
    event_ids,
    events,
    histories,
    invite_codes,
    member_ids,
    names,
    programs,
    rules,
    times,
)
from referral_engine.validation import AMOUNT_MAX

START = datetime(2026, 3, 1, tzinfo=UTC)
SPRING = Program(
    id="acme",
    units={"points": Unit()},
    campaigns=[
        Campaign(
            id="spring",
            starts_at=START,
            rules=[
                Rule(
                    id="large",
                    on="lease",
                    where=(field("event.amount") == 777_777) & (field("event.attributes.grade") == "A+"),
                    give=[Reward("member", "points", 5)],
                )
            ],
        )
    ],
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
finding = settings(max_examples=2_000, deadline=None, phases=[Phase.generate], derandomize=True, database=None)


@quick
@given(member_ids(), event_ids(), names())
def test_ids_and_names_are_accepted(member, event, name):
    assert [id_problem(member), id_problem(event), name_problem(name)] == [None, None, None]


@quick
@given(amounts(), amounts(5), amounts(20_000, 20_001))
def test_amounts_lie_between_their_bounds(any_amount, from_five, narrow):
    assert 1 <= any_amount <= AMOUNT_MAX
    assert 5 <= from_five <= AMOUNT_MAX
    assert narrow in {20_000, 20_001}


@quick
@given(times(), times(START, START + timedelta(microseconds=1)), times("2026-03-01T00:00:00Z", "2026-03-01T02:00:00Z"))
def test_times_are_aware_and_half_open(anywhere, lone, two_hours):
    assert anywhere.utcoffset() is not None
    assert anywhere.astimezone(UTC).year == 2026
    assert lone == START
    assert START <= two_hours < START + timedelta(hours=2)


def test_times_of_an_interval_that_is_none_are_refused():
    with pytest.raises(InvalidInput):
        times("2026-03-01", START)


@quick
@given(invite_codes(), invite_codes(CodeSpec(length=16, check=False, prefix="ACME", group=4)))
def test_codes_read_as_codes_of_their_spec(code, other):
    assert parse(CodeSpec(), code).problem is None
    assert parse(CodeSpec(length=16, check=False, prefix="ACME", group=4), other).problem is None


@quick
@given(events(), attributes())
def test_an_event_by_itself_survives_json(event, some):
    assert event == Event.model_validate_json(event.model_dump_json())
    assert event.member in MEMBERS
    assert Event(id="e", type="visit", member="bob", attributes=some).attributes.keys() == some.keys()


@quick
@given(histories())
def test_a_history_delivers_unique_ids_the_same_each_time_and_refunds_what_was_delivered(history):
    contents: dict[str, Event] = {}
    for event in history:
        assert contents.setdefault(event.id, event) == event
        assert event.at is not None
    for event in history:
        if event.of is not None:
            assert contents[event.of].member == event.member
            assert contents[event.of].type != "refund"


@quick
@given(histories(SPRING, members=["zoe"], size=5))
def test_a_history_keeps_to_what_it_was_asked_for(history):
    assert len(history) <= 5
    assert {event.member for event in history} <= {"zoe"}
    assert {event.type for event in history} <= {"signup", "purchase", "checkin", "lease", "refund"}
    assert all(event.at >= START for event in history)


@quick
@given(st.data())
def test_a_history_signs_up_with_codes_that_were_issued(data):
    s = Scenario(SPRING, start=START)
    code: InviteCode = s.engine.invite_code("alice")
    for event in data.draw(histories(SPRING, codes=[code.text])):
        s.record(event)
    assert s.engine.verify() == []
    assert s.engine.invite_code("alice").uses == sum(one.code == code.text for one in s.engine.referrals("alice"))


@quick
@given(st.data(), programs())
def test_any_history_of_any_program_is_decided_and_adds_up(data, program):
    s = Scenario(program, start=START)
    for event in data.draw(histories(program, size=12)):
        assert s.record(event).event_id == event.id
    s.advance(days=61)
    assert s.engine.verify() == []
    assert s.story()


@pytest.mark.parametrize(
    "wanted",
    [
        "referred by",
        "already_member",
        "unknown_referrer",
        "unknown_code",
        "self_referral",
        "unknown_event",
        "refund_exceeds",
        "took back",
        ": duplicate",
    ],
)
def test_histories_reach_what_matters(wanted):
    welcome = Rule(id="welcome", on="purchase", give=[Reward("member", "points", 5)])
    program = Program(id="acme", units={"points": Unit()}, campaigns=[Campaign(id="spring", rules=[welcome])])

    def reaches(history: list[Event]) -> bool:
        s = Scenario(program, start=START)
        for event in history:
            s.record(event)
        return wanted in s.story()

    assert find(histories(program), reaches, settings=finding)


def test_histories_deliver_some_events_late():
    assert find(histories(), lambda events: any(one.at > two.at for one, two in pairwise(events)), settings=finding)


def test_histories_meet_the_thresholds_of_a_programs_conditions():
    def pays(history: list[Event]) -> bool:
        s = Scenario(SPRING, start=START)
        return any(s.record(event).grants for event in history)

    assert find(histories(SPRING), pays, settings=finding)


@quick
@given(conditions(["visit"]))
def test_conditions_can_be_those_of_a_rule_in_any_form(condition):
    rule = Rule(id="r", on="visit", where=condition, give=[Reward("member", "points", 1)])
    assert rule == Rule(id="r", on="visit", where=rule.model_dump()["where"], give=rule.give)


@pytest.mark.parametrize("kind", [Leaf, AllOf, AnyOf, Not])
def test_conditions_are_of_every_kind(kind):
    found: Condition = find(conditions(), lambda one: isinstance(one, kind), settings=finding)
    assert isinstance(found, kind)


@quick
@given(rules(["points", "usd"], ["visit"]))
def test_rules_fit_a_program_with_their_units(rule):
    program = Program(id="acme", units={"points": Unit(), "usd": Unit()}, campaigns=[Campaign("spring", rules=[rule])])
    assert rule.on in {"visit", "signup"}
    assert program == Program.model_validate_json(program.model_dump_json())


@quick
@given(programs())
def test_programs_survive_json_with_their_revision(program):
    again = Program.model_validate_json(program.model_dump_json())
    assert again == program
    assert again.revision == program.revision


def test_programs_vary():
    seen = Counter()

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(programs())
    def look(program):
        seen["campaigns"] += len(program.campaigns) > 1
        seen["rules"] += any(campaign.rules for campaign in program.campaigns)
        seen["limits"] += any(rule.limits for campaign in program.campaigns for rule in campaign.rules)
        seen["budget"] += any(campaign.budget for campaign in program.campaigns)
        seen["boards"] += any(campaign.boards for campaign in program.campaigns)
        seen["units"] += len(program.units) > 1

    look()
    assert all(seen[what] >= 5 for what in ("campaigns", "rules", "limits", "budget", "boards", "units")), seen


def test_everything_that_is_offered_is_documented():
    assert all(getattr(strategies, name).__doc__ for name in strategies.__all__ if callable(getattr(strategies, name)))
