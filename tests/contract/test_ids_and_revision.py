"""Contract, "A program, and an engine over a store": ids, JSON, and the revision."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from referral_engine import (
    Board,
    Campaign,
    Event,
    InvalidEvent,
    InvalidInput,
    InvalidProgram,
    Limit,
    Program,
    Reward,
    RuleError,
    Unit,
    field,
    rule,
)
from tests.contract.stage import UNITS, Stage, first_order, pays, program_of, spring_program

PERSON_SIGNS = "ABCXYZabcxyz0189._:/=-"
GOOD_PERSONS = ["a", "A" * 128, PERSON_SIGNS, "4915112345678", "-", ".", "..", "user:17/x=1"]
BAD_PERSONS = [
    "",
    "a" * 129,
    "a b",
    "a@b.de",
    "@",
    "+4915112345678",
    "a+b",
    "ä",
    "\u0430",
    "\uff11\uff12",
    "a\n",
    "\0",
    "a,b",
    "a\ud800",
]
GOOD_NAMES = ["a", "9", "a" * 64, "A.b_c-1"]
BAD_NAMES = ["", "a" * 65, ".a", "_a", "-a", "a/b", "a:b", "a=b", "a@b", "+49", "a b", "é", "a\n"]


@rule(on="purchase", version="1", needs=["referee.count.purchase"])
def big_first_order(ctx):
    if ctx.event.amount >= 10_000 and ctx["referee.count.purchase"] == 1:
        yield ctx.award("referrer", points=1000, because="first order over 100.00")


@pytest.mark.parametrize("name", GOOD_PERSONS)
def test_member_and_event_ids_are_1_to_128_of_their_signs(name):
    stage = Stage(program_of(pays()))
    assert stage.buy(name, id=name).status == "accepted"
    assert stage.engine.member(name).id == name
    assert stage.engine.explain(name).event_id == name


@pytest.mark.parametrize("name", BAD_PERSONS)
def test_other_member_and_event_ids_are_refused(name):
    stage = Stage(program_of(pays()))
    for given in ({"id": name, "member": "bob"}, {"id": "e", "member": name}):
        with pytest.raises(InvalidEvent):
            Event(type="purchase", **given)
    with pytest.raises(InvalidInput) as refused:
        stage.engine.join(name)
    assert refused.value.name == "member_id"


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_program_campaign_rule_board_and_unit_ids_are_1_to_64_of_their_signs(name):
    campaign = Campaign(
        id=name, rules=[pays(id=name, unit=name)], boards=[Board(name, f"granted.{name}", "month")], budget={name: 5000}
    )
    program = Program(name, {name: Unit()}, [campaign])
    stage = Stage(program)
    assert stage.buy("bob").grants[0].unit == name
    assert stage.engine.balance("bob", name).available == 100
    assert stage.engine.budget(name, name).remaining == 4900
    assert stage.engine.board(name).rank("bob") == 1


@pytest.mark.parametrize("name", BAD_NAMES)
def test_other_program_campaign_rule_board_and_unit_ids_are_refused(name):
    for build in (
        lambda: Program(name, UNITS, []),
        lambda: Program("acme", {name: Unit()}, []),
        lambda: Campaign(id=name),
        lambda: pays(id=name),
        lambda: Board(name, "referrals.total", "month"),
        lambda: Reward("member", name, 5),
    ):
        with pytest.raises(InvalidProgram):
            build()


@pytest.mark.parametrize("name", ["anna@example.org", "+4915112345678", "a@b"])
def test_an_id_that_looks_like_personal_data_is_refused_and_the_error_says_so(name):
    """An id with `@`, or with `+` and a digit in front."""
    stage = Stage(program_of(pays()))
    with pytest.raises(InvalidInput, match="personal data"):
        stage.engine.join(name)
    with pytest.raises(InvalidEvent, match="personal data"):
        Event(id="e", type="purchase", member=name)
    with pytest.raises(InvalidProgram, match="personal data"):
        Program(name, UNITS, [])


def test_plain_digits_are_fine():
    assert Stage(program_of()).engine.join("4915112345678").id == "4915112345678"


def test_a_program_round_trips_through_json():
    program = spring_program(big_first_order)
    back = Program.model_validate_json(program.model_dump_json(), context={"rules": [big_first_order]})
    assert back == program
    assert back.revision == program.revision
    assert back.model_dump_json() == program.model_dump_json()


def test_every_field_survives_the_round_trip():
    edge = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=8)))
    campaign = Campaign(
        id="c",
        starts_at=edge,
        budget={"points": 0},
        rules=[
            pays(
                where=~(field("event.amount").between(1, 2) | field("event.at").exists()),
                limits=[Limit(amount=5, unit="points", per="pair", within="week", over="clamp")],
                starts_at=edge,
                ends_at=edge + timedelta(days=1),
                priority=-3,
            )
        ],
        boards=[Board("b", "count.purchase", "lifetime")],
    )
    program = Program("acme", UNITS, [campaign], timezone="Africa/Cairo")
    assert Program.model_validate_json(program.model_dump_json()) == program
    assert Program.model_validate(program.model_dump()) == program


def test_a_python_rule_is_written_as_name_and_version():
    written = json.loads(spring_program(big_first_order).model_dump_json())
    assert written["campaigns"][0]["rules"][1] == {"python": "big_first_order", "version": "1"}


@pytest.mark.parametrize("context", [None, {}, {"rules": []}, {"rules": [first_order]}])
def test_there_is_no_registry_a_python_rule_that_was_not_given_is_invalid(context):
    text = spring_program(big_first_order).model_dump_json()
    with pytest.raises(InvalidProgram, match="big_first_order") as refused:
        Program.model_validate_json(text, context=context)
    assert refused.value.path == "campaigns[0].rules[1]"


def test_a_python_rule_of_another_version_is_invalid():
    @rule(on="purchase", version="2")
    def big_first_order(ctx):
        return None

    text = spring_program(globals()["big_first_order"]).model_dump_json()
    with pytest.raises(InvalidProgram, match="version '1'"):
        Program.model_validate_json(text, context={"rules": [big_first_order]})


def test_the_revision_is_the_sha256_of_the_canonical_form():
    program = spring_program(big_first_order)
    assert program.revision == hashlib.sha256(program.canonical().encode()).hexdigest()


def test_the_canonical_form_leaves_defaults_out_sorts_keys_and_writes_times_in_utc_and_conditions_as_data():
    begin = datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    campaign = Campaign("spring", begin, None, [pays(where="event.amount >= 5 and event.type == 'purchase'")])
    expected = (
        '{"campaigns":[{"id":"spring","rules":[{"give":[{"amount":100,"to":"member","unit":"points"}],"id":"pays",'
        '"on":"purchase","where":{"all":[{"field":"event.amount","op":"ge","value":5},'
        '{"field":"event.type","op":"eq","value":"purchase"}]}}],"starts_at":"2026-03-01T00:00:00Z"}],'
        '"id":"acme","units":{"points":{}}}'
    )
    assert Program("acme", {"points": Unit()}, [campaign]).canonical() == expected


def test_two_spellings_of_one_program_have_one_revision():
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    one = program_of(pays(where="event.amount >= 5"), starts_at=begin, over_budget="skip")
    two = program_of(pays(where=field("event.amount") >= 5), starts_at=begin.astimezone(timezone(timedelta(hours=-3))))
    units = Program("acme", dict(reversed(UNITS.items())), one.campaigns, timezone="UTC")
    assert one.revision == two.revision == units.revision


@pytest.mark.parametrize(
    "other",
    [
        program_of(pays(101)),
        program_of(pays(to="referee")),
        program_of(pays(priority=1)),
        program_of(pays(), zone="Asia/Shanghai"),
        program_of(pays(), budget={"points": 0}),
        program_of(pays(where="event.amount >= 5")),
        program_of(pays(limits=[Limit(times=0, per="referee")])),
    ],
)
def test_whatever_decides_otherwise_has_another_revision(other):
    assert other.revision != program_of(pays()).revision


def test_every_outcome_carries_the_revision_that_decided_it(spring):
    revision = spring.engine.program.revision
    outcomes = [
        spring.buy("bob", id="p-1"),
        spring.buy("bob", id="p-1"),
        spring.buy("carol", id="p-1"),
        spring.refund("bob", "nothing"),
        spring.engine.record({"id": "x"}),
        spring.engine.record(None),
        spring.engine.preview(spring.event("purchase", "bob")),
    ]
    assert {outcome.revision for outcome in outcomes} == {revision}
    assert spring.engine.explain("p-1").revision == revision


def test_a_rule_alone_and_in_a_program_raise_rule_error_with_their_paths():
    with pytest.raises(RuleError) as alone:
        pays(
            where={"all": [{"field": "event.amount", "op": "ge", "value": 1}, {"field": "event.amout", "op": "exists"}]}
        )
    assert alone.value.path == "where.all[1].field"
    data = spring_program().model_dump()
    data["campaigns"][0]["rules"][0]["give"][1]["amount"] = 0
    with pytest.raises(RuleError) as whole:
        Program.model_validate(data)
    assert whole.value.path == "campaigns[0].rules[0].give[1].amount"
