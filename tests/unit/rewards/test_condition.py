"""Conditions as data: what is taken, what is refused and where, and how they are written."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime

import pytest

from referral_engine.errors import RuleError
from referral_engine.rewards.builder import field
from referral_engine.rewards.condition import AllOf, AnyOf, ConditionField, Leaf, Not, fields_of
from referral_engine.validation import Model

AMOUNT = {"field": "event.amount", "op": "ge", "value": 2000}
ORDERS = {"field": "referee.count.purchase", "op": "eq", "value": 1}
GOLD = {"field": "referrer.tag.gold", "op": "eq", "value": True}


class Holder(Model):
    """A model with a condition, refusing as rules do."""

    where: ConditionField | None = None

    @classmethod
    def _refuse(cls, problems):
        return RuleError(problems)


def holding(where):
    return Holder(where=where).where


def nested(depth: int, key: str = "not"):
    data: object = GOLD
    for _ in range(depth - 1):
        data = {key: data} if key == "not" else {key: [data]}
    return data


def test_the_three_forms_give_equal_conditions():
    gold = field("referrer.tag.gold") == True  # noqa: E712 - a condition, no comparison
    built = (field("event.amount") >= 2000) & (field("referee.count.purchase") == 1) & gold
    data = {"all": [AMOUNT, ORDERS, GOLD]}
    text = "event.amount >= 2000 and referee.count.purchase == 1 and referrer.tag.gold"
    assert holding(built) == holding(data) == holding(text)
    assert (
        Holder(where=built)
        == Holder.model_validate({"where": data})
        == Holder.model_validate_json(json.dumps({"where": text}))
    )
    assert Holder(where=built).model_dump_json() == json.dumps({"where": data}, separators=(",", ":"))


@pytest.mark.parametrize(
    ("data", "condition"),
    [
        (AMOUNT, Leaf("event.amount", "ge", 2000)),
        ({"field": "event.amount", "op": "exists"}, Leaf("event.amount", "exists")),
        ({"field": "event.type", "op": "in", "value": ["a", "b"]}, Leaf("event.type", "in", ("a", "b"))),
        ({"field": "event.amount", "op": "between", "value": [1, 5]}, Leaf("event.amount", "between", (1, 5))),
        (
            {"field": "event.at", "op": "lt", "value": "2026-03-01T00:00:00Z"},
            Leaf("event.at", "lt", datetime(2026, 3, 1, tzinfo=UTC)),
        ),
        (
            {"field": "event.at", "op": "in", "value": ["2026-03-01T00:00:00.000005Z"]},
            Leaf("event.at", "in", (datetime(2026, 3, 1, 0, 0, 0, 5, tzinfo=UTC),)),
        ),
        ({"all": [AMOUNT]}, AllOf(all=(Leaf("event.amount", "ge", 2000),))),
        ({"any": [AMOUNT, {"all": [GOLD]}]}, AnyOf(any=(Leaf(**AMOUNT), AllOf(all=(Leaf(**GOLD),))))),
        ({"all": [{"all": [AMOUNT]}, GOLD]}, AllOf(all=(AllOf(all=(Leaf(**AMOUNT),)), Leaf(**GOLD)))),
        ({"not": {"not": GOLD}}, ~~Leaf(**GOLD)),
    ],
)
def test_data_is_kept_as_given_and_written_again(data, condition):
    held = Holder(where=data)
    assert condition == held.where
    assert {"where": data} == held.model_dump()
    assert {"where": data} == held.model_dump(by_alias=False, exclude_defaults=True)
    assert {"where": data} == json.loads(held.model_dump_json(exclude_none=True))
    assert held == Holder.model_validate_json(held.model_dump_json()) == Holder.model_validate(held.model_dump())
    assert data == condition.model_dump()
    assert condition == type(condition).model_validate(data) == type(condition).model_validate_json(json.dumps(data))


def test_data_may_hold_built_conditions():
    gold = field("referrer.tag.gold") == True  # noqa: E712
    assert holding({"all": [gold, AMOUNT]}) == holding({"all": (GOLD, AMOUNT)})
    assert Holder(where=None).model_dump() == {"where": None}


def test_conditions_are_values():
    condition = holding({"all": [AMOUNT, {"not": GOLD}]})
    assert condition == copy.deepcopy(condition) == pickle.loads(pickle.dumps(condition))  # noqa: S301 - its own bytes
    assert {condition} == {holding({"all": [AMOUNT, {"not": GOLD}]})}
    with pytest.raises(Exception, match="frozen"):
        condition.all = ()


def test_fields_of_names_every_fact_once():
    condition = holding({"any": [AMOUNT, {"not": {"all": [GOLD, AMOUNT]}}, ORDERS]})
    assert frozenset({"event.amount", "referrer.tag.gold", "referee.count.purchase"}) == fields_of(condition)
    assert frozenset({"event.amount"}) == fields_of(Leaf(**AMOUNT))


def test_the_bounds_themselves_are_kept():
    assert isinstance(holding(nested(32)), Not)
    assert isinstance(holding(nested(32, "all")), AllOf)
    assert len(holding({"any": [GOLD] * 255}).any) == 255
    assert len(holding({"field": "event.amount", "op": "in", "value": list(range(1000))}).value) == 1000


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_json_schema_describes_every_form(mode):
    schema = Holder.model_json_schema(mode=mode)
    assert {"Leaf", "AllOf", "AnyOf", "Not"} == set(schema["$defs"])
    assert schema["$defs"]["Leaf"]["required"] == ["field", "op"]
    assert {"not"} == set(schema["$defs"]["Not"]["properties"])
    assert schema["$defs"]["AllOf"]["properties"]["all"]["minItems"] == 1
    forms = json.dumps(schema["properties"]["where"])
    assert (mode == "validation") == ('"maxLength": 4096' in forms)
    assert all(f'"#/$defs/{name}"' in forms for name in schema["$defs"])


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        ({"field": "event.amount", "op": "ge", "value": "x"}, {"where.value": "condition_value"}),
        ({"field": "event.amout", "op": "ge", "value": 5}, {"where.field": "fact"}),
        ({"field": "event.amount", "op": "above", "value": 5}, {"where.op": "literal_error"}),
        ({"field": "event.amount", "value": 5}, {"where.op": "missing"}),
        ({"op": "ge", "value": 5}, {"where.field": "missing"}),
        ({"field": "event.amount", "op": "ge"}, {"where.value": "condition_value"}),
        ({"field": "event.amount", "op": "exists", "value": 5}, {"where.value": "condition_value"}),
        ({**AMOUNT, "note": "x"}, {"where.note": "extra_forbidden"}),
        ({"all": [AMOUNT], "any": [GOLD]}, {"where.any": "extra_forbidden"}),
        ({"all": []}, {"where.all": "condition_list"}),
        ({"any": GOLD}, {"where.any": "condition_list"}),
        ({"not": []}, {"where.not": "condition"}),
        (
            {"all": [AMOUNT, {"any": [GOLD, {"not": {**ORDERS, "value": True}}]}, 5, "event.amount exists"]},
            {
                "where.all[1].any[1].not.value": "condition_value",
                "where.all[2]": "condition",
                "where.all[3]": "condition",
            },
        ),
    ],
)
def test_each_problem_has_its_path_and_code(data, problems):
    for build in (lambda: Holder(where=data), lambda: Holder.model_validate_json(json.dumps({"where": data}))):
        with pytest.raises(RuleError) as caught:
            build()
        assert problems == {problem.path: problem.code for problem in caught.value.problems}


def cyclic(key: str):
    data: dict[str, object] = {}
    data[key] = data if key == "not" else [data, data, data]
    return data


def self_listed():
    items: list[object] = []
    items.append({"all": items})
    return {"all": items}


def doubled():
    data: object = GOLD
    for _ in range(31):
        data = {"all": [data, data]}
    return data


def leaf(name="event.amount", op="eq", value: object = 5):
    return {"field": name, "op": op, "value": value}


HOSTILE = {
    "nothing": {},
    "number": 5,
    "truth": True,
    "float": float("nan"),
    "bytes": b"event.amount > 5",
    "list": [GOLD],
    "tuple": (GOLD,),
    "set": {1},
    "class": Leaf,
    "function": print,
    "fact-not-compared": field("referrer.tag.gold"),
    "unknown-form": {"xor": [GOLD, GOLD]},
    "unknown-key-type": {1: 2},
    "many-keys": {f"k{number}": number for number in range(1_000_000)},
    "many-keys-beside-all": {"all": [GOLD], **{f"k{number}": number for number in range(1_000_000)}},
    "all-none": {"all": None},
    "all-text": {"all": "event.amount"},
    "all-object": {"all": GOLD},
    "all-set": {"all": {1, 2}},
    "all-generator": {"all": (each for each in [GOLD])},
    "all-range": {"all": range(10**12)},
    "all-empty": {"all": []},
    "any-empty": {"any": []},
    "not-empty": {"not": {}},
    "not-none": {"not": None},
    "two-groups": {"all": [GOLD], "any": [GOLD], "not": GOLD},
    "group-and-leaf": {"all": [GOLD], **AMOUNT},
    "not-by-field-name": {"not_": GOLD},
    "deep-not": nested(33),
    "deep-all": nested(33, "all"),
    "deep-any": nested(100, "any"),
    "endlessly-deep": nested(100_000),
    "cyclic-not": cyclic("not"),
    "cyclic-all": cyclic("all"),
    "cyclic-any": cyclic("any"),
    "cyclic-list": self_listed(),
    "doubling": doubled(),
    "wide": {"all": [GOLD] * 256},
    "very-wide": {"any": [GOLD] * 1_000_000},
    "wide-in-two": {"all": [{"any": [GOLD] * 130}, {"any": [GOLD] * 130}]},
    "wide-with-wrong-facts": {"all": [leaf("event.amuont" + "x" * 150)] * 255},
    "many-literals": {"any": [leaf(op="in", value=list(range(1000)))] * 11},
    "field-none": leaf(None),
    "field-number": leaf(5),
    "field-list": leaf(["event.amount"]),
    "field-empty": leaf(""),
    "field-unknown": leaf("event.amuont"),
    "field-dunder": leaf("event.__class__"),
    "field-nul": leaf("event.amount\0"),
    "field-surrogate": leaf("event.\ud800"),
    "field-look-alike": leaf("event.\u0430mount"),
    "field-huge": leaf("event.attributes." + "x" * 10_000_000),
    "field-period": leaf("referee.count.purchase@month"),
    "field-of-person": leaf("referee.count.a@b.c"),
    "op-none": leaf(op=None),
    "op-regex": leaf("event.type", "matches", "(a+)+$"),
    "op-list": leaf(op=["eq"]),
    "op-huge": leaf(op="e" * 10_000_000),
    "op-upper": leaf(op="EQ"),
    "value-none": leaf(value=None),
    "value-float": leaf(value=5.0),
    "value-nan": leaf(value=float("nan")),
    "value-infinite": leaf(value=float("inf")),
    "value-truth": leaf(value=True),
    "value-text-number": leaf(value="5"),
    "value-huge": leaf(value=10**100_000),
    "value-over-64-bits": leaf(value=2**63),
    "value-object": leaf(value={"field": "event.amount"}),
    "value-list": leaf(value=[5]),
    "value-condition": leaf(value=Leaf(**GOLD)),
    "in-empty": leaf(op="in", value=[]),
    "in-many": leaf(op="in", value=[1] * 1001),
    "in-very-many": leaf(op="in", value=[1] * 5_000_000),
    "in-generator": leaf(op="in", value=iter([1])),
    "in-nested": leaf(op="in", value=[[1]]),
    "between-turned": leaf(op="between", value=[5, 1]),
    "between-one": leaf(op="between", value=[5]),
    "between-mixed": leaf("event.attributes.x", "between", [1, "b"]),
    "text-huge": leaf("event.type", "eq", "x" * 10_000_000),
    "text-nul": leaf("event.type", "eq", "\0"),
    "text-bidi": leaf("event.type", "eq", "\u202e"),
    "text-surrogate": leaf("event.type", "eq", "\udfff"),
    "time-naive": leaf("event.at", "lt", datetime(2026, 3, 1)),  # noqa: DTZ001 - that is the point
    "time-naive-text": leaf("event.at", "lt", "2026-03-01T00:00:00"),
    "time-number": leaf("event.at", "lt", 1_772_323_200),
    "time-on-number": leaf(value=datetime(2026, 3, 1, tzinfo=UTC)),
    "order-of-truth": leaf("referrer.tag.gold", "gt", 3),
    "text": "",
    "text-long": "x" * 10_000_000,
    "text-nested": "(" * 4000,
    "text-chained": "1 < event.amount < 5",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_or_broken_is_refused_at_once(name):
    with pytest.raises(RuleError) as caught:
        Holder(where=HOSTILE[name])
    assert all(problem.path.startswith("where") and problem.code for problem in caught.value.problems)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        '{"where": {"field": "event.amount", "op": "eq", "value": 1, "value": 2}}',
        '{"where": {"field": "event.amount", "op": "eq", "value": NaN}}',
        '{"where": {"field": "event.amount", "op": "eq", "value": 1.0}}',
        '{"where": {"field": "event.amount", "op": "eq", "value": 1e3}}',
        '{"where": {"field": "event.amount", "op": "eq", "value": ' + "9" * 100_000 + "}}",
        '{"where": ' + '{"not": ' * 100_000 + "1" + "}" * 100_001,
        '{"where": ' + '{"all": [' * 33 + "1" + "]}" * 33 + "}",
        '{"where": {"all": [' + "1," * 1_000_000 + "1]}}",
        '{"where": ["event.amount"]}',
        '{"where": "event.amount"}',
    ],
)
def test_hostile_json_is_refused_at_once(text):
    with pytest.raises(RuleError):
        Holder.model_validate_json(text)


@pytest.mark.parametrize("model", [Leaf, AllOf, AnyOf, Not])
@pytest.mark.parametrize("data", [{}, nested(100_000), {"all": [GOLD] * 1_000_000}, cyclic("any")])
def test_the_models_alone_refuse_it_too(model, data):
    with pytest.raises(RuleError):
        model.model_validate(data)
    with pytest.raises(RuleError):
        model(**data)
