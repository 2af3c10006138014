"""The check symbol catches every single slip and every exchange of two symbols, at every length it is allowed for."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from referral_engine.codes import Alphabet, check_holds, check_symbol
from referral_engine.codes.check import checked_length_max, weights

SEVENTEEN = "23456789BCDFGHJKL"
PRIME = [SEVENTEEN, Alphabet.SAFE29, Alphabet.SAFE31]


def random_text(draw: random.Random, alphabet: str, length: int) -> str:
    symbols = "".join(draw.choices(alphabet, k=length))
    return symbols + check_symbol(alphabet, symbols)


@pytest.mark.parametrize(
    ("symbols", "check"),
    [("2222222222", "2"), ("3222222222", "3"), ("2222222223", "D"), ("7K3MQ9TZB2", "C"), ("ZZZZZZZZZZ", "5")],
)
def test_known_check_symbols(symbols, check):
    """By hand for the third: 3 is the value 1, its place weighs 10, and the tenth symbol from 0 is D."""
    assert check_symbol(Alphabet.SAFE29, symbols) == check
    assert check_holds(Alphabet.SAFE29, symbols + check)


@pytest.mark.parametrize("alphabet", PRIME)
def test_the_weights_with_that_of_the_check_symbol_differ_and_none_is_zero(alphabet):
    """This is all that the two guarantees need, at the greatest length and so at every one."""
    size = len(alphabet)
    residues = [weight % size for weight in [*weights(checked_length_max(alphabet)), -1]]
    assert sorted(residues) == list(range(1, size))


@pytest.mark.parametrize("alphabet", PRIME)
def test_every_substitution_is_caught_at_every_length(alphabet):
    draw = random.Random(29)
    for length in range(1, checked_length_max(alphabet) + 1):
        text = random_text(draw, alphabet, length)
        slips = [
            text[:place] + other + text[place + 1 :]
            for place in range(length + 1)
            for other in alphabet
            if other != text[place]
        ]
        assert [slip for slip in slips if check_holds(alphabet, slip)] == []


@pytest.mark.parametrize("alphabet", PRIME)
def test_every_exchange_of_two_different_symbols_is_caught_at_every_length(alphabet):
    draw = random.Random(31)
    for length in range(1, checked_length_max(alphabet) + 1):
        for text in (random_text(draw, alphabet, length) for _ in range(5)):
            slips = []
            for one, other in combinations(range(length + 1), 2):
                symbols = list(text)
                symbols[one], symbols[other] = symbols[other], symbols[one]
                slips.append("".join(symbols))
            assert [slip for slip in slips if slip != text and check_holds(alphabet, slip)] == []


def test_every_pair_of_values_at_every_pair_of_places_is_caught():
    """Exhaustive for the standard code: an exchange changes the sum by (v - w)(a - b), whatever the rest is."""
    size = len(Alphabet.SAFE29)
    factors = [*weights(10), -1]
    missed = [
        (v, w, a, b)
        for v, w in combinations(range(size), 2)
        for a, b in combinations(factors, 2)
        if (v - w) * (a - b) % size == 0
    ]
    assert missed == []


def test_a_strange_symbol_is_an_error():
    with pytest.raises(ValueError, match="not found"):
        check_symbol(Alphabet.SAFE29, "0")
