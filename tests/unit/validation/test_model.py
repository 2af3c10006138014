"""The strict base model: errors of our tree, positional fields, frozen mappings."""

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from referral_engine import Campaign, Event, InvalidEvent, InvalidProgram, Program, Reward, Rule, RuleError, Unit
from referral_engine.validation import FrozenDict, problems_of, read_json


def test_building_in_python_raises_our_error_with_pydantics_as_the_cause():
    with pytest.raises(InvalidEvent) as caught:
        Event(id="a@b", type="purchase", member="bob", amount=True)
    assert [problem.path for problem in caught.value.problems] == ["id", "amount"]
    assert isinstance(caught.value.__cause__, ValidationError)


def test_a_problem_inside_a_rule_is_a_rule_error_with_its_whole_path():
    rule = {"id": "r", "on": "purchase", "give": [{"to": "referrer", "unit": "points", "amount": "1"}]}
    data = {"id": "acme", "units": {"points": {}}, "campaigns": [{"id": "spring", "rules": [rule]}]}
    with pytest.raises(RuleError) as caught:
        Program.model_validate(data)
    assert caught.value.path == "campaigns[0].rules[0].give[0].amount"


def test_a_problem_elsewhere_is_an_invalid_program():
    with pytest.raises(InvalidProgram) as caught:
        Program("acme", {"points": Unit()}, [], timezone="Mars/Olympus")
    assert type(caught.value) is InvalidProgram
    assert caught.value.path == "timezone"


def test_parts_that_do_not_fit_are_all_reported():
    rule = Rule(id="r", on="purchase", give=[Reward("referrer", "gems", 5)])
    with pytest.raises(RuleError) as caught:
        Program("acme", {"points": Unit()}, [Campaign("a", rules=[rule]), Campaign("a", rules=[rule])])
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [
        ("campaigns[0].rules[0].give[0].unit", "unknown_unit"),
        ("campaigns[1].id", "duplicate_id"),
        ("campaigns[1].rules[0].id", "duplicate_id"),
        ("campaigns[1].rules[0].give[0].unit", "unknown_unit"),
    ]


def test_fields_may_be_given_by_place():
    assert Reward("referrer", "points", 5) == Reward(to="referrer", unit="points", amount=5)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Reward("referrer", "points", 5, timedelta(1)),
        lambda: Reward("referrer", to="referee", unit="p", amount=1),
    ],
    ids=["too many by place", "by place and by name"],
)
def test_a_field_is_given_once_and_only_some_by_place(build):
    with pytest.raises(RuleError):
        build()


def test_times_are_kept_in_utc():
    shanghai = timezone(timedelta(hours=8))
    event = Event(id="a", type="x", member="bob", at=datetime(2026, 3, 1, 8, tzinfo=shanghai))
    assert event.at == datetime(2026, 3, 1, tzinfo=UTC)
    assert event.at.tzinfo is UTC


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": Infinity}', "[" * 100_000, "{", ""], ids=lambda text: text[:12]
)
def test_loose_json_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        read_json(text)


def test_a_frozen_mapping_refuses_every_change_and_can_be_copied_pickled_and_hashed():
    frozen = FrozenDict({"a": 1})
    for change in (
        lambda: frozen.__setitem__("b", 2),
        lambda: frozen.pop("a"),
        lambda: frozen.update(b=2),
        frozen.clear,
        lambda: frozen.setdefault("b", 2),
        lambda: frozen.__ior__({"b": 2}),
    ):
        with pytest.raises(TypeError, match="frozen"):
            change()
    assert pickle.loads(pickle.dumps(frozen)) == copy.deepcopy(frozen) == frozen  # noqa: S301 - our own value
    assert hash(frozen) == hash(FrozenDict({"a": 1}))


def test_problems_are_bounded():
    try:
        Event(**{f"x{n}": n for n in range(50)})
    except InvalidEvent as exc:
        cause = exc.__cause__
    assert len(problems_of(cause)) == 20


def test_errors_cross_processes():
    with pytest.raises(InvalidEvent) as caught:
        Event(id="", type="x", member="bob")
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems  # noqa: S301 - our own value
