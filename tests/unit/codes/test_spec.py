"""What a CodeSpec accepts, what it tells, and how it shows a code."""

from __future__ import annotations

import math

import pytest

from referral_engine.codes import Alphabet, CodeSpec
from referral_engine.errors import InvalidProgram

SEVENTEEN = "23456789BCDFGHJKL"


@pytest.mark.parametrize(
    ("spec", "length", "size", "bits"),
    [(CodeSpec.short(), 9, 10, 43.7), (CodeSpec.standard(), 10, 11, 48.6), (CodeSpec.long(), 16, 17, 77.7)],
)
def test_presets(spec, length, size, bits):
    assert (spec.alphabet, spec.length, spec.check, spec.size) == (Alphabet.SAFE29, length, True, size)
    assert spec.space == 29**length
    assert round(spec.bits, 1) == bits


def test_the_standard_is_the_default():
    assert CodeSpec() == CodeSpec.standard()
    assert hash(CodeSpec()) == hash(CodeSpec.standard())


def test_fields_may_be_given_by_place():
    spec = CodeSpec(Alphabet.SAFE31, 12, False, "ACME", 4)
    assert (spec.alphabet, spec.length, spec.check, spec.prefix, spec.group) == (Alphabet.SAFE31, 12, False, "ACME", 4)
    assert (spec.size, spec.space, spec.bits) == (12, 31**12, 12 * math.log2(31))


def test_json_round_trip():
    spec = CodeSpec(alphabet=SEVENTEEN, length=15, prefix="X1", group=5)
    assert CodeSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    "fields",
    [
        {"alphabet": "0123456789ABCDEF", "length": 10, "check": False},
        {"alphabet": SEVENTEEN, "length": 15},
        {"alphabet": Alphabet.SAFE29, "length": 27},
        {"alphabet": Alphabet.SAFE31, "length": 29},
        {"alphabet": Alphabet.CROCKFORD32, "length": 8, "check": False},
        {"alphabet": Alphabet.SHORTUUID57, "length": 32, "check": False},
        {"prefix": "ABCDEFGHIJ01"},
        {"length": 27, "prefix": "ABCDEFGHIJKL", "group": 2},
        {"length": 27, "prefix": "ABCDEFGH", "group": 1},
    ],
)
def test_the_edges_of_what_is_sound(fields):
    assert CodeSpec(**fields).bits >= 40


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"alphabet": "ABC"}, "alphabet", "alphabet"),
        ({"alphabet": Alphabet.SAFE29 + "2"}, "alphabet", "alphabet"),
        ({"alphabet": Alphabet.SAFE29[:-1] + "\u00c9"}, "alphabet", "alphabet"),
        ({"alphabet": 29}, "alphabet", "string_type"),
        ({"alphabet": None}, "alphabet", "string_type"),
        ({"alphabet": "\ud800" * 29}, "alphabet", "alphabet"),
        ({"length": 8}, "length", "code_bits"),
        ({"length": 1}, "length", "code_bits"),
        ({"alphabet": "0123456789ABCDEF", "length": 9, "check": False}, "length", "code_bits"),
        ({"alphabet": "0123456789ABCDEFG", "length": 9}, "length", "code_bits"),
        ({"length": 0}, "length", "greater_than_equal"),
        ({"length": 33, "check": False}, "length", "less_than_equal"),
        ({"length": 10**30}, "length", "less_than_equal"),
        ({"length": True}, "length", "int_type"),
        ({"length": 10.0}, "length", "int_type"),
        ({"length": "10"}, "length", "int_type"),
        ({"alphabet": Alphabet.CROCKFORD32}, "check", "check_alphabet"),
        ({"alphabet": Alphabet.SHORTUUID57, "check": True}, "check", "check_alphabet"),
        ({"length": 28}, "check", "check_length"),
        ({"alphabet": SEVENTEEN, "length": 16}, "check", "check_length"),
        ({"check": 1}, "check", "bool_type"),
        ({"check": None}, "check", "bool_type"),
        ({"prefix": "acme"}, "prefix", "code_prefix"),
        ({"prefix": "AC-ME"}, "prefix", "code_prefix"),
        ({"prefix": "ACME\n"}, "prefix", "code_prefix"),
        ({"prefix": "\uff21"}, "prefix", "code_prefix"),
        ({"prefix": "A" * 13}, "prefix", "string_too_long"),
        ({"prefix": None}, "prefix", "string_type"),
        ({"group": -1}, "group", "greater_than_equal"),
        ({"group": 33}, "group", "less_than_equal"),
        ({"group": True}, "group", "int_type"),
        ({"length": 27, "prefix": "ABCDEFGHIJKL", "group": 1}, "group", "code_shown"),
        ({"length": 32, "check": False, "prefix": "AB", "group": 1}, "group", "code_shown"),
        ({"size": 11}, "size", "extra_forbidden"),
    ],
)
def test_an_unsound_spec_is_refused_with_its_path(fields, path, code):
    with pytest.raises(InvalidProgram) as caught:
        CodeSpec(**fields)
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [(path, code)]


def test_all_problems_are_told_at_once():
    with pytest.raises(InvalidProgram) as caught:
        CodeSpec(length=2, prefix="x", group=-1)
    assert [problem.path for problem in caught.value.problems] == ["length", "prefix", "group"]


def test_too_few_bits_are_told_how_many_symbols_would_do():
    with pytest.raises(InvalidProgram, match="9 symbols or more give the 40 bits"):
        CodeSpec(length=8)


def test_a_spec_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        CodeSpec().length = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("prefix", "group", "shown"),
    [
        ("", 0, "7K3MQ9TZB2C"),
        ("", 4, "7K3M-Q9TZ-B2C"),
        ("", 11, "7K3MQ9TZB2C"),
        ("", 1, "7-K-3-M-Q-9-T-Z-B-2-C"),
        ("ACME", 0, "ACME-7K3MQ9TZB2C"),
        ("ACME", 5, "ACME-7K3MQ-9TZB2-C"),
    ],
)
def test_a_code_is_shown_with_prefix_and_groups(prefix, group, shown):
    assert CodeSpec(prefix=prefix, group=group).show("7K3MQ9TZB2C") == shown
