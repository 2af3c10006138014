"""The strict model that configuration and events are built on: pydantic's findings become errors of our tree."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from referral_engine.errors import Invalid, InvalidProgram, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

JSON_LENGTH_MAX = 4 * 1024 * 1024
"""The longest JSON document, in characters, that is read."""

TIME_LENGTH_MAX = 40
"""The longest text that is read as a time."""

FIELDS_MAX = 64
"""More fields than any model has: a mapping with more is refused before it is looked at."""

PROBLEMS_MAX = 20
"""How many problems one error reports."""

AMOUNT_MAX = 10**15
"""The largest amount, in minor units, that one event, reward or limit may carry."""

TOTAL_MAX = 2**63 - 1
"""The largest total, in minor units, that is kept: what a signed 64-bit column holds."""

TIME_MIN = datetime(1970, 1, 1, tzinfo=UTC)
TIME_MAX = datetime(3000, 1, 1, tzinfo=UTC)
HOLD_MAX = timedelta(days=3660)

_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DURATION = re.compile(r"P(?=.)(\d{1,5}D)?(T(?=.)(\d{1,6}H)?(\d{1,7}M)?(\d{1,9}(\.\d{1,6})?S)?)?", re.ASCII)
_DURATIONS = TypeAdapter(timedelta)
_BIDI_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_Value = TypeVar("_Value")


def read_time(value: object) -> object:
    """Turn RFC 3339 text into a datetime and leave the rest to the strict type."""
    if not isinstance(value, str):
        return value
    if len(value) > TIME_LENGTH_MAX or not _RFC3339.fullmatch(value):
        raise PydanticCustomError("time_text", "write the time as RFC 3339 text, such as 2026-03-01T00:00:00+08:00")
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError as exc:
        raise PydanticCustomError("time_text", "this is not a time of the calendar") from exc


def read_duration(value: object) -> object:
    """Turn ISO 8601 text into a timedelta and leave the rest to the strict type."""
    if not isinstance(value, str):
        return value
    if len(value) > TIME_LENGTH_MAX or not _DURATION.fullmatch(value):
        raise PydanticCustomError("duration_text", "write the duration as ISO 8601 text, such as P14D or PT36H")
    return _DURATIONS.validate_python(value, strict=False)


def as_utc(value: datetime) -> datetime:
    """Check the bounds of an aware datetime and put it in UTC."""
    if type(value) is datetime and value.tzinfo is UTC and TIME_MIN <= value < TIME_MAX:
        return value
    try:
        moment = value.astimezone(UTC)
        moment = datetime(*moment.timetuple()[:6], moment.microsecond, tzinfo=UTC)
    except (OverflowError, ValueError) as exc:
        raise PydanticCustomError("time_range", "the time must lie in the years 1970 to 2999") from exc
    if not TIME_MIN <= moment < TIME_MAX:
        raise PydanticCustomError("time_range", "the time must lie in the years 1970 to 2999")
    return moment


def require_interval(starts_at: datetime | None, ends_at: datetime | None) -> None:
    """Refuse a half-open interval that holds no moment; None is open."""
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        raise PydanticCustomError("interval", "starts_at must be before ends_at")


def unicode_text(value: str) -> str:
    """Refuse lone surrogates and NUL, which no database keeps."""
    if "\0" in value or (not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value)):
        raise PydanticCustomError("text", "text must be valid Unicode, without NUL and lone surrogates")
    return value


def plain_text(value: str) -> str:
    """Refuse characters that hide or reorder text: control characters, bidi marks, lone surrogates."""
    if not value.isprintable() and any(
        sign < " " or "\x7f" <= sign < "\xa0" or "\ud800" <= sign <= "\udfff" or sign in _BIDI_MARKS for sign in value
    ):
        raise PydanticCustomError("text", "text may hold no control characters, bidi marks or lone surrogates")
    return value


class FrozenDict(dict[str, _Value]):
    """A dictionary that refuses to change, so that a frozen value stays frozen all the way down."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        msg = "this mapping is part of a frozen value; build a new one"
        raise TypeError(msg)

    if not TYPE_CHECKING:
        __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        """Hash by content, as a frozen value does."""
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict[_Value]], tuple[dict[str, _Value]]]:
        """Pickle through a plain dictionary."""
        return type(self), (dict(self),)


Time = Annotated[AwareDatetime, BeforeValidator(read_time), AfterValidator(as_utc)]
"""An aware datetime, or RFC 3339 text; kept in UTC."""

Amount = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
"""A number of minor units, 1 to 10**15."""

Hold = Annotated[timedelta, BeforeValidator(read_duration), Field(ge=timedelta(0), le=HOLD_MAX)]
"""A timedelta, or ISO 8601 text: how long a grant is held before it may be spent; zero is no hold."""

if TYPE_CHECKING:
    Several = Sequence
else:

    class Several:
        """`Several[X]` is kept as a tuple of X; to a type checker, and in what may be given, it is any sequence."""

        def __class_getitem__(cls, item: Any) -> Any:
            """Build the annotation that pydantic reads."""
            return Annotated[tuple[item, ...], Field(strict=False)]


def at_most(count: int) -> BeforeValidator:
    """Bound a list or a mapping before any item of it is looked at, so that a huge one costs nothing."""

    def check(value: object) -> object:
        if not isinstance(value, list | tuple | Mapping):
            raise PydanticCustomError("collection", "give a list, or a mapping where names are wanted")
        if len(value) > count:
            raise PydanticCustomError("too_long", "holds more than {count} items", {"count": count})
        return value

    return BeforeValidator(check)


def _few_fields(value: object) -> object:
    if isinstance(value, Mapping) and len(value) > FIELDS_MAX:
        raise PydanticCustomError("too_many_fields", "holds more than {count} fields", {"count": FIELDS_MAX})
    return value


PlainText = Annotated[str, AfterValidator(plain_text)]
UnicodeText = Annotated[str, AfterValidator(unicode_text)]


def frozen(mapping: Mapping[str, _Value]) -> FrozenDict[_Value]:
    """Freeze a validated mapping."""
    return FrozenDict(mapping)


Freeze: AfterValidator = AfterValidator(frozen)
Thaw: PlainSerializer = PlainSerializer(dict)


def problems_of(exc: ValidationError) -> list[Problem]:
    """Translate pydantic's findings, with paths such as `campaigns[0].rules[2].where.all[1]`."""
    found = exc.errors(include_url=False, include_input=False, include_context=False)
    return [
        Problem(_path(item["loc"]), item["type"], _message(item["type"], item["msg"])) for item in found[:PROBLEMS_MAX]
    ]


def _path(parts: Sequence[int | str]) -> str:
    """Write a location; names in angle brackets are tags of a union and no part of it."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not part.startswith("<"):
            text += f".{part[:80]}" if text else part[:80]
    return text.encode("ascii", "backslashreplace").decode()


def _message(kind: str, message: str) -> str:
    hints = {
        "timezone_aware": "the datetime is naive; give it a time zone, such as tzinfo=UTC",
        "extra_forbidden": "there is no such field",
        "string_unicode": "text must be valid Unicode, without lone surrogates",
    }
    text = hints.get(kind, message[:1].lower() + message[1:])
    return text[:400].encode("utf-8", "backslashreplace").decode()


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"the key {twice[:80]!r} stands twice in one object"
        raise ValueError(msg)
    return keys


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is not a JSON number"
    raise ValueError(msg)


def read_json(text: str | bytes | bytearray) -> object:
    """Parse JSON strictly: no duplicate keys, no NaN, bounded length and depth.

    Raises ValueError, with a message for people, for anything else.
    """
    if len(text) > JSON_LENGTH_MAX:
        msg = f"the document is longer than {JSON_LENGTH_MAX} characters"
        raise ValueError(msg)
    try:
        return json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except RecursionError:
        msg = "the document is nested too deeply"
        raise ValueError(msg) from None


class Model(BaseModel):
    """A frozen, strict pydantic model that raises our errors, also when it is built directly."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        strict=True, extra="forbid", frozen=True, ser_json_timedelta="iso8601", hide_input_in_errors=True
    )

    @classmethod
    def _refuse(cls, problems: Sequence[Problem]) -> Invalid:
        """Choose the error that this model's problems are raised as."""
        return InvalidProgram(problems)

    @classmethod
    def _bound(cls, data: object) -> None:
        try:
            _few_fields(data)
        except PydanticCustomError as exc:
            cause = ValidationError.from_exception_data(cls.__name__, [{"type": exc, "loc": (), "input": None}])
            raise cls._refuse(problems_of(cause)) from cause

    @classmethod
    def _positional(cls) -> list[str]:
        return [name for name, info in cls.model_fields.items() if info.kw_only is False]

    if not TYPE_CHECKING:

        def __init__(self, /, *args: object, **data: object) -> None:
            if args:
                data = self._named(args, data)
            self._bound(data)
            try:
                self.__pydantic_validator__.validate_python(data, self_instance=self)
            except ValidationError as exc:
                raise self._refuse(problems_of(exc)) from exc

        __init__.__pydantic_base_init__ = True

        @classmethod
        def _named(cls, args: tuple[object, ...], data: dict[str, object]) -> dict[str, object]:
            names = cls._positional()
            if len(args) > len(names):
                message = f"takes {len(names)} positional arguments, got {len(args)}; name the others"
                raise cls._refuse([Problem("", "arguments", message)])
            given = dict(zip(names, args, strict=False))
            if twice := given.keys() & data.keys():
                raise cls._refuse([Problem(min(twice), "arguments", "given by place and by name")])
            return given | data

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Build from a mapping; raises the same errors as building in Python."""
        cls._bound(obj)
        try:
            return super().model_validate(obj, **options)
        except ValidationError as exc:
            raise cls._refuse(problems_of(exc)) from exc

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Build from JSON text; duplicate keys, NaN and endless nesting are refused as well."""
        try:
            cls._bound(read_json(json_data))
            return super().model_validate_json(json_data, **options)
        except ValidationError as exc:
            raise cls._refuse(problems_of(exc)) from exc
        except ValueError as exc:
            raise cls._refuse([Problem("", "json", str(exc)[:200])]) from exc


class Part(Model):
    """A model that stands inside others, where it is bounded before it is looked at too."""

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, data: object) -> object:
        return _few_fields(data)
