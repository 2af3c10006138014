"""The identifiers of the domain, their forms, and the check of one given as an argument."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from referral_engine.errors import InvalidInput

_PERSON = re.compile(r"[A-Za-z0-9._:/=-]{1,128}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

PERSON_FORM = "1 to 128 of A-Z a-z 0-9 . _ : / = -"
NAME_FORM = "1 to 64 of A-Z a-z 0-9 . _ - beginning with a letter or digit"


def _looks_personal(text: str) -> bool:
    return "@" in text or (text[:1] == "+" and text[1:2].isdigit())


def id_problem(value: object) -> str | None:
    """Say what is wrong with a member's or event's id, or None."""
    if not isinstance(value, str):
        return f"must be text: {PERSON_FORM}"
    if _PERSON.fullmatch(value):
        return None
    if _looks_personal(value[:200]):
        return "looks like personal data (e-mail or phone); use an opaque id of your own"
    return f"must be {PERSON_FORM}"


def name_problem(value: object) -> str | None:
    """Say what is wrong with the id of a program, campaign, rule, board, unit or event type, or None."""
    if not isinstance(value, str):
        return f"must be text: {NAME_FORM}"
    if _NAME.fullmatch(value):
        return None
    if _looks_personal(value[:200]):
        return "looks like personal data (e-mail or phone); use a name of your own"
    return f"must be {NAME_FORM}"


def _checked_id(value: object) -> object:
    if problem := id_problem(value):
        raise PydanticCustomError("id", "{problem}", {"problem": problem})
    return value


def _checked_name(value: object) -> object:
    if problem := name_problem(value):
        raise PydanticCustomError("name", "{problem}", {"problem": problem})
    return value


MemberId = Annotated[str, BeforeValidator(_checked_id), Field(description=PERSON_FORM)]
EventId = Annotated[str, BeforeValidator(_checked_id), Field(description=PERSON_FORM)]
Name = Annotated[str, BeforeValidator(_checked_name), Field(description=NAME_FORM)]


def shown(value: object) -> str:
    """Write a value for a message: short text quoted, anything else by its type."""
    return repr(value[:80]) if isinstance(value, str) else type(value).__name__


def require_id(name: str, value: object) -> str:
    """Answer `value` when it is a member's or event's id, else raise InvalidInput for the argument `name`."""
    if problem := id_problem(value):
        raise InvalidInput(name, problem)
    return str(value)


def derived_id(*parts: str | int) -> str:
    """Derive an id of 16 bytes, as 32 hexadecimal digits, from what names the thing; a replay makes the same one.

    The parts are ids, which hold no line feed, so that joining them is free of collisions.
    """
    return blake2b("\n".join(map(str, parts)).encode(), digest_size=16).hexdigest()
