"""Making many codes at once: random bytes become symbols without modulo bias, whole columns at a time."""

from __future__ import annotations

import math
import os
from functools import lru_cache
from typing import TYPE_CHECKING

from referral_engine.codes.check import weights
from referral_engine.errors import CodeSpaceExhausted, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from referral_engine.codes.spec import CodeSpec

GENERATED_MAX = 10_000_000
"""The most codes that one call makes."""

ROUND_CODES_MAX = 65_536
"""How many codes are made from one buffer, so that it stays in the processor's cache."""

BARREN_ROUNDS_MAX = 16
"""After so many rounds without a new code, one after the other, the generation gives up."""

_BYTES = bytes(range(256))


def generate(spec: CodeSpec, n: int, *, entropy: Callable[[int], bytes] = os.urandom) -> list[str]:
    """Make `n` different random codes, in canonical form; `entropy(k)` gives k random bytes.

    Raises CodeSpaceExhausted when n is more than half of all codes of `spec`, or when the entropy repeats itself
    and brings no new codes; InvalidInput when n is not a whole number from 0 to 10,000,000.
    """
    if type(n) is not int or n < 0:
        raise InvalidInput("n", "must be a whole number, 0 or more")
    if n > spec.space // 2:
        raise CodeSpaceExhausted(n, spec.space)
    if n > GENERATED_MAX:
        raise InvalidInput("n", f"must be at most {GENERATED_MAX} in one call; call again for more")
    found: dict[str, None] = {}
    barren = 0
    while len(found) < n:
        before = len(found)
        found.update(dict.fromkeys(_draw(spec, min(n - before, ROUND_CODES_MAX), entropy)))
        barren = 0 if len(found) > before else barren + 1
        if barren >= BARREN_ROUNDS_MAX:
            raise CodeSpaceExhausted(n, spec.space)
    return list(found)


def _draw(spec: CodeSpec, wanted: int, entropy: Callable[[int], bytes]) -> list[str]:
    """Make at most `wanted` codes, perhaps equal ones, from one buffer."""
    base, length, size = len(spec.alphabet), spec.length, spec.size
    values = _values(base, wanted * length, entropy)
    drawn = min(len(values) // length, wanted)
    symbols = bytearray(drawn * size)
    to_symbol = spec.alphabet.encode().ljust(256, b"?")
    columns = [values[place : drawn * length : length] for place in range(length)]
    for place, column in enumerate(columns):
        symbols[place::size] = column.translate(to_symbol)
    if spec.check:
        symbols[length::size] = _check_values(base, columns).translate(to_symbol)
    text = symbols.decode("ascii")
    return [text[start : start + size] for start in range(0, len(text), size)]


def _values(base: int, wanted: int, entropy: Callable[[int], bytes]) -> bytes:
    """Draw about `wanted` values below `base`, all equally likely.

    Bytes from the largest multiple of `base` upwards are thrown away: kept, they would favour the first symbols. The
    buffer is longer by what is lost, and by four standard deviations of that loss, so that a second is rarely needed.
    """
    fair = 256 - 256 % base
    kept = fair / 256
    asked = math.ceil(wanted / kept + 4 * math.sqrt(wanted * (1 - kept)) / kept)
    return entropy(asked).translate(_multiples(base, 1), _BYTES[fair:])


@lru_cache(maxsize=256)
def _multiples(base: int, factor: int) -> bytes:
    """The table, for `bytes.translate`, that multiplies every byte and reduces it modulo `base`."""
    return bytes(byte * factor % base for byte in _BYTES)


def _check_values(base: int, columns: list[bytes]) -> bytes:
    """The value of the check symbol of each code, from its columns of values.

    A column is added as one long integer with a byte for each code; no byte overflows, for each holds a sum of so few
    values below `base` that it stays under 256, and is then reduced.
    """
    addends_max = 255 // (base - 1) - 1
    total, addends = 0, 0
    for factor, column in zip(weights(len(columns)), columns, strict=True):
        if addends == addends_max:
            total = _number(_reduced(total, len(column), base))
            addends = 0
        total += _number(column.translate(_multiples(base, factor)))
        addends += 1
    return _reduced(total, len(columns[0]), base)


def _reduced(total: int, size: int, base: int) -> bytes:
    return total.to_bytes(size, "little").translate(_multiples(base, 1))


def _number(column: bytes) -> int:
    return int.from_bytes(column, "little")
