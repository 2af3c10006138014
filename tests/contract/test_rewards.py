"""Contract, "Events", and domain, "Rules": grants, limits, periods, holds, budgets."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from referral_engine import Balance, Budget, Grant, InviteCode, Limit, Referral, Reversal, Reward
from tests.contract.stage import START, Stage, pays, program_of, spring_program

TICK = timedelta(microseconds=1)


def paid(stage: Stage, member: str = "bob", **event: object) -> list[int]:
    outcome = stage.engine.record(stage.event("purchase", member, **event))
    return [grant.amount for grant in outcome.grants]


def test_the_fields_of_the_values_of_the_contract():
    expected = {
        Grant: "id rule to member kind unit amount wanted held_until",
        Reversal: "grant member unit amount from_held debt",
        Referral: "referee referrer state channel campaign code link at qualified_at",
        InviteCode: "text owner campaign state uses max_uses",
        Balance: "available held lifetime expired redeemed debt",
        Budget: "total spent held remaining",
    }
    for kind, names in expected.items():
        assert set(names.split()) <= {part.name for part in fields(kind)}, kind


def test_a_grant_tells_what_was_given_to_whom_and_until_when_it_is_held(spring):
    outcome = spring.buy("bob")
    alice, bob = outcome.grants
    assert (alice.rule, alice.to, alice.member, alice.kind, alice.unit) == (
        "first-order", "referrer", "alice", "points", "points",
    )  # fmt: skip
    assert (alice.amount, alice.wanted, alice.held_until) == (500, 500, START + timedelta(days=14))
    assert (bob.to, bob.member, bob.amount, bob.held_until) == ("referee", "bob", 200, None)
    assert alice.id != bob.id


def test_grant_ids_are_derived_so_that_a_replay_makes_the_same_ones():
    runs = []
    for _ in range(2):
        stage = Stage(spring_program())
        stage.signup("alice")
        stage.signup("bob", by="alice")
        runs.append([grant.id for grant in stage.buy("bob", id="p-1").grants])
    assert runs[0] == runs[1]


def test_a_cash_unit_is_paid_as_cash():
    (grant,) = Stage(program_of(pays(unit="usd"))).buy("bob").grants
    assert (grant.kind, grant.unit) == ("cash", "usd")


def test_referrer_and_referee_without_a_referral_end_as_skipped_no_referrer_and_member_is_paid():
    for to, expected in {"referrer": [], "referee": [], "member": [100]}.items():
        stage = Stage(program_of(pays(to=to)))
        outcome = stage.buy("bob")
        assert [grant.amount for grant in outcome.grants] == expected
        assert stage.codes(outcome) == ([] if expected else ["no_referrer"])


def test_two_sided_gives_are_both_or_neither():
    give = [Reward("referrer", "points", 60), Reward("referee", "points", 50)]
    stage = Stage(program_of(pays(give=give), budget={"points": 109}))
    stage.signup("alice")
    stage.signup("bob", by="alice")
    outcome = stage.buy("bob")
    assert (outcome.grants, stage.codes(outcome)) == ((), ["budget_exhausted"])


# Limits


def test_times_counts_firings_of_the_rule_both_sides_as_one():
    give = [Reward("referrer", "points", 5), Reward("referee", "points", 5)]
    stage = Stage(program_of(pays(give=give, limits=[Limit(times=2, per="referrer")])))
    stage.signup("alice")
    stage.signup("bob", by="alice")
    assert [paid(stage) for _ in range(3)] == [[5, 5], [5, 5], []]


def test_over_a_limit_the_outcome_says_limited_with_what_is_left():
    stage = Stage(program_of(pays(limits=[Limit(times=1, per="referee", within="month")])))
    stage.buy("bob")
    (reason,) = stage.buy("bob").reasons
    assert (reason.code, reason.rule) == ("limited", "pays")
    assert dict(reason.values) == {"per": "referee", "within": "month", "max": 1, "left": 0}


def test_an_amount_that_does_not_fit_is_skipped_whole():
    stage = Stage(program_of(pays(500, limits=[Limit(amount=1200, unit="points", per="referee")])))
    assert [paid(stage) for _ in range(3)] == [[500], [500], []]


def test_clamp_gives_what_is_left_and_keeps_wanted_beside_the_amount():
    limit = Limit(amount=1200, unit="points", per="referee", over="clamp")
    stage = Stage(program_of(pays(500, limits=[limit])))
    grants = [stage.buy("bob").grants for _ in range(4)]
    assert [[(grant.amount, grant.wanted) for grant in made] for made in grants] == [
        [(500, 500)], [(500, 500)], [(200, 500)], [],
    ]  # fmt: skip


def test_clamp_counts_both_sides_and_cuts_the_last_first():
    limit = Limit(amount=80, unit="points", per="pair", over="clamp")
    give = [Reward("referrer", "points", 60), Reward("referee", "usd", 9), Reward("referee", "points", 50)]
    stage = Stage(program_of(pays(give=give, limits=[limit])))
    stage.signup("alice")
    stage.signup("bob", by="alice")
    assert paid(stage) == [60, 9, 20]
    assert paid(stage) == []


def test_a_limit_of_zero_is_none():
    for limit in (Limit(times=0, per="referee"), Limit(amount=0, unit="points", per="referee", over="clamp")):
        stage = Stage(program_of(pays(limits=[limit])))
        assert paid(stage) == []


def test_per_referrer_per_referee_and_per_pair_count_apart():
    for per, expected in {"referrer": [1, 0, 0, 1], "referee": [1, 0, 1, 1], "pair": [1, 0, 1, 1]}.items():
        stage = Stage(program_of(pays(to="referrer", limits=[Limit(times=1, per=per)])))
        stage.engine.join("alice")
        stage.engine.join("zoe")
        for name, by in (("bob", "alice"), ("carol", "alice"), ("dave", "zoe")):
            stage.signup(name, by=by)
        assert [len(paid(stage, name)) for name in ("bob", "bob", "carol", "dave")] == expected, per


def test_all_limits_of_a_rule_are_checked_before_any_is_charged():
    wide, narrow = Limit(times=2, per="referee"), Limit(times=1, per="referee", within="day")
    stage = Stage(program_of(pays(limits=[wide, narrow])))
    assert [paid(stage, at=START) for _ in range(5)] == [[100], [], [], [], []]
    assert paid(stage, at=START + timedelta(1)) == [100], "the refusals of the day charged nothing"
    assert paid(stage, at=START + timedelta(2)) == []


def test_a_rule_that_does_not_fit_the_budget_charges_no_limit():
    stage = Stage(program_of(pays(100, limits=[Limit(times=1, per="referee")]), budget={"points": 99}))
    paid(stage)
    assert [reason.code for reason in stage.buy("bob").reasons] == ["budget_exhausted"]


@pytest.mark.parametrize(
    ("within", "inside", "outside"),
    [
        ("day", "2026-03-31T23:59:59+08:00", "2026-04-01T00:00:00+08:00"),
        ("week", "2026-04-05T23:30:00+08:00", "2026-04-06T00:00:00+08:00"),
        ("month", "2026-03-31T23:30:00+08:00", "2026-04-01T00:00:00+08:00"),
        ("quarter", "2026-03-31T23:30:00+08:00", "2026-04-01T00:00:00+08:00"),
        ("year", "2026-12-31T23:30:00+08:00", "2027-01-01T00:00:00+08:00"),
    ],
)
def test_a_period_is_that_of_the_events_at_in_the_programs_zone(within, inside, outside):
    """23:30 local on the last day belongs to the old period, midnight to the new one."""
    stage = Stage(program_of(pays(limits=[Limit(times=2, per="referee", within=within)]), zone="Asia/Shanghai"))
    assert paid(stage, at="2026-03-31T08:00:00+08:00") == [100]
    stage.engine.record(stage.event("purchase", "bob", at="2025-01-01T00:00:00Z"))
    first = paid(stage, at=inside)
    again = paid(stage, at=inside)
    assert (first, again) == ([100], [])
    assert paid(stage, at=outside) == [100]


def test_a_lifetime_limit_has_one_period():
    stage = Stage(program_of(pays(limits=[Limit(times=1, per="referee")])))
    assert [paid(stage, at=START.replace(year=year)) for year in (2026, 1971, 2900)] == [[100], [], []]


def test_counts_go_by_order_of_recording_and_periods_by_at():
    """A late event lands in the period of its own `at`, and is counted when it is recorded."""
    first = Stage(program_of(pays(where="referee.count.purchase == 1")))
    assert [paid(first, at=START), paid(first, at=START - timedelta(days=9))] == [[100], []]
    monthly = Stage(program_of(pays(limits=[Limit(times=1, per="referee", within="month")])))
    ats = [START, START - timedelta(days=20), START - timedelta(days=21), START + timedelta(1)]
    assert [paid(monthly, at=at) for at in ats] == [[100], [100], [], []]


# Holds


def test_a_hold_is_due_at_exactly_held_until_and_posted_by_release_due(spring):
    spring.buy("bob")
    spring.clock.time = START + timedelta(days=14) - TICK
    assert spring.engine.release_due().holds == 0
    spring.clock.time = START + timedelta(days=14)
    released = spring.engine.release_due()
    assert (released.holds, released.lots, released.boards, released.more) == (1, 0, 0, False)
    assert spring.engine.balance("alice") == Balance(available=500, lifetime=500)
    assert spring.engine.release_due().holds == 0, "posted exactly once"
    assert spring.engine.verify() == []


def test_a_hold_is_never_posted_inside_record(spring):
    outcome = spring.buy("bob", at=START - timedelta(days=1))
    spring.clock.advance(timedelta(days=60))
    spring.buy("bob")
    assert outcome.grants[0].held_until == START + timedelta(days=13)
    assert spring.engine.balance("alice") == Balance(held=500)
    assert spring.engine.release_due().holds == 1


def test_held_until_is_at_plus_hold_also_when_that_is_past_already(spring):
    outcome = spring.buy("bob", at=datetime(2026, 3, 1, tzinfo=UTC))
    assert outcome.grants[0].held_until == datetime(2026, 3, 15, tzinfo=UTC)


def test_a_hold_of_nothing_is_no_hold():
    (grant,) = Stage(program_of(pays(give=[Reward("member", "points", 5, hold=timedelta(0))]))).buy("bob").grants
    assert grant.held_until is None


def test_release_due_posts_at_most_limit_the_earliest_first_and_says_more():
    stage = Stage(program_of(pays(give=[Reward("member", "points", 5, hold=timedelta(days=1))])))
    for n in range(5):
        stage.buy(f"m{n}", at=START - timedelta(hours=n))
    stage.clock.advance(timedelta(days=2))
    assert stage.engine.release_due(limit=2).more is True
    assert [stage.engine.balance(f"m{n}").available for n in range(5)] == [0, 0, 0, 5, 5]
    released = stage.engine.release_due(limit=3)
    assert (released.holds, released.more) == (3, False)


def test_release_due_goes_over_more_than_a_batch():
    stage = Stage(program_of(pays(give=[Reward("member", "points", 5, hold=timedelta(days=1))])))
    stage.engine.record_many(stage.event("purchase", f"m{n % 3}") for n in range(2_100))
    stage.clock.advance(timedelta(days=1))
    assert stage.engine.release_due().holds == 2_100
    assert sum(stage.engine.balance(f"m{n}").available for n in range(3)) == 10_500
    assert stage.engine.verify() == []


# Budgets


def test_a_budget_is_skipped_by_what_does_not_fit_and_drained_to_the_last_point_by_what_does():
    rules = [pays(300, id="big", priority=1), pays(100, id="small")]
    stage = Stage(program_of(*rules, budget={"points": 1_000}))
    assert [paid(stage) for _ in range(4)] == [[300, 100], [300, 100], [100], [100]]
    assert stage.engine.budget("spring", "points") == Budget(total=1_000, spent=1_000, held=0, remaining=0)
    assert paid(stage) == []


def test_remaining_is_total_minus_spent_minus_held(spring):
    spring.buy("bob")
    assert spring.engine.budget("spring", "points") == Budget(1_000_000, spent=200, held=500, remaining=999_300)
    spring.clock.advance(timedelta(days=14))
    spring.engine.release_due()
    assert spring.engine.budget("spring", "points") == Budget(1_000_000, spent=700, held=0, remaining=999_300)


def test_a_budget_of_zero_is_none_and_a_unit_without_one_is_unlimited():
    stage = Stage(program_of(pays(5), pays(5, id="cash", unit="usd"), budget={"points": 0}))
    assert [grant.unit for grant in stage.buy("bob").grants] == ["usd"]
    assert stage.engine.budget("spring", "usd") == Budget(total=None, spent=5, held=0, remaining=None)


def test_a_held_grant_counts_against_the_budget_and_money_that_comes_back_may_be_given_again():
    give = [Reward("member", "points", 60, hold=timedelta(days=9))]
    stage = Stage(program_of(pays(give=give), budget={"points": 100}))
    first = stage.buy("bob", 10)
    assert paid(stage, "carol") == []
    stage.refund("bob", first.event_id)
    assert paid(stage, "carol") == [60]
