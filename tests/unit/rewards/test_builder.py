"""Conditions built in Python."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import pytest

from referral_engine.errors import RuleError
from referral_engine.rewards.builder import FieldRef, field
from referral_engine.rewards.condition import AllOf, AnyOf, Leaf, Not

AMOUNT = field("event.amount")
COUNTRY = field("event.attributes.country")
GOLD = field("referrer.tag.gold") == True  # noqa: E712 - a condition, no comparison


@pytest.mark.parametrize(
    ("built", "op", "value"),
    [
        (AMOUNT == 5, "eq", 5),
        (AMOUNT != 5, "ne", 5),
        (AMOUNT < 5, "lt", 5),
        (AMOUNT <= 5, "le", 5),
        (AMOUNT > 5, "gt", 5),
        (AMOUNT >= 5, "ge", 5),
        (5 < AMOUNT, "gt", 5),  # noqa: SIM300 - turned round by Python itself
        (AMOUNT.in_(1, 2), "in", (1, 2)),
        (AMOUNT.in_(1), "in", (1,)),
        (AMOUNT.in_([1, 2]), "in", (1, 2)),
        (AMOUNT.in_(range(3)), "in", (0, 1, 2)),
        (AMOUNT.in_({30, 4, -5}), "in", (-5, 4, 30)),
        (COUNTRY.in_({"b", "a", "c"}), "in", ("a", "b", "c")),
        (COUNTRY.in_("CN"), "in", ("CN",)),
        (AMOUNT.not_in(1, 2), "not_in", (1, 2)),
        (AMOUNT.not_in(number for number in (1, 2)), "not_in", (1, 2)),
        (AMOUNT.between(1, 2), "between", (1, 2)),
        (AMOUNT.exists(), "exists", None),
        (COUNTRY.contains("N"), "contains", "N"),
        (COUNTRY.starts_with("C"), "starts_with", "C"),
    ],
)
def test_each_comparison_builds_its_leaf(built, op, value):
    assert (Leaf, op, value) == (type(built), built.op, built.value)


def test_joining_makes_flat_groups():
    a, b, c, d = (number == AMOUNT for number in range(4))
    assert AllOf(all=(a, b, c)) == a & b & c == a & (b & c)
    assert AnyOf(any=(a, b, c, d)) == a | b | c | d == (a | b) | (c | d)
    assert AnyOf(any=(AllOf(all=(a, b)), c)) == a & b | c
    assert Not.model_validate({"not": a}) == ~a


def test_a_leaf_takes_its_parts_by_place():
    assert AMOUNT.between(1, 2) == Leaf("event.amount", "between", (1, 2))


@pytest.mark.parametrize(
    "build",
    [
        lambda: field("event.amout"),
        lambda: field(7),
        lambda: AMOUNT == "x",
        lambda: AMOUNT == None,  # noqa: E711 - a condition, no comparison
        lambda: AMOUNT >= True,
        lambda: AMOUNT >= 2.5,
        lambda: AMOUNT == AMOUNT,  # noqa: PLR0124 - a fact is no literal
        lambda: field("referee.sum.purchase") <= AMOUNT,
        AMOUNT.in_,
        lambda: AMOUNT.in_([]),
        lambda: AMOUNT.in_([[1]]),
        lambda: AMOUNT.in_(count()),
        lambda: AMOUNT.in_({1, "x"}),
        lambda: AMOUNT.in_(range(1001)),
        lambda: AMOUNT.between(2, 1),
        lambda: AMOUNT.contains("1"),
        lambda: COUNTRY.starts_with(1),
        lambda: field("event.at") < datetime(2026, 3, 1),  # noqa: DTZ001 - that is the point
        lambda: field("referrer.tag.gold") >= 3,
        lambda: Leaf("event.amount", "ge"),
        lambda: Leaf("event.amount", "ge", 1, 2),
        lambda: Leaf("event.amount", "above", 1),
        lambda: AllOf(all=()),
        lambda: AllOf(all=(AMOUNT,)),
    ],
)
def test_a_wrong_comparison_is_refused_when_it_is_built(build):
    with pytest.raises(RuleError):
        build()


@pytest.mark.parametrize(
    "use",
    [
        lambda: 1 < AMOUNT < 5,
        lambda: (AMOUNT > 1) and GOLD,
        lambda: (AMOUNT > 1) or GOLD,
        lambda: not GOLD,
        lambda: bool(GOLD & GOLD),
        lambda: bool(GOLD | GOLD),
        lambda: bool(~GOLD),
        lambda: bool(AMOUNT),
        lambda: GOLD and AMOUNT,
        lambda: 5 if AMOUNT > 1 else 6,
        lambda: COUNTRY in ["CN", "US"],
    ],
)
def test_a_condition_has_no_truth(use):
    with pytest.raises(RuleError) as caught:
        use()
    assert caught.value.problems[0].code == "condition_truth"
    assert "& | ~" in str(caught.value)


@pytest.mark.parametrize("other", [AMOUNT, True, None, "event.amount > 1", {"field": "event.amount", "op": "exists"}])
def test_only_conditions_are_joined(other):
    with pytest.raises(TypeError):
        GOLD & other
    with pytest.raises(TypeError):
        other | GOLD


def test_depth_and_size_are_bounded_while_building():
    deep = wide = GOLD
    for _ in range(31):
        deep = ~deep
    for _ in range(7):
        wide = wide & wide
    assert len(wide.all) == 128
    with pytest.raises(RuleError, match="at most 32 deep"):
        deep.__invert__()
    with pytest.raises(RuleError, match="at most 256"):
        wide & wide


def test_a_field_can_be_a_key_and_tells_its_name():
    assert {AMOUNT: 1}[AMOUNT] == 1
    assert FieldRef("event.amount").name == AMOUNT.name
    assert repr(AMOUNT) == "FieldRef(name='event.amount')"


def test_true_is_not_one_and_times_are_instants():
    assert Leaf("event.attributes.x", "eq", True) != Leaf("event.attributes.x", "eq", 1)
    assert Leaf("event.attributes.x", "in", (True,)) != Leaf("event.attributes.x", "in", (1,))
    noon = field("event.at") == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert noon == Leaf("event.at", "eq", "2026-03-01T20:00:00+08:00")
    assert hash(noon) == hash(Leaf("event.at", "eq", "2026-03-01T20:00:00+08:00"))
