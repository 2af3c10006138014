"""CodeSpec: what the codes of a program look like, and how many there can be."""

from __future__ import annotations

import math
import re
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from referral_engine.codes.alphabet import Alphabet, alphabet_problem, is_prime
from referral_engine.codes.check import checked_length_max
from referral_engine.validation import Part

LENGTH_MAX = 32
"""The most random symbols of one code."""

PREFIX_LENGTH_MAX = 12
SHOWN_LENGTH_MAX = 64
"""The longest code, in characters, as it is shown and typed; an event carries no longer one."""

BITS_MIN = 40
"""The least randomness of a code, in bits: with fewer, guessing finds live codes."""

_PREFIX = re.compile(r"[A-Z0-9]*", re.ASCII)


class CodeSpec(Part):
    """The form of codes: `length` random symbols of `alphabet`, then a check symbol when `check`.

    `prefix` is shown in front, upper-case ASCII letters and digits; `group` is how many symbols stand between two
    hyphens when a code is shown, 0 for no groups. Neither is part of the code, and people may leave them out. A check
    symbol needs an alphabet of prime size. Building one of fewer than 40 bits raises InvalidProgram.
    """

    alphabet: str = Field(default=Alphabet.SAFE29, kw_only=False)
    length: Annotated[int, Field(ge=1, le=LENGTH_MAX)] = Field(default=10, kw_only=False, validate_default=True)
    check: bool = Field(default=True, kw_only=False, validate_default=True)
    prefix: Annotated[str, Field(max_length=PREFIX_LENGTH_MAX)] = Field(default="", kw_only=False)
    group: Annotated[int, Field(ge=0, le=LENGTH_MAX)] = Field(default=0, kw_only=False, validate_default=True)

    @field_validator("alphabet")
    @classmethod
    def _alphabet_sound(cls, alphabet: str) -> str:
        if problem := alphabet_problem(alphabet):
            raise PydanticCustomError("alphabet", "{problem}", {"problem": problem})
        return alphabet

    @field_validator("length")
    @classmethod
    def _random_enough(cls, length: int, info: ValidationInfo) -> int:
        alphabet = info.data.get("alphabet")
        if alphabet is not None and len(alphabet) ** length < 2**BITS_MIN:
            needed = math.ceil(BITS_MIN / math.log2(len(alphabet)))
            raise PydanticCustomError(
                "code_bits",
                "codes of this length can be guessed; {needed} symbols or more give the {bits} bits that are needed",
                {"needed": needed, "bits": BITS_MIN},
            )
        return length

    @field_validator("check")
    @classmethod
    def _check_possible(cls, check: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - the signature of validators
        alphabet = info.data.get("alphabet")
        if not check or alphabet is None:
            return check
        if not is_prime(len(alphabet)):
            raise PydanticCustomError(
                "check_alphabet",
                "a check symbol needs an alphabet of prime size, and this has {size} symbols; or set check=False",
                {"size": len(alphabet)},
            )
        if info.data.get("length", 0) > checked_length_max(alphabet):
            raise PydanticCustomError(
                "check_length",
                "a check symbol of this alphabet guards at most {most} symbols; shorten length, or check=False",
                {"most": checked_length_max(alphabet)},
            )
        return check

    @field_validator("prefix")
    @classmethod
    def _prefix_plain(cls, prefix: str) -> str:
        if not _PREFIX.fullmatch(prefix):
            raise PydanticCustomError("code_prefix", "a prefix is made of upper-case ASCII letters and digits")
        return prefix

    @field_validator("group")
    @classmethod
    def _fits_when_shown(cls, group: int, info: ValidationInfo) -> int:
        data = info.data
        if {"length", "check", "prefix"} <= data.keys():
            shown = _shown("." * (data["length"] + data["check"]), data["prefix"], group)
            if len(shown) > SHOWN_LENGTH_MAX:
                raise PydanticCustomError(
                    "code_shown",
                    "with prefix and hyphens a code has {size} characters, and {most} is the most; take larger groups",
                    {"size": len(shown), "most": SHOWN_LENGTH_MAX},
                )
        return group

    @classmethod
    def short(cls) -> Self:
        """9 random symbols and a check symbol: 43 bits, for a few thousand members."""
        return cls(length=9)

    @classmethod
    def standard(cls) -> Self:
        """10 random symbols and a check symbol: 48 bits, the default."""
        return cls()

    @classmethod
    def long(cls) -> Self:
        """16 random symbols and a check symbol: 77 bits, for codes worth something to whoever holds them."""
        return cls(length=16)

    @property
    def size(self) -> int:
        """How many symbols a code has, the check symbol among them; prefix and hyphens are not."""
        return self.length + self.check

    @property
    def space(self) -> int:
        """How many different codes there are."""
        space: int = len(self.alphabet) ** self.length
        return space

    @property
    def bits(self) -> float:
        """The randomness of one code, in bits."""
        return self.length * math.log2(len(self.alphabet))

    def show(self, text: str) -> str:
        """Write a canonical code for people, such as `ACME-7K3MQ-9TZB2-Y`; `parse` reads it back."""
        return _shown(text, self.prefix, self.group)


def _shown(text: str, prefix: str, group: int) -> str:
    step = group or len(text) or 1
    parts = [text[start : start + step] for start in range(0, len(text), step)]
    return "-".join([prefix, *parts] if prefix else parts)
