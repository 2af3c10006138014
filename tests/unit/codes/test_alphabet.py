"""The alphabets of the library, and which others are sound."""

from __future__ import annotations

import string

import pytest
from shortuuid import get_alphabet

from referral_engine.codes import Alphabet, alphabet_problem
from referral_engine.codes.alphabet import is_prime, reading_table

OURS = [Alphabet.SAFE29, Alphabet.SAFE31, Alphabet.CROCKFORD32, Alphabet.SHORTUUID57]


@pytest.mark.parametrize(("alphabet", "size"), list(zip(OURS, [29, 31, 32, 57], strict=True)))
def test_the_name_tells_the_size_and_the_alphabet_is_sound(alphabet, size):
    assert (len(alphabet), alphabet_problem(alphabet)) == (size, None)
    assert "".join(sorted(alphabet)) == alphabet


def test_safe_alphabets_hold_nothing_that_looks_like_something_else():
    assert set(Alphabet.SAFE29) & set("01IOAEU") == set()
    assert set(Alphabet.SAFE31) & set("01IOU") == set()
    assert Alphabet.SAFE29 == "23456789BCDFGHJKLMNPQRSTVWXYZ"


def test_shortuuids_alphabet_is_its_own():
    assert get_alphabet() == Alphabet.SHORTUUID57


@pytest.mark.parametrize(
    ("alphabet", "word"),
    [
        ("", "16 to 62"),
        ("0123456789ABCDE", "this one 15"),
        ("A" * 63, "this one 63"),
        ("A" * 10_000_000, "16 to 62"),
        ("0123456789ABCDEFA", "A stands"),
        ("0123456789ABCDE ", "neither"),
        ("0123456789ABCDE-", "neither"),
        ("0123456789ABCDE\0", "neither"),
        ("0123456789ABCDE\u0130", "neither"),
        ("0123456789ABCDE\uff26", "neither"),
        ("0123456789ABCDE\u0661", "neither"),
        ("0123456789ABCDE\ud800", "neither"),
    ],
)
def test_an_unsound_alphabet_is_told_what_is_wrong(alphabet, word):
    assert word in (alphabet_problem(alphabet) or "")


@pytest.mark.parametrize("alphabet", ["0123456789abcdef", string.ascii_letters + string.digits])
def test_sixteen_to_sixty_two_letters_and_digits_are_sound(alphabet):
    assert alphabet_problem(alphabet) is None


def test_primes_are_told_from_the_rest():
    primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61]
    assert [number for number in range(63) if is_prime(number)] == primes


@pytest.mark.parametrize(
    ("alphabet", "read"),
    [
        (Alphabet.SAFE29, "ABLLLL0"),
        (Alphabet.SAFE31, "ABLLLL0"),
        (Alphabet.CROCKFORD32, "ABII1L0"),
        (Alphabet.SHORTUUID57, "aBiI1l0"),
        ("0123456789abcdef", "abii1l0"),
    ],
)
def test_typing_is_read_by_the_case_and_folds_of_the_alphabet(alphabet, read):
    assert "a-B_ iI1l0".translate(reading_table(alphabet)) == read
