"""Contract, "Conditions": the three forms, that they give equal rules, and what they hold for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from referral_engine import Program, RuleError, field
from tests.contract.stage import START, Stage, pays, program_of

NOON = "2026-03-02T12:00:00Z"

FORMS = [
    (field("event.amount") == 5, "event.amount == 5", {"field": "event.amount", "op": "eq", "value": 5}),
    (field("event.amount") != 5, "event.amount != 5", {"field": "event.amount", "op": "ne", "value": 5}),
    (field("event.amount") < 5, "event.amount < 5", {"field": "event.amount", "op": "lt", "value": 5}),
    (field("event.amount") <= 5, "event.amount <= 5", {"field": "event.amount", "op": "le", "value": 5}),
    (field("event.amount") > 5, "event.amount > 5", {"field": "event.amount", "op": "gt", "value": 5}),
    (field("event.amount") >= 5, "event.amount >= 5", {"field": "event.amount", "op": "ge", "value": 5}),
    (
        field("event.member").in_("bob", "carol"),
        'event.member in ["bob", "carol"]',
        {"field": "event.member", "op": "in", "value": ["bob", "carol"]},
    ),
    (
        field("event.member").not_in(["bob"]),
        'event.member not in ["bob"]',
        {"field": "event.member", "op": "not_in", "value": ["bob"]},
    ),
    (
        field("event.amount").between(1, 9),
        "event.amount between 1 and 9",
        {"field": "event.amount", "op": "between", "value": [1, 9]},
    ),
    (field("event.amount").exists(), "event.amount exists", {"field": "event.amount", "op": "exists"}),
    (
        field("event.attributes.note").contains("gift"),
        'event.attributes.note contains "gift"',
        {"field": "event.attributes.note", "op": "contains", "value": "gift"},
    ),
    (
        field("event.member").starts_with("bo"),
        'event.member starts_with "bo"',
        {"field": "event.member", "op": "starts_with", "value": "bo"},
    ),
    (
        (field("event.amount") >= 2000) & (field("referee.count.purchase") == 1),
        "event.amount >= 2000 and referee.count.purchase == 1",
        {
            "all": [
                {"field": "event.amount", "op": "ge", "value": 2000},
                {"field": "referee.count.purchase", "op": "eq", "value": 1},
            ]
        },
    ),
    (
        (field("event.amount") == 1) | (field("event.amount") == 2),
        "event.amount == 1 or event.amount == 2",
        {"any": [{"field": "event.amount", "op": "eq", "value": 1}, {"field": "event.amount", "op": "eq", "value": 2}]},
    ),
    (
        ~(field("referrer.tag.gold") == True),  # noqa: E712 - the builder compares
        "not referrer.tag.gold == true",
        {"not": {"field": "referrer.tag.gold", "op": "eq", "value": True}},
    ),
    (
        field("event.at") >= datetime(2026, 3, 2, 12, tzinfo=UTC),
        f'event.at >= "{NOON}"',
        {"field": "event.at", "op": "ge", "value": NOON},
    ),
]


@pytest.mark.parametrize(("built", "text", "data"), FORMS)
def test_the_three_forms_give_equal_rules(built, text, data):
    rules = [pays(where=built), pays(where=text), pays(where=data)]
    assert rules[0] == rules[1] == rules[2]
    assert len({program_of(rule).revision for rule in rules}) == 1
    assert rules[1].model_dump(mode="json")["where"] == data, "a condition is written as data"


@pytest.mark.parametrize(("built", "text", "data"), FORMS)
def test_each_form_round_trips_through_json(built, text, data):
    program = program_of(pays(where=text))
    assert Program.model_validate_json(program.model_dump_json()) == program


def test_a_condition_has_no_truth_so_a_chained_comparison_cannot_slip_through():
    """`bool(condition)` raises."""
    amount = field("event.amount")
    for wrong in (
        lambda: bool(amount > 5),
        lambda: 5 < amount < 9,
        lambda: amount > 5 and amount < 9,
        lambda: amount > 5 or amount < 9,
        lambda: not (amount > 5),
        lambda: bool(amount),
    ):
        with pytest.raises(RuleError, match=r"neither true nor false|compare the fact"):
            wrong()


def outcome_for(where: object, **event: object) -> tuple[bool, str | None, object]:
    stage = Stage(program_of(pays(where=where)))
    outcome = stage.engine.record(stage.event("purchase", "bob", **event))
    verdict = stage.engine.explain(outcome.event_id).verdicts[0]
    return bool(outcome.grants), verdict.field, verdict.found


@pytest.mark.parametrize(
    "where",
    [
        "event.amount == 5",
        "event.amount != 5",
        "event.amount < 5",
        "event.amount >= 5",
        "event.amount in [5]",
        "event.amount not in [5]",
        "event.amount between 1 and 9",
        "event.amount exists",
        "referrer.count.purchase >= 0",
        "referral.state != 'pending'",
        "event.attributes.x != 1",
        "event.attributes.none != 1",
        "event.attributes.none exists",
    ],
)
def test_a_missing_or_null_field_fails_every_leaf_and_the_explanation_says_missing(where):
    stage = Stage(program_of(pays(where=where)))
    outcome = stage.engine.record(stage.event("purchase", "bob", attributes={"none": None}))
    assert outcome.grants == ()
    text = stage.engine.explain(outcome.event_id).text()
    assert "not_met" in text
    assert "missing" in text


def test_types_do_not_coerce():
    assert outcome_for("event.attributes.n == 1", attributes={"n": 1})[0]
    for other in (True, "1", [1]):
        assert not outcome_for("event.attributes.n == 1", attributes={"n": other})[0]
    assert not outcome_for("event.attributes.n == true", attributes={"n": 1})[0]


@pytest.mark.parametrize(
    ("where", "event"),
    [
        ("event.id == 'e'", {"id": "e"}),
        ("event.type == 'purchase'", {}),
        ("event.member == 'bob'", {}),
        ("event.amount == 3", {"amount": 3}),
        (f"event.at == '{NOON}'", {"at": START}),
        (f"event.at == '{NOON}'", {}),
        ("event.attributes.country == 'CN'", {"attributes": {"country": "CN"}}),
        ("event.attributes.kinds contains 'gift'", {"attributes": {"kinds": ["gift", "new"]}}),
        ("referee.count.purchase == 1", {}),
        ("referee.sum.purchase == 3", {"amount": 3}),
        ("referee.age_days == 0", {}),
        ("referee.referrals.total == 0", {}),
        ("referee.tag.gold == false", {}),
    ],
)
def test_the_facts_of_the_event_and_its_member(where, event):
    assert outcome_for(where, **event)[0]


@pytest.mark.parametrize(
    "where",
    [
        "referrer.referrals.total == 2",
        "referrer.referrals.qualified == 2",
        "referrer.role.seed == true",
        "referrer.tag.gold == true",
        "referrer.count.purchase == 1",
        "referrer.sum.purchase == 70",
        "referrer.age_days == 3",
        "referral.age_days == 2",
        "referral.state == 'qualified'",
        "not referral.campaign exists",
    ],
)
def test_the_facts_of_the_referral_and_the_referrer(where):
    stage = Stage(program_of(pays(where=where, to="referrer")))
    stage.engine.join("alice", at=START.replace(day=1), roles=["seed"], tags=["gold"])
    stage.signup("bob", by="alice", at=START)
    stage.signup("carol", by="alice")
    stage.buy("alice", 70)
    assert stage.buy("bob", at=START.replace(day=4)).grants


def test_count_and_sum_include_the_event_that_is_judged_when_it_is_of_that_type():
    stage = Stage(program_of(pays(where="referee.count.purchase == 1 and referee.sum.purchase == 9")))
    assert stage.buy("bob", 9).grants
    assert not stage.buy("bob", 9).grants
    other = Stage(program_of(pays(where="referee.count.checkin == 1")))
    assert not other.buy("bob").grants
    other.engine.record(other.event("checkin", "bob"))
    assert other.buy("bob").grants


def test_an_unknown_fact_is_refused_with_a_suggestion():
    with pytest.raises(RuleError, match=r"event\.amount"):
        field("event.amuont")
    with pytest.raises(RuleError, match=r"event\.amount"):
        pays(where="event.amuont >= 5")


@pytest.mark.parametrize("where", ["event.amount == '5'", "event.member >= 5", "referrer.tag.gold == 1"])
def test_a_literal_of_a_type_that_the_fact_cannot_have_is_refused(where):
    with pytest.raises(RuleError):
        pays(where=where)


@pytest.mark.parametrize(
    "name", ["referee.count.purchase@month", "referee.level", "referral.channel", "upline.age_days"]
)
def test_facts_of_later_issues_are_absent(name):
    with pytest.raises(RuleError):
        field(name)
