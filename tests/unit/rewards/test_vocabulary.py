"""The facts that conditions name, and the literals that each takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from referral_engine.rewards.vocabulary import Fact, fact, literal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "scope", "kind", "key", "form"),
    [
        ("event.id", "event", "id", None, "text"),
        ("event.type", "event", "type", None, "text"),
        ("event.member", "event", "member", None, "text"),
        ("event.at", "event", "at", None, "time"),
        ("event.amount", "event", "amount", None, "int"),
        ("event.attributes.country", "event", "attributes", "country", "any"),
        ("event.attributes.-_9", "event", "attributes", "-_9", "any"),
        ("referral.campaign", "referral", "campaign", None, "text"),
        ("referral.age_days", "referral", "age_days", None, "int"),
        ("referral.state", "referral", "state", None, "text"),
        ("referee.count.purchase", "referee", "count", "purchase", "int"),
        ("referrer.sum.shop.order-paid", "referrer", "sum", "shop.order-paid", "int"),
        ("referrer.referrals.total", "referrer", "referrals.total", None, "int"),
        ("referee.referrals.qualified", "referee", "referrals.qualified", None, "int"),
        ("referrer.role.leader", "referrer", "role", "leader", "bool"),
        ("referee.tag.vip.2026", "referee", "tag", "vip.2026", "bool"),
        ("referee.age_days", "referee", "age_days", None, "int"),
    ],
)
def test_a_known_fact_is_read_into_its_parts(name, scope, kind, key, form):
    assert Fact(name, scope, kind, key, form) == fact(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("event.amout", "did you mean 'event.amount'?"),
        ("evnt.amount", "did you mean 'event.amount'?"),
        ("amount", "did you mean 'event.amount'?"),
        ("age_days", "did you mean 'referral.age_days' or 'referee.age_days' or 'referrer.age_days'?"),
        ("event.atributes.country", "did you mean 'event.attributes.country'?"),
        ("event.country", "attributes.<name>"),
        ("referer.tag.gold", "'referrer.tag.gold'"),
        ("referee.cuont.purchase", "did you mean 'referee.count.purchase'?"),
        ("referrer.referals.total", "did you mean 'referrer.referrals.total'?"),
        ("referee.count", "did you mean 'referee.count.<name>'?"),
        ("referral.channel.x", "campaign, age_days, state"),
        ("member.id", "facts begin with event., referral., referee. or referrer."),
        ("nonsense", "facts begin with"),
        ("", "facts begin with"),
        ("event", "event has id"),
        ("event.", "event has id"),
        ("event.attributes.", "1 to 64"),
        ("event.attributes.a.b", "1 to 64"),
        ("event.attributes." + "x" * 65, "1 to 64"),
        ("event.attributes.größe", "1 to 64"),
        ("event.attributes.x\n", "1 to 64"),
        ("referee.count.", "the event type in it"),
        ("referee.count.-x", "the event type in it"),
        ("referee.count.purchase@month", "takes no period; write referee.count.purchase"),
        ("referrer.sum.purchase@month", "takes no period; write referrer.sum.purchase"),
        ("referrer.tag.", "begins with no sign"),
        ("referrer.tag.-x", "begins with no sign"),
        ("referrer.role." + "x" * 65, "begins with no sign"),
        ("event.amount ", "did you mean 'event.amount'?"),
        ("EVENT.AMOUNT", "there is no fact 'EVENT.AMOUNT'"),
        ("event.amount\u202e", "\\u202e"),
        ("x" * 201, "at most 200 characters"),
        ("x" * 10_000_000, "at most 200 characters"),
        (None, "name a fact in text"),
        (7, "name a fact in text"),
        (["event.amount"], "name a fact in text"),
    ],
)
def test_an_unknown_fact_is_refused_with_what_may_have_been_meant(name, says):
    with pytest.raises(ValueError) as caught:
        fact(name)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "op", "value", "kept"),
    [
        ("event.amount", "ge", 2000, 2000),
        ("event.amount", "between", [1, 1], (1, 1)),
        ("event.amount", "in", [3, 1], (3, 1)),
        ("event.amount", "ge", -(2**63), -(2**63)),
        ("event.amount", "ge", 2**63 - 1, 2**63 - 1),
        ("event.amount", "exists", None, None),
        ("event.type", "eq", "x" * 1024, "x" * 1024),
        ("event.type", "starts_with", "shop.", "shop."),
        ("referrer.tag.gold", "ne", False, False),
        ("event.attributes.x", "in", ["a", 1, True], ("a", 1, True)),
        ("event.attributes.x", "contains", 5, 5),
        ("event.attributes.x", "between", ["a", "b"], ("a", "b")),
        ("event.at", "lt", "2026-03-01T20:00:00+08:00", NOON),
        ("event.at", "lt", NOON.astimezone(timezone(timedelta(hours=8))), NOON),
        ("event.at", "between", (NOON, "2026-03-01T12:00:00Z"), (NOON, NOON)),
    ],
)
def test_a_fitting_literal_is_kept(name, op, value, kept):
    found = literal(fact(name), op, value)
    assert (type(kept), kept) == (type(found), found)


@pytest.mark.parametrize(
    ("name", "op", "value", "says"),
    [
        ("event.amount", "eq", "x", "is a whole number; it can't be compared with text"),
        ("event.amount", "eq", True, "can't be compared with true or false"),
        ("event.amount", "eq", 2.0, "a value is a whole number, text, true or false"),
        ("event.amount", "eq", float("nan"), "a value is"),
        ("event.amount", "eq", None, "needs a value"),
        ("event.amount", "eq", 2**63, "64 bits"),
        ("event.amount", "eq", -(2**63) - 1, "64 bits"),
        ("event.amount", "eq", NOON, "event.at only"),
        ("event.amount", "contains", "1", "contains is for text"),
        ("event.amount", "in", 5, "list of 1 to 1,000"),
        ("event.amount", "in", [], "list of 1 to 1,000"),
        ("event.amount", "in", [1] * 1001, "list of 1 to 1,000"),
        ("event.amount", "in", [1, None], "needs a value"),
        ("event.amount", "in", {1}, "list of 1 to 1,000"),
        ("event.amount", "between", [1], "takes two values"),
        ("event.amount", "between", "12", "takes two values"),
        ("event.amount", "between", [2, 1], "must not be above"),
        ("event.attributes.x", "between", [1, "b"], "of one type"),
        ("event.amount", "exists", 1, "takes no value"),
        ("event.type", "ge", "a", "is text and has no order"),
        ("event.type", "contains", 1, "can't be compared with a whole number"),
        ("event.type", "eq", "x" * 1025, "at most 1,024"),
        ("event.type", "eq", "a\u202eb", "bidi"),
        ("event.type", "eq", "a\0b", "control"),
        ("event.type", "eq", "\ud800", "surrogates"),
        ("referrer.tag.gold", "ge", 3, "has no order"),
        ("referrer.tag.gold", "eq", 1, "can't be compared with a whole number"),
        ("referrer.role.leader", "starts_with", "x", "is for text"),
        ("event.attributes.x", "ge", True, "can't compare with true or false"),
        ("event.attributes.x", "starts_with", 1, "can't compare with a whole number"),
        ("event.attributes.x", "eq", NOON, "event.at only"),
        ("event.attributes.x", "eq", (1,), "a value is"),
        ("event.at", "lt", "yesterday", "RFC 3339"),
        ("event.at", "lt", "2026-02-30T00:00:00Z", "not a time of the calendar"),
        ("event.at", "lt", 5, "event.at is a time"),
        ("event.at", "lt", datetime(2026, 3, 1), "naive"),  # noqa: DTZ001 - that is the point
        ("event.at", "lt", "9999-01-01T00:00:00Z", "1970 to 2999"),
        ("event.at", "between", [NOON, "2026-03-01T11:59:59Z"], "must not be above"),
        ("event.at", "contains", "2026", "is for text"),
    ],
)
def test_a_literal_that_the_fact_cannot_have_is_refused(name, op, value, says):
    with pytest.raises(ValueError) as caught:
        literal(fact(name), op, value)
    assert says in str(caught.value)
