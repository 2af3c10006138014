"""Event: what the host tells us."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from referral_engine.errors import InvalidEvent, Problem
from referral_engine.ids import EventId, MemberId, Name
from referral_engine.validation import (
    TIME_MIN,
    TOTAL_MAX,
    Amount,
    Freeze,
    FrozenDict,
    Model,
    Thaw,
    Time,
    UnicodeText,
    at_most,
    plain_text,
)

if TYPE_CHECKING:
    from datetime import datetime

SIGNUP = "signup"
REFUND = "refund"

ATTRIBUTES_MAX = 64
"""How many attributes one event carries."""
TEXT_LENGTH_MAX = 1024
LIST_LENGTH_MAX = 100

NO_ATTRIBUTES: FrozenDict[Any] = FrozenDict()
"""What events without attributes share."""

_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode

AttributeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Scalar = str | bool | int | None
_Given = str | bool | int | Sequence[str | bool | int | None] | None


def _scalar(value: object) -> _Scalar:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= TEXT_LENGTH_MAX:
        return plain_text(value)
    if isinstance(value, int) and -TOTAL_MAX <= value <= TOTAL_MAX:
        return value
    raise PydanticCustomError(
        "attribute",
        "an attribute is text of at most 1,024 characters, a 64-bit whole number, true, false, null or a flat list",
    )


def _attribute(value: object) -> _Scalar | tuple[_Scalar, ...]:
    if not isinstance(value, list | tuple):
        return _scalar(value)
    if len(value) > LIST_LENGTH_MAX:
        raise PydanticCustomError("attribute", "a list in an attribute holds at most 100 items")
    return tuple(_scalar(item) for item in value)


AttributeValue = Annotated[
    _Given,
    PlainValidator(_attribute, json_schema_input_type=_Scalar | list[_Scalar]),
]
"""Text, a whole number, a truth value, nothing, or a flat list of them."""


class Event(Model):
    """Something that a member did.

    `signup` makes a member, by `code` or `referrer`; `refund` gives back the event named in `of`, in part by `amount`
    or, without one, all that is left; any other type, `purchase` among them, is the host's own, and may name in `of`
    the event whose held grants it confirms. `at` is when it happened, in the host's word; None is the engine's now.
    `amount` is in minor units.
    """

    id: EventId
    type: Name
    member: MemberId
    at: Time | None = None
    amount: Amount | None = None
    code: Annotated[UnicodeText, Field(min_length=1, max_length=64)] | None = None
    referrer: MemberId | None = None
    of: EventId | None = None
    attributes: Annotated[Mapping[AttributeName, AttributeValue], at_most(ATTRIBUTES_MAX), Freeze, Thaw] = Field(
        default_factory=FrozenDict
    )

    @classmethod
    def _refuse(cls, problems: Sequence[Problem]) -> InvalidEvent:
        return InvalidEvent(problems)

    @model_validator(mode="after")
    def _fields_fit_type(self) -> Self:
        if self.type == SIGNUP:
            if self.code is not None and self.referrer is not None:
                raise PydanticCustomError("event_fields", "give a sign-up a code or a referrer, not both")
        elif self.code is not None or self.referrer is not None:
            raise PydanticCustomError("event_fields", "code and referrer belong to a signup event only")
        if self.type == REFUND:
            if self.of is None:
                raise PydanticCustomError("event_fields", "a refund names in `of` the event it refunds")
            if self.of == self.id:
                raise PydanticCustomError("event_fields", "a refund cannot be of itself")
        elif self.of is not None and (self.type == SIGNUP or self.of == self.id):
            raise PydanticCustomError("event_fields", "of names an earlier event, which a sign-up does not have")
        return self

    def digest(self) -> bytes:
        """SHA-256 of the event as the caller gave it; `at=None` stays None, a time is its instant.

        Ids and names hold no line feed and are not empty, so that joining them is free of collisions.
        """
        at = "" if self.at is None else microseconds(self.at)
        ids = f"{self.id}\n{self.type}\n{self.member}\n{self.referrer or ''}\n{self.of or ''}"
        named = f"{ids}\n{at}\n{self.amount or ''}\n"
        free = _encode((self.code, self.attributes)) if self.attributes or self.code is not None else ""
        return hashlib.sha256((named + free).encode()).digest()


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 in UTC: how times are kept."""
    span = moment - TIME_MIN
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
