"""The symbols that codes are made of, and the check of an alphabet of one's own."""

from __future__ import annotations

import string
from typing import Final, final

SYMBOLS_MIN = 16
"""The fewest symbols that an alphabet has."""

_ALLOWED = frozenset(string.ascii_letters + string.digits)


@final
class Alphabet:
    """The alphabets that come with the library; each is plain text, one symbol after the other.

    An alphabet whose letters are all of one case is read in either case.
    """

    SAFE29: Final = "23456789BCDFGHJKLMNPQRSTVWXYZ"
    """No vowels, hence no words, no 0 O 1 I; of prime size, as a check symbol needs. `1` and `I` are read as L."""

    SAFE31: Final = "23456789ABCDEFGHJKLMNPQRSTVWXYZ"
    """Digits from 2, letters without I O U (look like 1 0 V); of prime size. `1` and `I` are read as L."""

    CROCKFORD32: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    """The digits of Douglas Crockford's base 32, without I L O U; too even in size for a check symbol."""

    SHORTUUID57: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    """The alphabet of the package shortuuid, in both cases, without 0 O 1 I l; not of prime size."""


def is_prime(number: int) -> bool:
    """Tell whether a number is prime; meant for the sizes of alphabets, at most 62."""
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def alphabet_problem(alphabet: str) -> str | None:
    """Say what is wrong with an alphabet, or None."""
    if not SYMBOLS_MIN <= len(alphabet) <= len(_ALLOWED):
        return f"an alphabet has {SYMBOLS_MIN} to {len(_ALLOWED)} symbols, this one {len(alphabet)}"
    if strange := sorted(set(alphabet) - _ALLOWED):
        return f"an alphabet is made of ASCII letters and digits, and {strange[0]!a} is neither"
    if len(set(alphabet)) < len(alphabet):
        twice = next(symbol for symbol in alphabet if alphabet.count(symbol) > 1)
        return f"the symbol {twice} stands in the alphabet more than once"
    return None


def reading_table(alphabet: str) -> dict[int, int | None]:
    """The table, for `str.translate`, that turns what people type into the symbols of an alphabet.

    Spaces, `-` and `_` go. Letters take the alphabet's case when it has but one, ASCII letters only, so that no locale
    and no dotless i has a say. With the two safe alphabets `1` and `I` become L.
    """
    table: dict[int, int | None] = dict.fromkeys(map(ord, " -_"))
    if alphabet.upper() == alphabet:
        table |= str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
    elif alphabet.lower() == alphabet:
        table |= str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
    if alphabet in {Alphabet.SAFE29, Alphabet.SAFE31}:
        table |= str.maketrans("1Ii", "LLL")
    return table
