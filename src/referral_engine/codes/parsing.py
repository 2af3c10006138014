"""Reading a code as people type it, before any look-up."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from referral_engine.codes.alphabet import Alphabet, reading_table
from referral_engine.codes.check import check_holds

if TYPE_CHECKING:
    from referral_engine.codes.spec import CodeSpec

TYPED_LENGTH_MAX = 64
"""The longest text, in characters, that is looked at."""

CodeProblem = Literal["blank", "length", "alphabet", "check"]
"""Why a text is no code: nothing in it, too long or short, a strange symbol, or a slip that the check symbol caught."""

_table = lru_cache(maxsize=64)(reading_table)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text was read as: the canonical code, or the problem; one of the two is None.

    `text` is the symbols only, without prefix, hyphens or spaces, as codes are kept and looked up.
    """

    text: str | None
    problem: CodeProblem | None


def parse(spec: CodeSpec, text: str) -> Parsed:
    """Read what someone typed, pasted or was sent, as a code of `spec`; raises for no text.

    Compatibility forms (full width and the like) are normalised by NFKC, letters read in either case where the alphabet
    has but one, spaces and hyphens dropped, the prefix taken off when it is there.
    """
    if len(text) > TYPED_LENGTH_MAX:
        return Parsed(None, "length")
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    symbols = plain.strip().translate(_table(spec.alphabet))
    if not symbols:
        return Parsed(None, "blank")
    if spec.prefix and len(symbols) == spec.size + len(spec.prefix):
        symbols = _without_prefix(spec, plain, symbols)
    problem = _problem(spec, symbols)
    return Parsed(None, problem) if problem else Parsed(symbols, None)


def _without_prefix(spec: CodeSpec, plain: str, symbols: str) -> str:
    """Take the prefix off, read with the folds of the safe alphabets whatever the code's own alphabet is."""
    folds = _table(Alphabet.SAFE29)
    head = plain.strip().translate(folds)[: len(spec.prefix)]
    return symbols[len(spec.prefix) :] if head == spec.prefix.translate(folds) else symbols


def _problem(spec: CodeSpec, symbols: str) -> CodeProblem | None:
    if len(symbols) != spec.size:
        return "length"
    if symbols.strip(spec.alphabet):
        return "alphabet"
    if spec.check and not check_holds(spec.alphabet, symbols):
        return "check"
    return None
