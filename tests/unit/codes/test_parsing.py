"""Codes as people type them."""

from __future__ import annotations

import pytest

from referral_engine.codes import Alphabet, CodeSpec, Parsed, check_symbol, parse

STANDARD = CodeSpec()
CODE = "7K3MQ9TZB2C"
WITH_L = "LLLLLLLLLL" + check_symbol(Alphabet.SAFE29, "LLLLLLLLLL")
MIXED = CodeSpec(alphabet=Alphabet.SHORTUUID57, check=False)
LOWER = CodeSpec(alphabet="0123456789abcdef", length=10, check=False)
ACME = CodeSpec(prefix="ACME", group=4)
INVITE1 = CodeSpec(prefix="INVITE1")


@pytest.mark.parametrize(
    "typed",
    [
        CODE,
        CODE.lower(),
        "7k3mQ9tzB2c",
        "  7K3MQ9TZB2C\n",
        "\t7K3MQ9TZB2C\r\n",
        "7K3M-Q9TZ-B2C",
        "7K3M Q9TZ B2C",
        "7K3M_Q9TZ_B2C",
        "-7K3M - Q9TZ -- B2C_",
        "7K3M\u00a0Q9TZ\u2003B2C",
        "\u30007K3MQ9TZB2C\u3000",
        "\uff17\uff2b\uff13\uff2d\uff31\uff19\uff34\uff3a\uff22\uff12\uff23",
        "\uff17\uff4b\uff13\uff4d\uff0d\uff31\uff19\uff34\uff3a\uff3f\uff22\uff12\uff43",
        "\U0001d7d5K3MQ9TZB2C",
        "-" * 53 + CODE,
    ],
)
def test_spellings_of_one_code(typed):
    assert parse(STANDARD, typed) == Parsed(CODE, None)


@pytest.mark.parametrize("typed", ["1111111111", "IIIIIIIIII", "iiiiiiiiii", "llllllllll", "1IlL-iLI1l1"])
def test_one_and_i_are_read_as_l_in_the_safe_alphabets(typed):
    assert parse(STANDARD, typed + WITH_L[-1]) == Parsed(WITH_L, None)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "blank"),
        (" ", "blank"),
        ("\t\n\u3000\u2028", "blank"),
        (" -_- ", "blank"),
        ("\uff0d\uff3f", "blank"),
        ("7", "length"),
        (CODE[:-1], "length"),
        (CODE + "C", "length"),
        (CODE * 2, "length"),
        ("-" * 54 + CODE, "length"),
        (" " * 65, "length"),
        ("A" * 10_000_000, "length"),
        ("\ufdfa" * 64, "length"),
        ("\ufdfa" * 65, "length"),
        ("\u0300" * 64, "length"),
        ("7K3MQ\u200b9TZB2C", "length"),
        ("7K3MQ9TZB2\u200b", "alphabet"),
        ("7K3MQ9TZB20", "alphabet"),
        ("7K3MQ9TZBOC", "alphabet"),
        ("7K3MQ9TZBUC", "alphabet"),
        ("7K3MQ9TZB!C", "alphabet"),
        ("7K3MQ\t9TZBC", "alphabet"),
        ("7K3MQ\09TZBC", "alphabet"),
        ("\0" * 11, "alphabet"),
        ("\ud8007K3MQ9TZB2", "alphabet"),
        ("\udfff" * 11, "alphabet"),
        ("\u202e7K3MQ9TZB2", "alphabet"),
        ("7\u041a3MQ9TZB2C", "alphabet"),
        ("\u0131\u0131\u0131\u0131\u0131\u0131\u0131\u0131\u0131\u0131" + WITH_L[-1], "alphabet"),
        ("7K3MQ9TZB2\u0130", "alphabet"),
        ("7K3MQ9TZB2\u00df", "alphabet"),
        ("\u0667K3MQ9TZB2C", "alphabet"),
        ("7K3MQ9TZB22", "check"),
        ("K73MQ9TZB2C", "check"),
        ("8K3MQ9TZB2C", "check"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_no_code_is_told_why(typed, problem):
    assert parse(STANDARD, typed) == Parsed(None, problem)


@pytest.mark.parametrize("typed", ["1IiLl23456", "aAbBcCdDeE"])
def test_an_alphabet_in_two_cases_is_taken_by_the_letter(typed):
    wrong = set(typed) - set(Alphabet.SHORTUUID57)
    assert parse(MIXED, typed) == (Parsed(None, "alphabet") if wrong else Parsed(typed, None))


def test_an_alphabet_of_small_letters_is_read_in_either_case():
    assert parse(LOWER, "ABCD-ef01-23") == Parsed("abcdef0123", None)


def test_an_alphabet_that_has_one_and_no_l_folds_nothing():
    crockford = CodeSpec(alphabet=Alphabet.CROCKFORD32, check=False)
    assert parse(crockford, "111111111a") == Parsed("111111111A", None)
    assert parse(crockford, "I111111111") == Parsed(None, "alphabet")


@pytest.mark.parametrize(
    "typed",
    [
        "ACME-7K3M-Q9TZ-B2C",
        "\t\nACME-7K3MQ9TZB2C\n",
        "acme7k3mq9tzb2c",
        CODE,
        "ac me 7K3M Q9TZ B2C",
        "\uff21CME-7K3M-Q9TZ-B2C",
    ],
)
def test_the_prefix_may_be_typed_or_not(typed):
    assert parse(ACME, typed) == Parsed(CODE, None)


@pytest.mark.parametrize("typed", ["INVITE1-", "invite1", "lnvlte-l", "1NV1TEI"])
def test_the_prefix_is_read_with_the_same_folds(typed):
    assert parse(INVITE1, typed + CODE) == Parsed(CODE, None)


@pytest.mark.parametrize(
    "typed", ["ACMF-" + CODE, "ACM-" + CODE, "ACME", "ACME-" * 2 + CODE, CODE + "ACME", "\u0131CME" + CODE]
)
def test_another_prefix_is_no_code(typed):
    assert parse(ACME, typed) == Parsed(None, "length")


def test_a_code_that_begins_like_the_prefix_keeps_its_symbols():
    spec = CodeSpec(prefix="CC")
    symbols = "CCCCCCCCCC" + check_symbol(Alphabet.SAFE29, "CCCCCCCCCC")
    assert [parse(spec, symbols).text, parse(spec, "CC" + symbols).text] == [symbols, symbols]


def test_the_prefix_of_an_alphabet_in_two_cases_is_read_in_either():
    spec = CodeSpec(alphabet=Alphabet.SHORTUUID57, check=False, prefix="ACME")
    assert parse(spec, "acme-aAbBcCdDeE") == Parsed("aAbBcCdDeE", None)


def test_an_example_in_another_form_is_malformed_and_no_error():
    assert parse(STANDARD, "ANNA-2026").problem == "length"
