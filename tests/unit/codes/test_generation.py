"""Random codes: different, well-formed, evenly spread, and bounded in work."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from referral_engine.codes import GENERATED_MAX, Alphabet, CodeSpec, Parsed, generate, parse
from referral_engine.codes.generation import BARREN_ROUNDS_MAX
from referral_engine.errors import CodeSpaceExhausted, InvalidInput

SPECS = {
    "standard": CodeSpec.standard(),
    "short": CodeSpec.short(),
    "long": CodeSpec.long(),
    "longest with check": CodeSpec(length=27),
    "thirty-one": CodeSpec(alphabet=Alphabet.SAFE31, length=29),
    "sixty-one": CodeSpec(alphabet="".join(map(chr, [*range(48, 58), *range(65, 91), *range(97, 122)])), length=32),
    "sixteen": CodeSpec(alphabet="0123456789ABCDEF", check=False),
    "no check": CodeSpec(check=False),
    "two cases": CodeSpec(alphabet=Alphabet.SHORTUUID57, check=False),
    "shown otherwise": CodeSpec(prefix="ACME", group=4),
}


def repeatable(seed: int):
    return random.Random(seed).randbytes


class CountedEntropy:
    """Random bytes, with a note of how many were asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.draw = repeatable(1)

    def __call__(self, size: int) -> bytes:
        self.asked.append(size)
        return self.draw(size)


@pytest.mark.parametrize("spec", list(SPECS.values()), ids=list(SPECS))
@pytest.mark.parametrize("n", [0, 1, 2, 1_000])
def test_as_many_different_canonical_codes_as_asked(spec, n):
    codes = generate(spec, n)
    assert len(codes) == len(set(codes)) == n
    assert [parse(spec, code) for code in codes] == [Parsed(code, None) for code in codes]
    assert [parse(spec, spec.show(code)).text for code in codes] == codes


def test_more_codes_than_one_round_makes():
    spec = CodeSpec()
    codes = generate(spec, 150_000)
    assert len(set(codes)) == 150_000
    assert [code for code in codes[::1_000] if parse(spec, code).text != code] == []


def test_the_same_entropy_gives_the_same_codes():
    assert generate(CodeSpec(), 500, entropy=repeatable(7)) == generate(CodeSpec(), 500, entropy=repeatable(7))
    assert generate(CodeSpec(), 500) != generate(CodeSpec(), 500)


@pytest.mark.parametrize("alphabet", [Alphabet.SAFE29, Alphabet.SHORTUUID57])
def test_every_symbol_is_equally_likely_at_every_place(alphabet):
    """Chi-square at each place against the 99.99 % point of its distribution (Wilson and Hilferty's approximation)."""
    n, freedom = 40_000, len(alphabet) - 1
    codes = generate(CodeSpec(alphabet=alphabet, check=False), n, entropy=repeatable(3))
    limit = freedom * (1 - 2 / (9 * freedom) + 3.719 * (2 / (9 * freedom)) ** 0.5) ** 3
    expected = n / len(alphabet)
    for place in range(10):
        seen = Counter(code[place] for code in codes)
        assert sum((seen[symbol] - expected) ** 2 / expected for symbol in alphabet) < limit


def test_bytes_that_would_favour_the_first_symbols_are_thrown_away():
    """232 is 8 times 29: byte 231 is the last symbol, 232 and above are none."""

    def entropy(size: int) -> bytes:
        return (bytes([231, 232, 255, 0]) + bytes(random.Random(size).randbytes(size)))[:size]

    assert generate(CodeSpec(check=False), 1, entropy=entropy)[0][:2] == "Z2"


def test_one_buffer_is_enough_nearly_always():
    entropy = CountedEntropy()
    generate(CodeSpec(), 10_000, entropy=entropy)
    assert len(entropy.asked) == 1
    assert entropy.asked[0] < 10_000 * 10 * 1.12


def test_equal_codes_are_drawn_again():
    draw, calls = repeatable(5), []

    def entropy(size: int) -> bytes:
        calls.append(size)
        return bytes(size) if len(calls) <= 2 else draw(size)

    codes = generate(CodeSpec(), 100, entropy=entropy)
    assert (len(set(codes)), codes[0], len(calls)) == (100, "2" * 11, 3)


def test_slow_progress_is_progress():
    """Every other buffer brings nothing new, the rest one code each."""
    calls = []

    def entropy(_: int) -> bytes:
        calls.append(None)
        return bytes([len(calls) if len(calls) % 2 else 0] * 10)

    assert len(generate(CodeSpec(check=False), 29, entropy=entropy)) == 29 == len(calls) // 2 + 1
    assert len(calls) > 2 * BARREN_ROUNDS_MAX


@pytest.mark.parametrize("stuck", [bytes, lambda size: b"\xff" * size, lambda _: b"", lambda _: b"\x01"])
def test_entropy_that_repeats_itself_ends_in_an_error(stuck):
    with pytest.raises(CodeSpaceExhausted):
        generate(CodeSpec(), 2, entropy=stuck)


@pytest.mark.parametrize("n", [2**39 + 1, 2**40, 2**40 + 1, 10**100])
def test_more_than_half_of_all_codes_is_refused(n):
    spec = CodeSpec(alphabet="0123456789ABCDEF", length=10, check=False)
    with pytest.raises(CodeSpaceExhausted) as caught:
        generate(spec, n)
    assert (caught.value.wanted, caught.value.space) == (n, 2**40)


@pytest.mark.parametrize("n", [-1, True, 1.0, "1", None, float("nan"), GENERATED_MAX + 1, 2**39])
def test_a_number_that_is_none_or_too_large_is_refused(n):
    spec = CodeSpec(alphabet="0123456789ABCDEF", length=10, check=False)
    with pytest.raises(InvalidInput) as caught:
        generate(spec, n)
    assert caught.value.name == "n"
