"""Contract, "A rule in Python": what it may say, what it sees, and what becomes of its mistakes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referral_engine import InvalidInput, Limit, PythonRule, RuleError, UndeclaredFact, rule
from tests.contract.stage import START, Stage, pays, program_of, spring_program


@rule(on="purchase", version="1", needs=["referee.count.purchase"])
def big_first_order(ctx):
    """1000 points for the referrer when a friend's first order is over 100.00."""
    if ctx.event.amount >= 10_000 and ctx["referee.count.purchase"] == 1:
        yield ctx.award("referrer", points=1000, because="first order over 100.00")
    else:
        yield ctx.because("order too small or not the first")


def staged(function: Any, **header: Any) -> Stage:
    """A stage with one Python rule for purchases."""
    return Stage(program_of(rule(**({"on": "purchase", "version": "1"} | header))(function)))


def test_the_rule_of_the_contract():
    stage = Stage(spring_program(big_first_order))
    stage.signup("alice")
    stage.signup("bob", by="alice")
    outcome = stage.buy("bob", 10_000)
    assert [(grant.rule, grant.to, grant.amount) for grant in outcome.grants] == [
        ("big_first_order", "referrer", 1000),
        ("first-order", "referrer", 500),
        ("first-order", "referee", 200),
    ]
    text = stage.engine.explain(outcome.event_id).text()
    assert "first order over 100.00" in text
    assert "order too small" in stage.engine.explain(stage.buy("bob", 10_000).event_id).text()


def test_its_id_is_the_functions_name_and_the_header_is_kept():
    limits = [Limit(times=1, per="referee")]

    @rule("purchase", "2", ["event.amount"], limits=limits, starts_at=START, ends_at=START + timedelta(1), priority=5)
    def weekend(ctx):
        return None

    assert isinstance(weekend, PythonRule)
    assert (weekend.id, weekend.on, weekend.version, weekend.needs) == ("weekend", "purchase", "2", ("event.amount",))
    assert (weekend.limits, weekend.starts_at, weekend.priority) == (tuple(limits), START, 5)


def test_the_defaults_of_the_decorator():
    @rule("purchase", "1")
    def plain(ctx):
        return None

    assert (plain.needs, plain.limits, plain.starts_at, plain.ends_at, plain.priority) == ((), (), None, None, 0)


@pytest.mark.parametrize(
    ("answer", "amounts"),
    [
        (lambda _: None, []),
        (lambda _: [], []),
        (lambda _: (), []),
        (lambda ctx: [ctx.award("member", points=1), ctx.award("member", points=2)], [1, 2]),
        (lambda ctx: (ctx.award("member", points=n) for n in (3, 4)), [3, 4]),
        (lambda ctx: iter([ctx.because("nothing")]), []),
        (lambda ctx: {ctx.award("member", points=5)}, [5]),
        (lambda ctx: [ctx.award("member", points=6, usd=7)], [6, 7]),
    ],
)
def test_it_may_yield_or_return_any_iterable_and_none_is_not_met(answer, amounts):
    def answers(ctx):
        return answer(ctx)

    stage = staged(answers)
    outcome = stage.buy("bob")
    assert [grant.amount for grant in outcome.grants] == amounts
    (verdict,) = stage.engine.explain(outcome.event_id).verdicts
    assert verdict.status == ("matched" if amounts else "not_met")


def test_an_award_may_be_held():
    def holds(ctx):
        yield ctx.award("member", points=5, hold=timedelta(days=3))
        yield ctx.award("member", points=6, hold=timedelta(0))

    outcome = staged(holds).buy("bob")
    assert [grant.held_until for grant in outcome.grants] == [START + timedelta(days=3), None]


def test_it_passes_through_the_same_limits():
    def often(ctx):
        yield ctx.award("member", points=30)

    stage = staged(often, limits=[Limit(amount=50, unit="points", per="referee", over="clamp")])
    assert [[grant.amount for grant in stage.buy("bob").grants] for _ in range(3)] == [[30], [20], []]


def test_it_passes_through_the_same_budget_and_interval_and_priority():
    @rule("purchase", "1", priority=9, starts_at=START)
    def greedy(ctx):
        yield ctx.award("member", points=60)

    stage = Stage(program_of(pays(50), greedy, budget={"points": 100}))
    outcome = stage.buy("bob")
    assert [grant.rule for grant in outcome.grants] == ["greedy"]
    assert [(reason.code, reason.rule) for reason in outcome.reasons] == [("budget_exhausted", "pays")]
    assert stage.buy("bob", at=START - timedelta(1)).reasons[0].code == "budget_exhausted"


def test_without_a_referral_a_give_to_the_referrer_is_skipped():
    def pays_referrer(ctx):
        yield ctx.award("referrer", points=1)

    assert [reason.code for reason in staged(pays_referrer).buy("bob").reasons] == ["no_referrer"]


def test_the_event_is_always_there_with_its_time_resolved():
    seen = []

    def looks(ctx):
        seen.append((ctx.event.id, ctx.event.amount, ctx.event.at, ctx.event.attributes["x"]))

    staged(looks).buy("bob", 7, id="p-1", attributes={"x": 1})
    assert seen == [("p-1", 7, START, 1)]


def test_declared_facts_are_there_and_a_missing_one_is_none():
    seen = []

    def looks(ctx):
        seen.append([ctx["referee.count.purchase"], ctx["referrer.tag.gold"], ctx["event.attributes.x"]])

    stage = staged(looks, needs=["referee.count.purchase", "referrer.tag.gold", "event.attributes.x"])
    stage.engine.join("alice", tags=["gold"])
    stage.signup("bob", by="alice")
    stage.buy("bob")
    stage.buy("carol", attributes={"x": "y"})
    assert seen == [[1, True, None], [1, None, "y"]]


def test_a_fact_that_was_not_declared_raises_undeclared_fact_inside_it():
    caught = []

    def peeks(ctx):
        try:
            ctx["referee.count.purchase"]
        except UndeclaredFact as exc:
            caught.append((exc.fact, exc.code))
            raise

    outcome = staged(peeks).buy("bob")
    assert caught == [("referee.count.purchase", "undeclared_fact")]
    assert (outcome.status, outcome.reasons[0].code, outcome.reasons[0].rule) == ("rejected", "rule_error", "peeks")
    assert outcome.reasons[0].values["error"] == "UndeclaredFact"


def raises(error: BaseException) -> Any:
    def fails(ctx):
        yield ctx.award("member", points=1)
        raise error

    return fails


@pytest.mark.parametrize(
    "error",
    [KeyError("x"), ValueError(), StopIteration(), RecursionError(), MemoryError(), AssertionError(), TypeError()],
)
def test_an_exception_in_it_rejects_that_event_naming_the_rule_and_nothing_is_written(error):
    stage = staged(raises(error))
    before = stage.dump()
    outcome = stage.buy("bob")
    (reason,) = outcome.reasons
    assert (outcome.status, reason.code, reason.rule, outcome.grants) == ("rejected", "rule_error", "fails", ())
    assert stage.dump() == before


def test_when_it_fails_other_rules_of_that_event_pay_nothing_and_other_events_go_on():
    def picky(ctx):
        if ctx.event.amount == 13:
            raise KeyError(ctx.event.amount)

    stage = Stage(program_of(pays(5), rule("purchase", "1")(picky)))
    outcomes = stage.engine.record_many([stage.event("purchase", "bob", amount=n) for n in (12, 13, 14)])
    assert [outcome.status for outcome in outcomes] == ["accepted", "rejected", "accepted"]
    assert stage.engine.balance("bob").available == 10
    assert stage.engine.verify() == []


def test_an_interrupt_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt):
        staged(raises(KeyboardInterrupt())).buy("bob")


@pytest.mark.parametrize("answer", [5, "text", [None], [1], ["text"], [["x"]], object(), [b"x"]])
def test_an_answer_that_is_neither_award_nor_reason_is_a_rule_error(answer):
    def answers(ctx):
        return answer

    outcome = staged(answers).buy("bob")
    assert [(reason.code, reason.rule) for reason in outcome.reasons] == [("rule_error", "answers")]


def test_one_that_never_ends_is_stopped():
    def endless(ctx):
        while True:
            yield ctx.because("again")

    assert staged(endless).buy("bob").reasons[0].code == "rule_error"


@pytest.mark.parametrize(
    ("to", "given"),
    [
        ("upline", {"points": 1}),
        ("member", {}),
        ("member", {"points": 0}),
        ("member", {"points": True}),
        ("member", {"points": 1.5}),
        ("member", {"points": 10**15 + 1}),
        ("member", {"gold": 1}),
        ("member", {"points": 1, "hold": 5}),
        ("member", {"points": 1, "hold": timedelta(-1)}),
        ("member", {"points": 1, "because": ""}),
    ],
)
def test_a_wrong_award_raises_invalid_input_inside_it(to, given):
    caught = []

    def awards(ctx):
        try:
            ctx.award(to, **given)
        except InvalidInput as exc:
            caught.append(exc.code)

    assert staged(awards).buy("bob").status == "accepted"
    assert caught == ["invalid_input"]


@pytest.mark.parametrize(
    "header",
    [
        {"on": "refund"},
        {"on": ""},
        {"on": 5},
        {"version": ""},
        {"version": 1},
        {"needs": ["event.amuont"]},
        {"needs": ["x"]},
        {"limits": [5]},
        {"limits": [Limit(times=1, per="pair")] * 17},
        {"priority": 0.5},
        {"priority": True},
        {"starts_at": START.replace(tzinfo=None)},
        {"starts_at": START, "ends_at": START},
    ],
)
def test_a_wrong_header_is_refused_when_the_rule_is_made(header):
    with pytest.raises(RuleError):
        staged(lambda _: None, **header)


def test_an_async_function_is_no_rule():
    async def waits(ctx):
        return None

    async def yields(ctx):
        yield None

    for function in (waits, yields):
        with pytest.raises(RuleError):
            rule("purchase", "1")(function)


def test_a_function_whose_name_is_no_id_is_refused():
    with pytest.raises(RuleError):
        rule("purchase", "1")(lambda _: None)


def test_it_is_judged_in_preview_too():
    stage = Stage(spring_program(big_first_order))
    stage.signup("alice")
    stage.signup("bob", by="alice")
    before = stage.dump()
    assert stage.engine.preview(stage.event("purchase", "bob", amount=10_000)).grants[0].rule == "big_first_order"
    assert stage.dump() == before
