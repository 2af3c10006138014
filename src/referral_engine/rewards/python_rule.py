"""A reward rule in plain Python, on equal footing with a rule as data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError, core_schema

from referral_engine.errors import Problem, RuleError
from referral_engine.ids import Name, shown
from referral_engine.rewards.data_rule import Limits, Priority, Trigger
from referral_engine.rewards.limit import Limit
from referral_engine.rewards.vocabulary import fact
from referral_engine.validation import Model, PlainText, Several, Time, at_most, require_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.rewards.context import Because, PythonAward, RuleContext

RuleFunction = Callable[["RuleContext"], "Iterable[PythonAward | Because] | None"]


def _known_fact(name: str) -> str:
    try:
        return fact(name).name
    except ValueError as exc:
        raise PydanticCustomError("fact", "{problem}", {"problem": str(exc)}) from exc


class _Header(Model):
    """What the decorator is given, checked."""

    id: Name
    on: Trigger
    version: Annotated[PlainText, Field(min_length=1, max_length=64)]
    needs: Annotated[Several[Annotated[str, AfterValidator(_known_fact)]], at_most(64)]
    limits: Limits
    starts_at: Time | None
    ends_at: Time | None
    priority: Priority

    @classmethod
    def _refuse(cls, problems: Sequence[Problem]) -> RuleError:
        return RuleError(problems)

    @model_validator(mode="after")
    def _interval(self) -> Self:
        require_interval(self.starts_at, self.ends_at)
        return self


@dataclass(frozen=True, slots=True)
class PythonRule:
    """A function that judges events of type `on`; it may look at the facts in `needs`. Made by `rule`.

    It is written to JSON as its id and version, and read back from the rules given in the context.
    """

    id: str
    on: str
    version: str
    needs: tuple[str, ...]
    limits: tuple[Limit, ...]
    starts_at: datetime | None
    ends_at: datetime | None
    priority: int
    function: RuleFunction

    def __call__(self, ctx: RuleContext) -> Iterable[PythonAward | Because] | None:
        """Run the function itself."""
        return self.function(ctx)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Accept a rule, or its name and version with the rule in the validation context."""
        return core_schema.with_info_plain_validator_function(
            _find_rule, serialization=core_schema.plain_serializer_function_ser_schema(_name_and_version)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the name and version that stand for the function."""
        return {
            "type": "object",
            "properties": {"python": {"type": "string"}, "version": {"type": "string"}},
            "required": ["python", "version"],
            "additionalProperties": False,
            "title": "PythonRule",
        }


def _name_and_version(rule: PythonRule) -> dict[str, str]:
    return {"python": rule.id, "version": rule.version}


def _find_rule(value: object, info: ValidationInfo) -> PythonRule:
    if isinstance(value, PythonRule):
        return value
    if not isinstance(value, Mapping) or value.keys() != {"python", "version"}:
        raise PydanticCustomError("python_rule", 'a Python rule is {"python": its name, "version": its version}')
    context = info.context
    given = context.get("rules", ()) if isinstance(context, Mapping) else ()
    for rule_given in given:
        if isinstance(rule_given, PythonRule) and _name_and_version(rule_given) == dict(value):
            return rule_given
    raise PydanticCustomError(
        "unknown_python_rule",
        'no Python rule {name} of version {version} was given; pass it in the validation context, under "rules"',
        {"name": shown(value["python"]), "version": shown(value["version"])},
    )


def rule(
    on: str,
    version: str,
    needs: Sequence[str] = (),
    *,
    limits: Sequence[Limit] = (),
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    priority: int = 0,
) -> Callable[[RuleFunction], PythonRule]:
    """Make a reward rule of a function; its id is the function's name.

    The function gets a `RuleContext` and yields, or returns an iterable of, awards and reasons; None gives nothing. It
    must be pure: the same facts, the same answer. Change `version` with what it does. Raises RuleError.
    """

    def decorate(function: RuleFunction) -> PythonRule:
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise RuleError([Problem("", "async_rule", "a rule is a plain function; it decides and awaits nothing")])
        header = _Header(
            id=getattr(function, "__name__", ""),
            on=on,
            version=version,
            needs=(needs,) if isinstance(needs, str) else needs,
            limits=limits,
            starts_at=starts_at,
            ends_at=ends_at,
            priority=priority,
        )
        return PythonRule(
            header.id,
            header.on,
            header.version,
            tuple(header.needs),
            tuple(header.limits),
            header.starts_at,
            header.ends_at,
            header.priority,
            function,
        )

    return decorate
