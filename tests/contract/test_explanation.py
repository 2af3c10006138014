"""Contract, "Events": `Explanation.text()` tells, for each rule, how it ended and what it looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from referral_engine import InvalidInput, Limit, rule
from tests.contract.stage import START, Stage, pays, program_of


@rule(on="purchase", version="1")
def talks(ctx):
    yield ctx.because("a word before")
    if ctx.event.amount > 100:
        yield ctx.award("member", points=7, because="a big one")


def line_of(stage: Stage, event_id: str, rule_id: str) -> str:
    text = stage.engine.explain(event_id).text()
    return next(line for line in text.splitlines() if line.strip().startswith(f"{rule_id}:"))


def test_matched_with_what_was_paid(spring):
    text = spring.engine.explain(spring.buy("bob").event_id).text()
    assert "first-order: matched" in text
    assert "referrer alice: 500 points" in text
    assert "referee bob: 200 points" in text


def test_not_met_with_the_failing_field_and_the_value_found(spring):
    line = line_of(spring, spring.buy("bob", 1999).event_id, "first-order")
    assert "not_met" in line
    assert "event.amount" in line
    assert "1999" in line


def test_not_met_with_the_first_failing_condition_only(spring):
    spring.buy("bob", 1)
    line = line_of(spring, spring.buy("bob", 2000).event_id, "first-order")
    assert "referee.count.purchase was 2" in line
    assert "event.amount" not in line


def test_not_met_with_missing(spring):
    outcome = spring.engine.record(spring.event("purchase", "bob"))
    line = line_of(spring, outcome.event_id, "first-order")
    assert "event.amount" in line
    assert "missing" in line


def test_limited_with_the_limit_that_was_reached():
    stage = Stage(program_of(pays(limits=[Limit(times=1, per="referee", within="month")])))
    stage.buy("bob")
    line = line_of(stage, stage.buy("bob").event_id, "pays")
    assert "limited" in line
    assert "month" in line


def test_inactive_outside_the_campaign_or_the_rules_own_interval():
    stage = Stage(program_of(pays(id="early", ends_at=START), pays(id="now")))
    outcome = stage.buy("bob")
    assert "inactive" in line_of(stage, outcome.event_id, "early")
    assert "matched" in line_of(stage, outcome.event_id, "now")


def test_skipped_without_a_referrer_or_without_money():
    stage = Stage(program_of(pays(id="a", to="referrer"), pays(id="b"), budget={"points": 5}))
    event_id = stage.buy("bob").event_id
    assert "no_referrer" in line_of(stage, event_id, "a")
    assert "budget_exhausted" in line_of(stage, event_id, "b")
    assert "skipped" in line_of(stage, event_id, "a")
    assert "skipped" in line_of(stage, event_id, "b")


@pytest.mark.parametrize(("amount", "status"), [(50, "not_met"), (500, "matched")])
def test_the_texts_given_to_because(amount, status):
    stage = Stage(program_of(talks))
    event_id = stage.buy("bob", amount).event_id
    text = stage.engine.explain(event_id).text()
    assert f"talks: {status}" in text
    assert "a word before" in text
    assert ("a big one" in text) == (amount == 500)


def test_every_rule_of_the_events_type_has_a_verdict_and_no_other():
    stage = Stage(program_of(pays(id="a"), pays(id="b", on="checkin"), pays(id="c", where="event.amount > 9999")))
    verdicts = stage.engine.explain(stage.buy("bob").event_id).verdicts
    assert [(verdict.rule, verdict.status) for verdict in verdicts] == [("a", "matched"), ("c", "not_met")]


def test_an_event_that_no_rule_is_about_is_explained_too(spring):
    event_id = spring.engine.record(spring.event("checkin", "bob")).event_id
    assert event_id in spring.engine.explain(event_id).text()


def test_a_refused_attribution_is_explained(spring):
    assert "unknown_referrer" in spring.engine.explain(spring.signup("carol", by="ghost").event_id).text()


def test_a_refund_is_explained_by_what_it_took_back(spring):
    spring.buy("bob", id="p-1")
    text = spring.engine.explain(spring.refund("bob", "p-1").event_id).text()
    assert "500" in text
    assert "alice" in text


def test_a_clamped_grant_shows_what_was_wanted():
    limit = Limit(amount=120, unit="points", per="referee", over="clamp")
    stage = Stage(program_of(pays(limits=[limit])))
    stage.buy("bob")
    text = stage.engine.explain(stage.buy("bob").event_id).text()
    assert "20 points of 100" in text


def test_the_explanation_is_from_the_stored_trace_and_does_not_change(spring):
    outcome = spring.buy("bob")
    before = spring.engine.explain(outcome.event_id)
    spring.clock.advance(timedelta(days=90))
    spring.buy("bob")
    newer = Stage(program_of(pays()), store=spring.store)
    assert spring.engine.explain(outcome.event_id) == newer.engine.explain(outcome.event_id) == before


def test_an_event_that_is_not_recorded_cannot_be_explained(spring):
    with pytest.raises(InvalidInput) as refused:
        spring.engine.explain("ghost")
    assert refused.value.name == "event_id"
