"""Properties of conditions: three forms of one model, and closures that mean what a plain reading means."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from referral_engine.rewards.builder import field
from referral_engine.rewards.compiling import MISSING, Failure, compile_condition
from referral_engine.rewards.condition import AllOf, AnyOf, Condition, ConditionField, Leaf, Not, fields_of
from referral_engine.rewards.vocabulary import fact
from referral_engine.validation import TOTAL_MAX, Model

SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "in": "in", "not_in": "not in"}
FACTS = {
    "int": ["event.amount", "referral.age_days", "referee.count.purchase", "referrer.sum.a.b-c", "referee.age_days"],
    "text": ["event.type", "event.member", "referral.state", "referral.campaign"],
    "bool": ["referrer.tag.gold", "referee.role.leader"],
    "time": ["event.at"],
    "any": ["event.attributes.x", "event.attributes.-_"],
}
NUMBERS = st.integers(-TOTAL_MAX - 1, TOTAL_MAX) | st.integers(-3, 3)
TEXTS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=5) | st.sampled_from(["", "a", "ab", "b"])
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2999, 12, 30)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
LITERALS = {"int": NUMBERS, "text": TEXTS, "bool": st.booleans(), "time": TIMES, "any": NUMBERS | TEXTS | st.booleans()}
COMMON = ["eq", "ne", "in", "not_in", "exists"]
OPERATORS = {
    "int": [*COMMON, "lt", "le", "gt", "ge", "between"],
    "text": [*COMMON, "contains", "starts_with"],
    "bool": COMMON,
    "time": [*COMMON, "lt", "le", "gt", "ge", "between"],
    "any": [*COMMON, "lt", "le", "gt", "ge", "between", "contains", "starts_with"],
}
FOUND = (
    st.none()
    | st.just(MISSING)
    | NUMBERS
    | TEXTS
    | st.booleans()
    | TIMES
    | st.lists(st.none() | NUMBERS | TEXTS | st.booleans(), max_size=4).map(tuple)
)


class Holder(Model):
    """A model with a condition."""

    where: ConditionField


@st.composite
def leaves(draw):
    kind = draw(st.sampled_from(list(FACTS)))
    name, op = draw(st.sampled_from(FACTS[kind])), draw(st.sampled_from(OPERATORS[kind]))
    literals = LITERALS[kind]
    if op in {"lt", "le", "gt", "ge", "between"} and kind == "any":
        literals = draw(st.sampled_from([NUMBERS, TEXTS]))
    if op == "starts_with":
        literals = TEXTS
    if op == "exists":
        return Leaf(name, op)
    if op == "between":
        return Leaf(name, op, tuple(sorted(draw(st.tuples(literals, literals)))))
    if op in {"in", "not_in"}:
        return Leaf(name, op, draw(st.lists(literals, min_size=1, max_size=4)))
    return Leaf(name, op, draw(literals))


def groups(children):
    several = st.lists(children, min_size=1, max_size=4)
    return (
        several.map(lambda parts: AllOf(all=parts))
        | several.map(lambda parts: AnyOf(any=parts))
        | children.map(lambda part: ~part)
    )


CONDITIONS = st.recursive(leaves(), groups, max_leaves=12)
VIEWS = st.fixed_dictionaries({}, optional={name: FOUND for names in FACTS.values() for name in names})


def literal_text(value) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(literal_text, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        value = value.isoformat()
    return str(value) if isinstance(value, int) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def text_of(condition: Condition) -> str:
    """Print a condition, every group in parentheses."""
    if isinstance(condition, AllOf):
        return "(" + " and ".join(map(text_of, condition.all)) + ")"
    if isinstance(condition, AnyOf):
        return "(" + " or ".join(map(text_of, condition.any)) + ")"
    if isinstance(condition, Not):
        return "not " + text_of(condition.not_)
    if condition.op == "between":
        return f"{condition.field} between {' and '.join(map(literal_text, condition.value))}"
    sign = SIGNS.get(condition.op, condition.op)
    return f"{condition.field} {sign} {literal_text(condition.value) if condition.value is not None else ''}"


def built_of(condition: Condition) -> Condition:
    """Build a condition anew with `field()` and `& | ~`."""
    if isinstance(condition, AllOf | AnyOf):
        joined, *rest = map(built_of, condition.all if isinstance(condition, AllOf) else condition.any)
        for part in rest:
            joined = joined & part if isinstance(condition, AllOf) else joined | part
        return joined
    if isinstance(condition, Not):
        return ~built_of(condition.not_)
    ref, value = field(condition.field), condition.value
    builders = {
        "eq": lambda: ref == value,
        "ne": lambda: ref != value,
        "lt": lambda: ref < value,
        "le": lambda: ref <= value,
        "gt": lambda: ref > value,
        "ge": lambda: ref >= value,
        "in": lambda: ref.in_(value),
        "not_in": lambda: ref.not_in(*value),
        "between": lambda: ref.between(*value),
        "exists": ref.exists,
        "contains": lambda: ref.contains(value),
        "starts_with": lambda: ref.starts_with(value),
    }
    return builders[condition.op]()


def holds(condition: Condition, view) -> bool:  # noqa: PLR0911 - a return for each form
    """Read a condition plainly: what it is held to mean."""
    if isinstance(condition, AllOf):
        return all(holds(part, view) for part in condition.all)
    if isinstance(condition, AnyOf):
        return any(holds(part, view) for part in condition.any)
    if isinstance(condition, Not):
        return not holds(condition.not_, view)
    found, op, value = view.get(condition.field), condition.op, condition.value
    if found is None or found is MISSING:
        return False
    if op == "exists":
        return True
    if op == "contains" and isinstance(found, tuple):
        return any(type(item) is type(value) and item == value for item in found)
    alike = [item for item in (value if isinstance(value, tuple) else (value,)) if type(item) is type(found)]
    if not alike:
        return False
    return {
        "eq": lambda: found == value,
        "ne": lambda: found != value,
        "lt": lambda: found < value,
        "le": lambda: found <= value,
        "gt": lambda: found > value,
        "ge": lambda: found >= value,
        "in": lambda: found in alike,
        "not_in": lambda: found not in alike,
        "between": lambda: value[0] <= found <= value[1],
        "contains": lambda: isinstance(found, str) and value in found,
        "starts_with": lambda: isinstance(found, str) and found.startswith(value),
    }[op]()


def getter(of):
    return lambda view: view.get(of.name, MISSING)


def at_path(condition: Condition, path: str) -> Condition:
    for step in path.replace("[", ".").replace("]", "").split(".")[1:]:
        match condition:
            case AllOf() | AnyOf() if step.isdigit():
                condition = (condition.all if isinstance(condition, AllOf) else condition.any)[int(step)]
            case Not():
                condition = condition.not_
            case _:
                assert isinstance(condition, AllOf if step == "all" else AnyOf)
    return condition


@given(CONDITIONS)
def test_data_round_trips_through_python_and_json(condition):
    held = Holder(where=condition)
    text = held.model_dump_json()
    assert held == Holder.model_validate_json(text) == Holder.model_validate(held.model_dump())
    assert text == Holder.model_validate_json(text).model_dump_json()
    assert json.loads(text) == held.model_dump()
    assert hash(condition) == hash(Holder.model_validate_json(text).where)


@given(CONDITIONS)
def test_text_and_builder_give_the_same_condition(condition):
    built = built_of(condition)
    assert built == Holder(where=text_of(condition)).where == Holder(where=built.model_dump()).where
    assert built == Holder(where=text_of(built)).where == built_of(built)
    assert fields_of(built) == fields_of(condition)


@given(CONDITIONS, VIEWS)
def test_the_closure_means_what_a_plain_reading_means(condition, view):
    failure = compile_condition(condition, getter)(view)
    assert holds(condition, view) == (failure is None)
    assert holds(built_of(condition), view) == (failure is None)
    if failure is not None:
        assert isinstance(failure, Failure)
        assert not holds(at_path(condition, failure.path), view)
        found = view.get(failure.field)
        assert (MISSING if found is None else found) is failure.found


@given(leaves(), st.sampled_from([{}, None, MISSING]))
def test_a_missing_or_null_fact_fails_every_leaf(leaf, nothing):
    view = {} if nothing == {} else {leaf.field: nothing}
    for form in (leaf, built_of(leaf), Holder(where=text_of(leaf)).where, Holder(where=leaf.model_dump()).where):
        assert Failure("where", leaf.field, MISSING) == compile_condition(form, getter)(view)
        assert compile_condition(~form, getter)(view) is None


@given(leaves(), FOUND)
def test_no_value_makes_a_leaf_raise(leaf, found):
    failure = compile_condition(leaf, getter)({leaf.field: found})
    assert failure is None or failure.field == fact(leaf.field).name


@given(st.text(max_size=60) | st.text("evnt.amou0123456789<>=!()[]'\"\\ ,andornotin", max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        held = Holder(where=text)
    except Exception as exc:  # noqa: BLE001 - the kind is what is tested
        assert getattr(exc, "code", None) == "invalid_program"  # noqa: PT017
    else:
        assert held == Holder(where=text_of(held.where))
