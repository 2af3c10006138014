"""What holds for every spec, code and text: generate, show, parse and check fit together."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from referral_engine.codes import Alphabet, CodeSpec, check_holds, check_symbol, generate, parse

SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PRIMES = [17, 19, 23, 29, 31]

single_case = st.sampled_from(PRIMES).flatmap(
    lambda size: st.permutations(SYMBOLS).map(lambda order: "".join(order[:size]))
)
alphabets = st.one_of(st.sampled_from([Alphabet.SAFE29, Alphabet.SAFE31]), single_case)
prefixes = st.text(SYMBOLS, max_size=12)
specs = st.one_of(
    st.builds(
        lambda alphabet, length, prefix, group: CodeSpec(alphabet, length, check=True, prefix=prefix, group=group),
        alphabets,
        st.integers(10, 15),
        prefixes,
        st.integers(0, 20),
    ),
    st.builds(
        lambda alphabet, length, prefix, group: CodeSpec(alphabet, length, check=False, prefix=prefix, group=group),
        st.sampled_from([Alphabet.CROCKFORD32, Alphabet.SHORTUUID57, "0123456789abcdef"]),
        st.integers(10, 15),
        prefixes,
        st.integers(0, 20),
    ),
)
seeds = st.integers(0, 2**32)


def one_code(spec: CodeSpec, seed: int) -> str:
    return generate(spec, 1, entropy=random.Random(seed).randbytes)[0]


@settings(max_examples=400, deadline=None)
@given(specs, seeds)
def test_what_is_generated_and_shown_is_read_back(spec, seed):
    code = one_code(spec, seed)
    assert len(code) == spec.size
    assert len(spec.show(code)) <= 64
    assert [parse(spec, code).text, parse(spec, spec.show(code)).text] == [code, code]


@settings(max_examples=300, deadline=None)
@given(alphabets, st.integers(10, 15), seeds, st.randoms(use_true_random=False))
def test_the_spelling_of_a_code_does_not_matter(alphabet, length, seed, draw):
    spec = CodeSpec(alphabet, length)
    code = one_code(spec, seed)
    typed = "".join(
        draw.choice(["", " ", "-", "_"]) + draw.choice([symbol, symbol.lower(), chr(ord(symbol) + 0xFEE0)])
        for symbol in code
    )
    assert parse(spec, typed).text == code


@settings(max_examples=600, deadline=None)
@given(alphabets, st.data())
def test_a_slip_in_one_symbol_or_an_exchange_of_two_is_caught(alphabet, data):
    symbols = data.draw(st.text(alphabet, min_size=1, max_size=len(alphabet) - 2))
    text = symbols + check_symbol(alphabet, symbols)
    places = st.integers(0, len(text) - 1)
    one, other = data.draw(places), data.draw(places)
    slipped, exchanged = list(text), list(text)
    slipped[one] = data.draw(st.sampled_from(alphabet))
    exchanged[one], exchanged[other] = text[other], text[one]
    assert check_holds(alphabet, text)
    assert [check_holds(alphabet, "".join(slip)) for slip in (slipped, exchanged)] == [
        slipped == list(text),
        exchanged == list(text),
    ]


@settings(max_examples=600, deadline=None)
@given(specs, st.one_of(st.text(max_size=80), st.text(st.characters(exclude_categories=[]), max_size=80)))
def test_any_text_is_read_or_told_why_not(spec, text):
    parsed = parse(spec, text)
    assert (parsed.text is None) != (parsed.problem is None)
    if parsed.text is not None:
        assert set(parsed.text) <= set(spec.alphabet)
        assert parse(spec, parsed.text) == parsed


@settings(max_examples=200, deadline=None)
@given(specs, st.integers(0, 60), seeds)
def test_codes_of_one_batch_differ_and_carry_their_check_symbol(spec, n, seed):
    codes = generate(spec, n, entropy=random.Random(seed).randbytes)
    assert len(set(codes)) == len(codes) == n
    assert all(check_holds(spec.alphabet, code) for code in codes if spec.check)
