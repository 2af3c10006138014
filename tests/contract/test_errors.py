"""Contract, "Errors": one tree, a stable code and data for each, and what raises what."""

from __future__ import annotations

import pickle

import pydantic
import pytest

import referral_engine
from referral_engine import (
    Board,
    Campaign,
    CodeSpaceExhausted,
    CodeTaken,
    Conflict,
    Event,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidEvent,
    InvalidInput,
    InvalidProgram,
    Limit,
    OutcomeUnknown,
    Overloaded,
    Problem,
    Program,
    ReferralEngineError,
    Reward,
    RuleError,
    StoreError,
    UndeclaredFact,
    Unit,
    UnknownCode,
    UnknownMember,
)
from tests.contract.stage import START, UNITS, Stage, pays, program_of, spring_program

PROBLEM = Problem("campaigns[0]", "extra_forbidden", "there is no such field")

EXAMPLES = [
    (InvalidProgram([PROBLEM]), "invalid_program", {"problems": (PROBLEM,), "path": "campaigns[0]"}),
    (RuleError([PROBLEM]), "invalid_rule", {"problems": (PROBLEM,)}),
    (InvalidEvent([PROBLEM]), "invalid_event", {"problems": (PROBLEM,)}),
    (InvalidInput("amount", "must be int"), "invalid_input", {"name": "amount", "problem": "must be int"}),
    (
        InsufficientBalance("bob", "points", 5, 3),
        "insufficient_balance",
        {"member": "bob", "wanted": 5, "available": 3},
    ),
    (IdempotencyConflict("k"), "idempotency_conflict", {"key": "k"}),
    (UnknownMember("bob"), "unknown_member", {"member": "bob"}),
    (UnknownCode("ABC"), "unknown_code", {"text": "ABC"}),
    (CodeTaken("ABC"), "code_taken", {"text": "ABC"}),
    (CodeSpaceExhausted(9, 4), "code_space_exhausted", {"wanted": 9, "space": 4}),
    (UndeclaredFact("event.x"), "undeclared_fact", {"fact": "event.x"}),
    (Conflict("busy", host_must_retry=True), "conflict", {"problem": "busy", "host_must_retry": True}),
    (OutcomeUnknown("cut"), "outcome_unknown", {"problem": "cut"}),
    (Overloaded(5), "overloaded", {"waiting_max": 5}),
    (StoreError("full"), "store_error", {"problem": "full"}),
]


@pytest.mark.parametrize(("error", "code", "data"), EXAMPLES, ids=[type(one[0]).__name__ for one in EXAMPLES])
def test_every_error_is_of_the_tree_and_carries_a_stable_code_and_its_data(error, code, data):
    assert isinstance(error, ReferralEngineError)
    assert error.code == type(error).code == code
    assert {name: getattr(error, name) for name in data} == data
    assert str(error)


@pytest.mark.parametrize(("error", "code", "data"), EXAMPLES, ids=[type(one[0]).__name__ for one in EXAMPLES])
def test_every_error_crosses_processes(error, code, data):
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    assert (type(back), str(back), back.code) == (type(error), str(error), code)
    assert {name: getattr(back, name) for name in data} == data


def test_codes_are_unique_and_every_public_error_is_tested_here():
    public = {
        value
        for name in referral_engine.__all__
        if isinstance(value := getattr(referral_engine, name), type) and issubclass(value, ReferralEngineError)
    }
    assert public - {type(error) for error, _, _ in EXAMPLES} == {ReferralEngineError}
    assert len({error.code for error, _, _ in EXAMPLES}) == len(EXAMPLES)


def test_a_rule_error_is_an_invalid_program():
    assert issubclass(RuleError, InvalidProgram)


@pytest.mark.parametrize(
    ("build", "error", "path"),
    [
        (lambda: Unit(scale=9), InvalidProgram, "scale"),
        (lambda: Board("b", "nothing", "month"), InvalidProgram, "metric"),
        (lambda: Reward("member", "points", 0), RuleError, "amount"),
        (lambda: Limit(times=-1, per="pair"), RuleError, "times"),
        (lambda: pays(where="event.amount >"), RuleError, "where"),
        (lambda: pays(give=[]), RuleError, "give"),
        (lambda: Campaign(id="c", budget={"points": -1}), InvalidProgram, "budget.points"),
        (lambda: Event(id="e", type="t", member="m", amount=0), InvalidEvent, "amount"),
    ],
)
def test_building_a_model_in_python_raises_with_pydantics_error_as_the_cause(build, error, path):
    with pytest.raises(error) as raised:
        build()
    assert raised.value.path == path
    assert isinstance(raised.value.__cause__, pydantic.ValidationError)
    assert path.split(".")[0] in str(raised.value)


def broken_program() -> dict:
    data = spring_program().model_dump()
    data["campaigns"][0]["rules"][0]["where"]["all"][1]["op"] = "equals"
    data["campaigns"][0]["rules"][0]["give"][0]["amount"] = "500"
    data["campaigns"][0]["boards"][0]["period"] = "fortnight"
    data["timezone"] = "Mars/Olympus"
    return data


def test_all_problems_are_in_one_report_each_with_its_path():
    with pytest.raises(InvalidProgram) as raised:
        Program.model_validate(broken_program())
    assert {problem.path for problem in raised.value.problems} == {
        "campaigns[0].rules[0].where.all[1].op",
        "campaigns[0].rules[0].give[0].amount",
        "campaigns[0].boards[0].period",
        "timezone",
    }


def test_a_rule_error_has_the_path_of_the_place_in_the_program():
    data = spring_program().model_dump()
    data["campaigns"][0]["rules"][0]["where"]["all"][1]["field"] = "referee.cuont.purchase"
    with pytest.raises(RuleError) as raised:
        Program.model_validate(data)
    assert raised.value.path == "campaigns[0].rules[0].where.all[1].field"


def test_the_path_of_a_lone_model_begins_at_that_model():
    with pytest.raises(RuleError) as raised:
        pays(where={"all": [{"field": "event.amount", "op": "ge", "value": 1}, {"field": "event.amount", "op": "is"}]})
    assert raised.value.path == "where.all[1].op"


def test_an_unknown_unit_is_named_with_its_place():
    with pytest.raises(InvalidProgram, match="gold") as raised:
        Program("acme", UNITS, [Campaign(id="c", rules=[pays(unit="gold")])])
    assert raised.value.path == "campaigns[0].rules[0].give[0].unit"


@pytest.mark.parametrize("amount", [0, -1, True, 1.0, "5", None, 10**15 + 1, float("nan")])
def test_an_amount_that_is_not_an_int_in_1_to_10_to_the_15_is_invalid_input(amount, spring):
    with pytest.raises(InvalidInput) as raised:
        spring.engine.redeem("bob", amount, key="k")
    assert raised.value.name == "amount"


def test_what_a_caller_did_wrong_raises_and_what_a_member_did_is_an_outcome(spring):
    with pytest.raises(InvalidInput):
        spring.engine.budget("spring", "gold")
    refused = [
        spring.signup("carol", by="carol"),
        spring.signup("dave", code="wrong"),
        spring.signup("bob", by="alice"),
        spring.refund("bob", "nothing"),
    ]
    assert [spring.codes(outcome) for outcome in refused] == [
        ["self_referral"], ["invalid_code"], ["already_member"], ["unknown_event"],
    ]  # fmt: skip


def test_messages_say_how_to_mend_it():
    with pytest.raises(InvalidEvent, match="time zone"):
        Event(id="e", type="t", member="m", at=START.replace(tzinfo=None))
    with pytest.raises(InvalidInput, match="points, usd"):
        Stage(spring_program()).engine.balance("bob", "gold")
    with pytest.raises(RuleError, match="did you mean"):
        pays(where="event.amuont > 5")


def test_a_clock_that_tells_a_naive_time_is_refused():
    stage = Stage(program_of())
    stage.clock.time = START.replace(tzinfo=None)
    with pytest.raises(InvalidInput) as raised:
        stage.engine.join("alice")
    assert raised.value.name == "clock"
