"""Compiled conditions: what holds, what fails, and what is told about it."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest

from referral_engine.rewards.builder import field
from referral_engine.rewards.compiling import MISSING, Failure, compile_condition
from referral_engine.rewards.condition import AllOf, AnyOf, Leaf

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
X = field("event.attributes.x")
AMOUNT = field("event.amount")
ORDERS = field("referee.count.purchase")
GOLD = field("referrer.tag.gold") == True  # noqa: E712 - a condition, no comparison
AT = field("event.at")


def getter(fact):
    return lambda view: view.get(fact.name, MISSING)


def check(condition, **found):
    """Check against a view of facts; `x` is the attribute, the others are named by their last word."""
    names = {"x": X, "amount": AMOUNT, "orders": ORDERS, "at": AT}
    view = {names[name].name if name in names else "referrer.tag.gold": value for name, value in found.items()}
    return compile_condition(condition, getter)(view)


@pytest.mark.parametrize(
    ("condition", "holds", "fails"),
    [
        (X == 5, [5], [4, "5", True, 5.0, (5,)]),
        (X == 1, [1], [True, "1", 1.0]),
        (X == True, [True], [1, False, "true"]),  # noqa: E712 - a condition
        (X == False, [False], [0, True, ""]),  # noqa: E712 - a condition
        (X == "a", ["a"], ["A", "ab", 1, ("a",)]),
        (X == "", [""], [" ", False, 0]),
        (X != 5, [4, 6, -5], [5, "4", True, (4,)]),
        (X != "a", ["b", ""], ["a", 1, False, ("b",)]),
        (X != True, [False], [True, 0, "x"]),  # noqa: E712 - a condition
        (X < 5, [4, -(2**63)], [5, 6, "4", True, False]),
        (X <= 5, [4, 5], [6, "4", True]),
        (X > 5, [6, 2**63], [5, 4, "6", True]),
        (X >= 5, [5, 6], [4, "6", True, (6,)]),
        (X >= 0, [0, 1], [True, False, -1]),
        (X < "b", ["a", "az", "B"], ["b", "c", 1]),
        (X <= "b", ["a", "b"], ["ba", 1]),
        (X > "b", ["c", "ba"], ["b", "a", 9]),
        (X >= "b", ["b", "c"], ["a", True]),
        (X.between(1, 3), [1, 2, 3], [0, 4, "2", True]),
        (X.between(2, 2), [2], [1, 3]),
        (X.between("a", "c"), ["a", "bb", "c"], ["ca", "", 1]),
        (X.in_(1, "a", False), [1, "a", False], [0, True, "1", "b", 2, (1,), [1]]),
        (X.in_(1, 2), [1, 2], [True, "1", 3]),
        (X.not_in(1, 2), [0, 3], [1, 2, True, "x", (3,), [3]]),
        (X.not_in("a", 1), ["b", 2], ["a", 1, True]),
        (X.exists(), [0, "", False, (), "x"], []),
        (X.contains("b"), ["b", "abc", ("a", "b"), ["b"]], ["", "B", ("abc",), (), 5, True]),
        (X.contains(1), [(1,), ("1", 1, None)], [(True,), ("1",), (), 1, "1"]),
        (X.contains(True), [(True,)], [(1,), True]),
        (X.starts_with("ab"), ["ab", "abc"], ["a", "xab", 5, ("ab",)]),
    ],
)
def test_each_operator_compares_without_coercion(condition, holds, fails):
    assert [(value, None) for value in holds] == [(value, check(condition, x=value)) for value in holds]
    assert [Failure("where", X.name, value) for value in fails] == [check(condition, x=value) for value in fails]


@pytest.mark.parametrize(
    ("condition", "holds", "fails"),
    [
        (AT == NOON, [NOON, NOON.astimezone(timezone(timedelta(hours=8)))], [NOON + timedelta(seconds=1)]),
        (AT != NOON, [NOON + timedelta(seconds=1)], [NOON]),
        (AT < NOON, [NOON - timedelta(microseconds=1)], [NOON]),
        (AT >= NOON, [NOON], [NOON - timedelta(microseconds=1)]),
        (AT.between(NOON, NOON), [NOON], [NOON + timedelta(microseconds=1)]),
        (AT.in_(NOON), [NOON], [NOON + timedelta(days=1)]),
        (AT.not_in(NOON), [NOON + timedelta(days=1)], [NOON]),
    ],
)
def test_times_are_compared_as_instants(condition, holds, fails):
    strangers = ["2026-03-01T12:00:00Z", 0, True]
    if condition.op != "not_in":
        strangers.append(NOON.replace(tzinfo=None))
    assert all(check(condition, at=value) is None for value in holds)
    assert all(check(condition, at=value) is not None for value in [*fails, *strangers])


@pytest.mark.parametrize("op", ["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "between", "exists"])
@pytest.mark.parametrize("view", [{}, {"amount": None}, {"amount": MISSING}])
def test_a_missing_or_null_fact_fails_every_leaf(op, view):
    value = {"in": [5], "not_in": [5], "between": [1, 9], "exists": None}.get(op, 5)
    assert Failure("where", "event.amount", MISSING) == check(Leaf("event.amount", op, value), **view)


def test_all_fails_with_the_first_that_fails():
    condition = (AMOUNT >= 2000) & (ORDERS == 1) & GOLD & (X != "bad")
    good = {"amount": 2000, "orders": 1, "gold": True, "x": "fine"}
    assert check(condition, **good) is None
    assert Failure("where.all[0]", "event.amount", 1999) == check(condition, **good | {"amount": 1999, "orders": 2})
    assert Failure("where.all[1]", "referee.count.purchase", 2) == check(condition, **good | {"orders": 2})
    assert Failure("where.all[2]", "referrer.tag.gold", False) == check(condition, **good | {"gold": False, "x": "bad"})
    assert Failure("where.all[3]", X.name, "bad") == check(condition, **good | {"x": "bad"})


@pytest.mark.parametrize("count", range(1, 13))
def test_all_of_any_length_looks_at_every_part(count):
    names = [f"event.attributes.n{number}" for number in range(count)]
    parts = [Leaf(name, *(("ge", 1), ("eq", "a"), ("ne", 0))[at % 3]) for at, name in enumerate(names)]
    holding = {name: (1, "a", 1)[at % 3] for at, name in enumerate(names)}
    compiled = compile_condition(AllOf(all=tuple(parts)), getter)
    assert compiled(holding) is None
    expected = [Failure(f"where.all[{at}]", name, MISSING) for at, name in enumerate(names)]
    assert expected == [compiled({**holding, name: None}) for name in names]


def test_any_fails_with_its_first_part_when_none_holds():
    condition = AnyOf(any=((AMOUNT >= 2000) & GOLD, ORDERS == 1, X == "a"))
    assert check(condition, amount=2000, gold=True) is None
    assert check(condition, orders=1) is None
    assert check(condition, x="a") is None
    assert Failure("where.any[0].all[1]", "referrer.tag.gold", MISSING) == check(condition, amount=2000, orders=2)


@pytest.mark.parametrize(
    ("condition", "found", "failure"),
    [
        (~(X == "CN"), {"x": "US"}, None),
        (~(X == "CN"), {}, None),
        (~(X == "CN"), {"x": "CN"}, Failure("where", X.name, "CN")),
        (~X.exists(), {"x": None}, None),
        (~~(X == "CN"), {"x": "CN"}, None),
        (~~(X == "CN"), {"x": "US"}, Failure("where", X.name, "US")),
        (~~(X == "CN"), {}, Failure("where", X.name, MISSING)),
        (~((X == "CN") & (AMOUNT > 5)), {"x": "CN", "amount": 5}, None),
        (~((X == "CN") & (AMOUNT > 5)), {"x": "CN", "amount": 6}, Failure("where", X.name, "CN")),
        (~((X == "CN") | (AMOUNT > 5)), {"x": "US", "amount": 6}, Failure("where", "event.amount", 6)),
        (~((X == "CN") | (AMOUNT > 5)), {"x": "US", "amount": 5}, None),
        (~((X == "CN") | ~(AMOUNT > 5)), {"x": "US", "amount": 5}, Failure("where", "event.amount", 5)),
        ((AMOUNT > 5) & ~GOLD, {"amount": 6, "gold": True}, Failure("where.all[1]", "referrer.tag.gold", True)),
        ((AMOUNT > 5) | ~GOLD, {"amount": 5, "gold": True}, Failure("where.any[0]", "event.amount", 5)),
    ],
)
def test_not_inverts_and_names_what_held(condition, found, failure):
    assert failure == check(condition, **found)


def test_the_path_begins_as_asked():
    compiled = compile_condition((AMOUNT > 5) & GOLD, getter, "campaigns[0].rules[2].where")
    assert compiled({}).path == "campaigns[0].rules[2].where.all[0]"


def test_the_deepest_condition_compiles_and_runs_at_once():
    nots = mixed = GOLD
    for turn in range(31):
        nots = ~nots
        mixed = ~mixed if turn % 2 else mixed | (AMOUNT > 5)
    wide = AllOf(all=(GOLD,) * 255)
    for condition in (nots, mixed, wide):
        compiled = compile_condition(condition, getter)
        outcomes = [compiled({"referrer.tag.gold": gold}) is None for gold in (True, False)]
        assert outcomes == ([True, False] if condition is wide else [False, True])


def test_missing_is_one_falsy_value_written_missing():
    assert not MISSING
    assert "missing" == str(MISSING) == f"{MISSING}"
    assert MISSING is copy.deepcopy(MISSING) is pickle.loads(pickle.dumps(MISSING))  # noqa: S301 - its own bytes
