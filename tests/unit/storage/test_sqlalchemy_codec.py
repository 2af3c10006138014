"""What is kept as JSON comes back equal; what says nothing is NULL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from referral_engine.events import microseconds
from referral_engine.facts import NO_FOOTPRINT, Footprint, LimitKey, ScoreKey
from referral_engine.ledger.grant import Grant, Reversal
from referral_engine.outcomes import Outcome, Reason, Verdict
from referral_engine.referrals.referral import Referral
from referral_engine.storage.sqlalchemy import codec
from referral_engine.validation import FrozenDict

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
maybe_words = st.none() | words
numbers = st.integers(-(2**63), 2**63 - 1)
times = st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - made aware one by one
scalars = st.none() | st.booleans() | numbers | words
values = st.dictionaries(words, scalars | st.lists(scalars, max_size=3).map(tuple), max_size=4).map(FrozenDict)
grants = st.builds(
    Grant,
    id=words,
    rule=words,
    to=st.sampled_from(["referrer", "referee", "member"]),
    member=words,
    kind=st.sampled_from(["points", "credit", "cash"]),
    unit=words,
    amount=numbers,
    wanted=numbers,
    held_until=st.none() | times,
)
referrals = st.builds(
    Referral,
    referee=words,
    referrer=words,
    state=st.sampled_from(["pending", "qualified", "reversed"]),
    channel=maybe_words,
    campaign=maybe_words,
    code=maybe_words,
    link=maybe_words,
    at=times,
    qualified_at=st.none() | times,
    cursor=st.none(),
)
outcomes = st.builds(
    Outcome,
    event_id=st.just("e1"),
    status=st.just("accepted"),
    referral=st.none() | referrals,
    grants=st.lists(grants, max_size=2).map(tuple),
    reversals=st.lists(st.builds(Reversal, words, words, words, numbers, numbers, numbers), max_size=2).map(tuple),
    reasons=st.lists(st.builds(Reason, words, maybe_words, values), max_size=2).map(tuple),
    revision=st.just("r"),
)
verdicts = st.builds(
    Verdict,
    rule=words,
    status=st.sampled_from(["matched", "not_met", "limited", "inactive", "skipped"]),
    path=maybe_words,
    field=maybe_words,
    found=scalars,
    code=maybe_words,
    because=st.lists(words, max_size=2).map(tuple),
)
footprints = st.builds(
    Footprint,
    limits=st.lists(st.tuples(st.builds(LimitKey, *[words] * 7), numbers), max_size=2).map(tuple),
    scores=st.lists(st.tuples(st.builds(ScoreKey, *[words] * 3), numbers), max_size=2).map(tuple),
    code=maybe_words,
)


@given(outcomes)
def test_an_outcome_comes_back_equal(outcome):
    assert codec.read_outcome(codec.write_outcome(outcome), "e1", "r") == outcome


@given(st.lists(verdicts, max_size=3).map(tuple))
def test_a_trace_comes_back_equal(trace):
    assert codec.read_verdicts(codec.write_verdicts(trace)) == trace


@given(footprints)
def test_a_footprint_comes_back_equal(footprint):
    assert codec.read_footprint(codec.write_footprint(footprint)) == footprint


@given(values)
def test_a_mapping_comes_back_equal_and_frozen(mapping):
    for text in (codec.write_mapping(mapping), codec.write_payload(mapping)):
        read = codec.read_mapping(text)
        assert (read, hash(read)) == (mapping, hash(mapping))


@given(values)
def test_truth_values_stay_truth_values(mapping):
    read = codec.read_mapping(codec.write_payload(mapping))
    assert [type(value) for value in mapping.values()] == [type(read[name]) for name in mapping]


@given(st.frozensets(words, max_size=4))
def test_words_come_back_equal(some):
    assert codec.read_words(codec.write_words(some)) == some


@given(times)
def test_times_come_back_equal(moment):
    assert codec.time_of(microseconds(moment)) == moment
    assert codec.maybe_time_of(codec.maybe_microseconds(moment)) == moment


def test_what_says_nothing_is_null():
    plain = Outcome("e1", "accepted", None, (), (), (), "r")
    assert codec.write_outcome(plain) is None
    assert codec.write_verdicts(()) is None
    assert codec.write_footprint(NO_FOOTPRINT) is None
    assert codec.write_footprint(Footprint()) is None
    assert codec.write_mapping(FrozenDict()) is None
    assert codec.write_words(frozenset()) is None
    assert codec.maybe_microseconds(None) is None
    assert codec.maybe_time_of(None) is None


def test_times_are_whole_microseconds():
    assert codec.time_of(1) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)
