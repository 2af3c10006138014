"""A reason carries the values that were looked at, as the reference of events and reasons lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from referral_engine import Limit, rule
from tests.contract.stage import DAY, START, Stage, pays, program_of, spring_program

if TYPE_CHECKING:
    from referral_engine import Outcome


def said(outcome: Outcome) -> list[tuple[str, str | None, dict[str, Any]]]:
    return [(reason.code, reason.rule, dict(reason.values)) for reason in outcome.reasons]


@pytest.fixture
def spring():
    return Stage(spring_program())


def test_a_referrer_nobody_knows_is_named(spring):
    assert said(spring.signup("bob", by="nobody")) == [("unknown_referrer", None, {"referrer": "nobody"})]


def test_who_names_itself_is_named(spring):
    assert said(spring.signup("bob", by="bob")) == [("self_referral", None, {"referrer": "bob"})]


def test_who_is_a_member_already_is_named(spring):
    spring.engine.join("bob")
    assert said(spring.signup("bob")) == [("already_member", None, {"member": "bob"})]


def test_text_that_is_no_code_is_repeated_with_what_is_wrong(spring):
    assert said(spring.signup("bob", code="no-code!")) == [
        ("invalid_code", None, {"code": "no-code!", "problem": "length"})
    ]


def test_a_code_that_was_never_issued_is_named_as_it_was_read(spring):
    code = Stage(spring_program(id="another")).engine.invite_code("alice").text
    assert said(spring.signup("bob", code=code.lower())) == [("unknown_code", None, {"code": code})]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"max_uses": 0}, "code_used_up"),
        ({"starts_at": START + DAY}, "code_not_started"),
        ({"expires_at": START}, "code_expired"),
        ({}, "no_referrer"),
    ],
)
def test_a_code_that_gives_no_credit_is_named(terms, reason, spring):
    (code,) = spring.engine.issue_codes(1, **terms)
    assert said(spring.signup("bob", code=code.text)) == [(reason, None, {"code": code.text})]


def test_a_disabled_code_is_named(spring):
    code = spring.engine.invite_code("alice")
    spring.engine.disable_code(code.text)
    assert said(spring.signup("bob", code=code.text)) == [("code_disabled", None, {"code": code.text})]


def test_a_rule_that_pays_a_missing_end_is_named():
    stage = Stage(program_of(pays(to="referrer")))
    assert said(stage.buy("bob")) == [("no_referrer", "pays", {})]


def test_an_id_that_was_used_with_other_content_is_the_key(spring):
    spring.buy("bob", id="ord-1")
    assert said(spring.buy("bob", 77, id="ord-1")) == [("idempotency_conflict", None, {"key": "ord-1"})]


@pytest.mark.parametrize("of", ["ord-9", "ord-1", "back-1"], ids=["unknown", "of another member", "a refund itself"])
def test_an_event_that_cannot_be_referred_to_is_named_with_who_referred_to_it(of, spring):
    spring.buy("bob", id="ord-1")
    spring.buy("carol", id="ord-2")
    spring.refund("carol", "ord-2", id="back-1")
    assert said(spring.refund("carol", of)) == [("unknown_event", None, {"of": of, "member": "carol"})]


def test_a_refund_of_more_than_is_left_says_what_was_asked_and_what_is_left(spring):
    spring.buy("bob", 2500, id="ord-1")
    spring.refund("bob", "ord-1", 2000)
    assert said(spring.refund("bob", "ord-1", 501)) == [
        ("refund_exceeds", None, {"of": "ord-1", "asked": 501, "left": 500})
    ]


def test_of_an_event_without_amount_nothing_is_left_for_a_refund_with_one(spring):
    spring.engine.record(spring.event("checkin", "bob", id="in-1"))
    assert said(spring.refund("bob", "in-1", 1)) == [("refund_exceeds", None, {"of": "in-1", "asked": 1, "left": 0})]


def test_a_limit_says_how_much_of_it_is_left():
    stage = Stage(program_of(pays(60, limits=[Limit(amount=100, unit="points", per="referee", within="day")])))
    stage.buy("bob")
    assert said(stage.buy("bob")) == [("limited", "pays", {"per": "referee", "within": "day", "max": 100, "left": 40})]


def test_a_limit_that_was_lowered_below_what_is_used_has_nothing_left():
    stage = Stage(program_of(pays(limits=[Limit(times=3, per="referee")])))
    for _ in range(3):
        stage.buy("bob")
    lowered = Stage(program_of(pays(limits=[Limit(times=1, per="referee")])), store=stage.store)
    ((code, _, values),) = said(lowered.buy("bob", id="late-1"))
    assert (code, values["max"], values["left"]) == ("limited", 1, 0)


def test_a_budget_that_was_lowered_below_what_is_given_has_nothing_remaining():
    stage = Stage(program_of(pays(60), budget={"points": 100}))
    stage.buy("bob")
    lowered = Stage(program_of(pays(60), budget={"points": 50}), store=stage.store)
    assert said(lowered.buy("bob", id="late-1")) == [
        ("budget_exhausted", "pays", {"unit": "points", "wanted": 60, "remaining": 0})
    ]


def failing(message: str) -> Stage:
    @rule("purchase", "1")
    def fails(ctx: Any) -> Any:
        yield ctx.because("before it fails")
        raise LookupError(message)

    return Stage(program_of(fails))


def test_a_rule_that_raises_is_named_with_the_kind_of_error_and_its_message():
    assert said(failing("no price for tea").buy("bob")) == [
        ("rule_error", "fails", {"error": "LookupError", "message": "no price for tea"})
    ]


@pytest.mark.parametrize(
    ("message", "kept"),
    [("x" * 300, "x" * 200), ("half a letter: \ud83d", "half a letter: \\ud83d")],
    ids=["long", "no UTF-8"],
)
def test_of_a_long_or_broken_message_what_can_be_kept_is_kept(message, kept):
    ((_, _, values),) = said(failing(message).buy("bob"))
    assert values["message"] == kept
