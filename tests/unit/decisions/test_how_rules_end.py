"""The trace of an event says of each rule how it ended, and what it looked at: what `Explanation.text()` is made of."""

from __future__ import annotations

from typing import Any

import pytest

from referral_engine import Campaign, Limit, Program, rule
from referral_engine.outcomes import Verdict
from tests.contract.stage import DAY, START, UNITS, Stage, pays, program_of


def verdicts(stage: Stage, **event: Any) -> list[Verdict]:
    """How the rules end for one more purchase of bob's."""
    outcome = stage.buy("bob", **event)
    return list(stage.engine.explain(outcome.event_id).verdicts)


@rule("purchase", "1", limits=[Limit(times=1, per="referee")])
def talks(ctx: Any) -> Any:
    """Speaks, and pays more than a little."""
    yield ctx.award("member", points=70, because="a purchase")
    yield ctx.because("and a word more")


SAID = ("a purchase", "and a word more")


def test_a_rule_that_paid_matched_and_keeps_its_words():
    assert verdicts(Stage(program_of(talks))) == [Verdict("talks", "matched", because=SAID)]


def test_a_rule_that_a_limit_stopped_is_limited_and_keeps_its_words():
    stage = Stage(program_of(talks))
    stage.buy("bob")
    assert verdicts(stage) == [Verdict("talks", "limited", code="limited", because=SAID)]


def test_a_rule_without_money_left_is_skipped_and_keeps_its_words():
    stage = Stage(program_of(talks, budget={"points": 69}))
    assert verdicts(stage) == [Verdict("talks", "skipped", code="budget_exhausted", because=SAID)]


def test_a_rule_whose_end_of_the_referral_is_missing_is_skipped():
    stage = Stage(program_of(pays(to="referrer")))
    assert verdicts(stage) == [Verdict("pays", "skipped", code="no_referrer")]


@pytest.mark.parametrize("times", [{"starts_at": START + DAY}, {"ends_at": START}], ids=["not yet", "no more"])
def test_a_rule_outside_its_time_is_inactive(times):
    assert verdicts(Stage(program_of(pays(**times)))) == [Verdict("pays", "inactive")]


@pytest.mark.parametrize("times", [{"starts_at": START}, {"ends_at": START + DAY}], ids=["begins now", "ends later"])
def test_a_rule_within_its_time_matched(times):
    assert verdicts(Stage(program_of(pays(**times)))) == [Verdict("pays", "matched")]


@pytest.mark.parametrize(
    ("where", "field", "found"),
    [
        ("event.amount > 9999", "event.amount", 2500),
        ("event.attributes.vip == true", "event.attributes.vip", False),
        ("event.attributes.country == 'CN'", "event.attributes.country", "DE"),
        ("event.attributes.city == 'Bonn'", "event.attributes.city", None),
        ("event.attributes.nothing == 'Bonn'", "event.attributes.nothing", None),
        ("event.attributes.colours contains 'red'", "event.attributes.colours", "('blue', 'green')"),
        ("event.at > '2026-03-09T00:00:00Z'", "event.at", "2026-03-02T12:00:00+00:00"),
    ],
)
def test_a_condition_that_failed_is_named_with_what_it_saw(where, field, found):
    stage = Stage(program_of(pays(where=where)))
    attributes = {"vip": False, "country": "DE", "colours": ["blue", "green"], "nothing": None}
    (verdict,) = verdicts(stage, attributes=attributes)
    assert (verdict.status, verdict.field, verdict.found) == ("not_met", field, found)


def test_the_first_condition_that_failed_is_named_by_its_path():
    stage = Stage(program_of(pays(where="event.amount > 1 and event.amount > 9999")))
    one = Stage(program_of(pays(where="event.amount > 9999")))
    (inner,), (outer,) = verdicts(stage), verdicts(one)
    assert outer.path is not None
    assert inner.path is not None
    assert inner.path != outer.path
    assert "1" in inner.path, "the second of the two"


def test_a_rule_that_only_spoke_is_not_met_with_its_words():
    @rule("purchase", "1")
    def only_speaks(ctx: Any) -> Any:
        """Never pays."""
        yield ctx.because("not today")

    assert verdicts(Stage(program_of(only_speaks))) == [Verdict("only_speaks", "not_met", because=("not today",))]


def two_campaigns() -> Stage:
    """Alice brought bob by a code of spring; both campaigns would pay whoever has a referrer with a silver tag."""
    where = "referrer.tag.silver == true"
    units = UNITS
    campaigns = [
        Campaign(id="spring", rules=[pays(id="own", where=where)]),
        Campaign(id="autumn", rules=[pays(id="other", where=where)]),
    ]
    stage = Stage(Program(id="acme", units=units, campaigns=campaigns))
    stage.engine.join("alice", tags=["silver"])
    stage.signup("bob", code=stage.engine.invite_code("alice", campaign="spring").text)
    return stage


def test_a_campaign_sees_neither_the_referral_of_another_one_nor_its_referrer():
    ended = {verdict.rule: (verdict.status, verdict.found) for verdict in verdicts(two_campaigns())}
    assert ended == {"own": ("matched", None), "other": ("not_met", None)}
