"""Invite codes: alphabets, check symbol, spec, parsing, generation, and when a code may be used."""

from __future__ import annotations

from referral_engine.codes.alphabet import Alphabet, alphabet_problem
from referral_engine.codes.check import check_holds, check_symbol
from referral_engine.codes.code import InviteCode, Unusable, usable
from referral_engine.codes.generation import GENERATED_MAX, generate
from referral_engine.codes.parsing import CodeProblem, Parsed, parse
from referral_engine.codes.spec import CodeSpec

__all__ = [
    "GENERATED_MAX",
    "Alphabet",
    "CodeProblem",
    "CodeSpec",
    "InviteCode",
    "Parsed",
    "Unusable",
    "alphabet_problem",
    "check_holds",
    "check_symbol",
    "generate",
    "parse",
    "usable",
]
