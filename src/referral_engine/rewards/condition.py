"""Conditions: the one model of what must hold for a rule to pay, whichever of the three forms it was written in."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn, TypeAlias

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from referral_engine.errors import Problem, RuleError
from referral_engine.rewards.text import DEPTH_MAX, NODES_MAX, parse
from referral_engine.rewards.text import TEXT_LENGTH_MAX as CONDITION_TEXT_LENGTH_MAX
from referral_engine.rewards.vocabulary import NAME_LENGTH_MAX, Operator, Scalar, Value, fact, literal
from referral_engine.validation import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

LITERALS_MAX = 10_000
"""How many literals all the lists of one condition hold together."""
_KEYS_MAX = 8

_FORMS = (
    'write a condition as {"field": …, "op": …, "value": …}, {"all": […]}, {"any": […]} or {"not": …}, '
    "or compare a field(…); only a whole condition may be text"
)


class _Node(Model):
    """What leaves and groups share: joining by `& | ~`, and the refusal to be taken for true or false."""

    _form: ClassVar[str]

    @classmethod
    def _refuse(cls, problems: Sequence[Problem]) -> RuleError:
        return RuleError(problems)

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, raw: Any) -> Any:
        """Measure raw data before anything descends into it, so that deep, wide or cyclic data costs nothing."""
        if not isinstance(raw, _Node) and (problem := _size_problem(raw)):
            raise PydanticCustomError("condition_size", "{problem}", {"problem": problem})
        return raw

    @model_serializer(mode="plain")
    def _written(self) -> dict[str, Any]:
        return _data_of(self)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe what is written as what is read."""
        read: Any = {key: part for key, part in schema.items() if key != "serialization"}
        return handler(read)

    def __and__(self, other: Condition) -> AllOf:
        """Both must hold; groups of `&` are joined into one."""
        if not isinstance(other, _Node):
            return NotImplemented
        return AllOf(all=(*_parts(self, AllOf), *_parts(other, AllOf)))

    def __or__(self, other: Condition) -> AnyOf:
        """One must hold; groups of `|` are joined into one."""
        if not isinstance(other, _Node):
            return NotImplemented
        return AnyOf(any=(*_parts(self, AnyOf), *_parts(other, AnyOf)))

    def __invert__(self) -> Not:
        """The condition must not hold."""
        return Not.model_validate({"not": self})

    def __bool__(self) -> NoReturn:
        """Refuse: `and`, `or`, `not` and chained comparisons would silently drop a part of the condition."""
        problem = (
            "a condition is neither true nor false while it is built: join with & | ~ instead of and, or, not, "
            "and write .between(low, high) instead of a chained comparison"
        )
        raise RuleError([Problem("", "condition_truth", problem)])


def _known_fact(name: object) -> str:
    try:
        return fact(name).name
    except ValueError as exc:
        raise PydanticCustomError("fact", "{problem}", {"problem": str(exc)}) from exc


def _fitting_value(value: object, info: ValidationInfo) -> Value:
    """Check the literal against its fact and operator, once these are known to be good."""
    if "field" not in info.data or "op" not in info.data:
        return None
    try:
        return literal(fact(info.data["field"]), info.data["op"], value)
    except ValueError as exc:
        raise PydanticCustomError("condition_value", "{problem}", {"problem": str(exc)}) from exc


def _plain_scalar(value: Scalar) -> int | str | bool:
    """Write a literal as JSON has it: a time as RFC 3339 text in UTC."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def _typed(value: Value) -> object:
    """Pair a literal with its type: True is not 1."""
    if isinstance(value, tuple):
        return tuple((type(item), item) for item in value)
    return type(value), value


class Leaf(_Node):
    """One comparison of a fact with a literal; a missing or null fact fails it, whatever the operator.

    A found value of another type than the literal's fails it too, in `ne` and `not_in` as well.
    """

    _form: ClassVar[str] = "<leaf>"

    field: Annotated[str, BeforeValidator(_known_fact)] = Field(
        kw_only=False,
        max_length=NAME_LENGTH_MAX,
        description="the fact, such as event.amount or referee.count.purchase",
    )
    op: Operator = Field(kw_only=False)
    value: Annotated[
        Value,
        PlainValidator(_fitting_value, json_schema_input_type=int | str | bool | list[int | str | bool] | None),
    ] = Field(
        default=None,
        kw_only=False,
        validate_default=True,
        description="one literal; a list for in and not_in, two ends for between, none for exists; times are RFC 3339",
    )

    def __eq__(self, other: object) -> bool:
        """Equal fields and literals, of equal types."""
        return isinstance(other, Leaf) and self._identity() == other._identity()

    def __hash__(self) -> int:
        """Hash as `==` compares."""
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return self.field, self.op, _typed(self.value)


def _data_of(node: object) -> dict[str, Any]:
    """Write a condition as plain data, the same whatever the options of the dump."""
    if isinstance(node, Not):
        return {"not": _data_of(node.not_)}
    if not isinstance(node, Leaf):
        return {"all" if isinstance(node, AllOf) else "any": [_data_of(child) for child in _children(node)]}
    data: dict[str, Any] = {"field": node.field, "op": node.op}
    if isinstance(node.value, tuple):
        data["value"] = [_plain_scalar(item) for item in node.value]
    elif node.value is not None:
        data["value"] = _plain_scalar(node.value)
    return data


def _listed(value: object) -> object:
    if not isinstance(value, list | tuple) or not value:
        raise PydanticCustomError("condition_list", "write a list of one condition or more")
    return value


class AllOf(_Node):
    """Every one of the conditions must hold."""

    _form: ClassVar[str] = "<all>"

    all: Annotated[tuple[_Child, ...], Field(strict=False, json_schema_extra={"minItems": 1}), BeforeValidator(_listed)]


class AnyOf(_Node):
    """At least one of the conditions must hold."""

    _form: ClassVar[str] = "<any>"

    any: Annotated[tuple[_Child, ...], Field(strict=False, json_schema_extra={"minItems": 1}), BeforeValidator(_listed)]


class Not(_Node):
    """The condition must not hold; one that fails for a missing fact does not hold."""

    _form: ClassVar[str] = "<not>"

    not_: Annotated[_Child, Field(alias="not")]


Condition: TypeAlias = Leaf | AllOf | AnyOf | Not
"""A condition in its one model."""


def _form_of(raw: object) -> str | None:
    """Tell which model raw data is meant for."""
    if isinstance(raw, _Node):
        return raw._form  # noqa: SLF001 - of this very module
    if not isinstance(raw, dict):
        return None
    for key in ("all", "any", "not"):
        if key in raw:
            return f"<{key}>"
    return Leaf._form if "field" in raw or "op" in raw else None  # noqa: SLF001 - of this very module


_Child: TypeAlias = Annotated[
    Annotated[Leaf, Tag("<leaf>")]
    | Annotated[AllOf, Tag("<all>")]
    | Annotated[AnyOf, Tag("<any>")]
    | Annotated[Not, Tag("<not>")],
    Discriminator(_form_of, custom_error_type="condition", custom_error_message=_FORMS),
]
AllOf.model_rebuild()
AnyOf.model_rebuild()
Not.model_rebuild()


def _read_text(value: object) -> object:
    """Turn text into the data form and leave the rest to the model."""
    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except ValueError as exc:
        raise PydanticCustomError("condition_text", "{problem}", {"problem": str(exc)}) from exc


ConditionField: TypeAlias = Annotated[
    _Child,
    BeforeValidator(
        _read_text,
        json_schema_input_type=Annotated[
            str, Field(max_length=CONDITION_TEXT_LENGTH_MAX, examples=["event.amount >= 2000 and referrer.tag.gold"])
        ]
        | _Child,
    ),
]
"""A field of a model that takes a condition in any of its three forms: text, built with `field()`, or data."""


def _parts(node: _Node, kind: type[AllOf | AnyOf]) -> tuple[Any, ...]:
    return tuple(_children(node)) if isinstance(node, kind) else (node,)


def _children(node: object) -> Sequence[object]:
    """Answer what lies directly under a node, built or raw, without judging its form."""
    if isinstance(node, AllOf):
        return node.all
    if isinstance(node, AnyOf):
        return node.any
    if isinstance(node, Not):
        return (node.not_,)
    if not isinstance(node, dict):
        return ()
    lists = [node[key] for key in ("all", "any") if isinstance(node.get(key), list | tuple)]
    nested = [node["not"]] if "not" in node else []
    return nested if not lists else lists[0] if len(lists) == 1 and not nested else [*nested, *lists[0], *lists[-1]]


def _literals(node: object) -> int:
    value = node.value if isinstance(node, Leaf) else node.get("value") if isinstance(node, dict) else None
    return len(value) if isinstance(value, list | tuple) else 0


def _size_problem(root: object) -> str | None:
    """Say which bound a condition breaks, in a walk that ends at the first; None when it keeps them all."""
    stack: list[tuple[object, int]] = [(root, 1)]
    nodes, literals = 1, 0
    while stack:
        node, depth = stack.pop()
        if depth > DEPTH_MAX:
            return f"a condition is nested at most {DEPTH_MAX} deep"
        if isinstance(node, dict) and len(node) > _KEYS_MAX:
            return _FORMS
        literals += _literals(node)
        if literals > LITERALS_MAX:
            return f"a condition lists at most {LITERALS_MAX:,} values"
        children = _children(node)
        nodes += len(children)
        if nodes > NODES_MAX:
            return f"a condition has at most {NODES_MAX} comparisons and groups"
        stack.extend((child, depth + 1) for child in children)
    return None


def fields_of(condition: Condition) -> frozenset[str]:
    """Name every fact that a condition looks at."""
    stack: list[object] = [condition]
    names = set()
    while stack:
        node = stack.pop()
        if isinstance(node, Leaf):
            names.add(node.field)
        stack.extend(_children(node))
    return frozenset(names)
