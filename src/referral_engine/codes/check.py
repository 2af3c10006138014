"""The check symbol: it catches a slip in typing before any look-up, and is no secret.

Symbols are numbers from 0, by their place in an alphabet of prime size p. The symbol at place i (from 0) weighs i + 1,
the check symbol weighs -1, and the whole sums to 0 modulo p. No weight is 0 modulo p, so one wrong symbol changes the
sum; no two weights are equal modulo p, so two different symbols that changed places do too. Both hold while at most
p - 2 symbols stand before the check symbol. (ISBN-10 rests on the same argument, with p = 11.)
"""

from __future__ import annotations

from operator import mul


def checked_length_max(alphabet: str) -> int:
    """The most symbols, the check symbol not counted, that a check symbol of this alphabet guards."""
    return len(alphabet) - 2


def weights(length: int) -> range:
    """The weights of so many symbols, from the first to the last before the check symbol."""
    return range(1, length + 1)


def check_symbol(alphabet: str, symbols: str) -> str:
    """The symbol to put after `symbols`, all of them in the alphabet, whose size is prime.

    Raises ValueError for a symbol that is not in the alphabet.
    """
    total = sum(map(mul, weights(len(symbols)), map(alphabet.index, symbols)))
    return alphabet[total % len(alphabet)]


def check_holds(alphabet: str, text: str) -> bool:
    """Tell whether the last symbol of a text, all of it in the alphabet, is the check symbol of those before."""
    return text[-1:] == check_symbol(alphabet, text[:-1])
