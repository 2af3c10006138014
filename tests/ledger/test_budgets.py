"""Rules: "over budget: skip the whole rule or clamp; alarms at 50, 80 and 100 %"."""

from __future__ import annotations

import pytest

from referral_engine import Budget, Limit, Reward
from tests.ledger.stage import DAY, START, gives, program_of


def alarms(books):
    """The alarms: percent, and what was given when it went off."""
    return [(said["percent"], said["given"]) for _, said in books.told("budget.alarm")]


def codes(outcome):
    return [(reason.code, dict(reason.values)) for reason in outcome.reasons]


# Skip


def test_what_does_not_fit_is_skipped_and_what_does_is_paid(books):
    opened = books(program_of(budget={"points": 100}))
    opened.earn("bob", 70)
    over = opened.do("purchase", amount=31)
    assert over.grants == ()
    assert codes(over) == [("budget_exhausted", {"unit": "points", "wanted": 31, "remaining": 30})]
    assert over.reasons[0].rule == "as_bought"
    assert opened.earn("bob", 30).reasons == ()
    assert codes(opened.do("purchase", amount=1)) == [
        ("budget_exhausted", {"unit": "points", "wanted": 1, "remaining": 0})
    ]
    assert opened.engine.budget("spring", "points") == Budget(total=100, spent=100, held=0, remaining=0)


def test_the_whole_rule_is_skipped_whichever_side_or_unit_does_not_fit(books):
    give = [Reward("member", "points", 10), Reward("member", "usd", 10), Reward("member", "points", 11, hold=DAY)]
    opened = books(program_of(gives(give=give), gives(5, id="small", priority=-1), budget={"points": 20, "usd": 500}))
    outcome = opened.do("gift")
    assert codes(outcome) == [("budget_exhausted", {"unit": "points", "wanted": 21, "remaining": 20})]
    assert [(one.rule, one.amount) for one in outcome.grants] == [("small", 5)], "other rules go on"
    assert opened.engine.budget("spring", "usd") == Budget(500, 0, 0, 500)


def test_what_is_held_counts_from_the_moment_it_is_granted(books):
    opened = books(program_of(budget={"points": 100}))
    opened.do("order", amount=60)
    opened.do("preorder", amount=40)
    assert opened.engine.budget("spring", "points") == Budget(total=100, spent=0, held=100, remaining=0)
    assert opened.do("purchase", amount=1).grants == ()
    assert alarms(opened) == [(50, 60), (80, 100), (100, 100)]
    opened.wait(days=2)
    opened.engine.release_due()
    assert opened.engine.budget("spring", "points") == Budget(total=100, spent=60, held=40, remaining=0)
    assert len(alarms(opened)) == 3, "posting gives nothing more"


def test_zero_is_none_and_no_budget_is_no_limit(books):
    opened = books(program_of(budget={"points": 0}))
    assert codes(opened.do("purchase", amount=1)) == [
        ("budget_exhausted", {"unit": "points", "wanted": 1, "remaining": 0})
    ]
    opened.do("cashback", amount=10**15)
    assert opened.engine.budget("spring", "usd") == Budget(total=None, spent=10**15, held=0, remaining=None)
    assert alarms(opened) == []


def test_what_staff_gives_is_not_out_of_a_budget(books):
    opened = books(program_of(budget={"points": 100}))
    opened.give("bob", 500, key="k")
    assert opened.engine.budget("spring", "points") == Budget(100, 0, 0, 100)
    assert opened.earn("bob", 100).reasons == ()


# Clamp


def clamped(*rules, total=100, **campaign):
    return program_of(*rules, budget={"points": total}, over_budget="clamp", **campaign)


def test_a_campaign_that_clamps_gives_what_is_left(books):
    opened = books(clamped())
    opened.earn("bob", 70)
    outcome = opened.do("purchase", amount=31)
    assert outcome.reasons == ()
    assert [(one.amount, one.wanted) for one in outcome.grants] == [(30, 31)]
    assert opened.figures() == {"available": 100, "lifetime": 100}
    assert opened.engine.budget("spring", "points") == Budget(total=100, spent=100, held=0, remaining=0)
    assert alarms(opened) == [(50, 70), (80, 100), (100, 100)]


def test_with_nothing_left_it_skips(books):
    opened = books(clamped())
    opened.earn("bob", 100)
    assert codes(opened.do("purchase", amount=5)) == [
        ("budget_exhausted", {"unit": "points", "wanted": 5, "remaining": 0})
    ]


@pytest.mark.parametrize(
    ("total", "amounts"),
    [(60, [10, 20, 30]), (59, [10, 20, 29]), (31, [10, 20, 1]), (30, [10, 20]), (29, [10, 19]), (10, [10]), (9, [9])],
)
def test_the_rewards_listed_last_are_cut_first(total, amounts, books):
    give = [Reward("member", "points", 10), Reward("member", "points", 20), Reward("member", "points", 30, hold=DAY)]
    opened = books(clamped(gives(give=give), total=total))
    outcome = opened.do("gift")
    assert [one.amount for one in outcome.grants] == amounts
    assert [one.wanted for one in outcome.grants] == [10, 20, 30][: len(amounts)]
    budget = opened.engine.budget("spring", "points")
    assert (budget.remaining, budget.held) == (0, sum(amounts[2:]))


def test_only_the_unit_that_is_short_is_cut(books):
    give = [Reward("member", "points", 80), Reward("member", "usd", 90), Reward("member", "points", 70)]
    opened = books(clamped(gives(give=give)))
    assert [(one.unit, one.amount) for one in opened.do("gift").grants] == [("points", 80), ("usd", 90), ("points", 20)]


def test_a_limit_is_charged_with_what_was_really_given(books):
    limit = Limit(amount=50, unit="points", per="referee")
    opened = books(clamped(gives(40, limits=[limit]), total=100))
    opened.earn("bob", 90, id="p-1")
    assert [one.amount for one in opened.do("gift").grants] == [10]
    opened.refund("p-1")
    assert [one.amount for one in opened.do("gift").grants] == [40], "the limit has room for 40 more, not for 10"
    assert codes(opened.do("gift")) == [("limited", {"per": "referee", "within": "lifetime", "max": 50, "left": 0})]


def test_a_limit_cuts_before_the_budget_does(books):
    limit = Limit(amount=25, unit="points", per="referee", over="clamp")
    opened = books(clamped(gives(40, limits=[limit]), total=20))
    (grant,) = opened.do("gift").grants
    assert (grant.amount, grant.wanted) == (20, 40)
    assert alarms(opened) == [(50, 20), (80, 20), (100, 20)]


# Alarms


def test_each_alarm_goes_off_once_on_the_way(books):
    opened = books(program_of(budget={"points": 1000}))
    for amount, expected in (
        (499, []),
        (1, [(50, 500)]),
        (299, []),
        (1, [(80, 800)]),
        (199, []),
        (1, [(100, 1000)]),
    ):
        before = len(alarms(opened))
        opened.earn("bob", amount)
        assert alarms(opened)[before:] == expected
    assert opened.told("budget.alarm")[0] == (
        "budget.alarm", {"campaign": "spring", "unit": "points", "percent": 50, "total": 1000, "given": 500},
    )  # fmt: skip


def test_an_alarm_is_told_before_the_grant_that_set_it_off_at_its_time(books):
    opened = books(program_of(budget={"points": 100}))
    opened.earn("bob", 60, at=START - DAY)
    first, second = opened.engine.messages()
    assert [(first.type, first.at), (second.type, second.at)] == [
        ("budget.alarm", START - DAY),
        ("grant.posted", START - DAY),
    ]


@pytest.mark.parametrize(
    ("total", "steps", "levels"),
    [
        (1, [1], [1, 1, 1]),
        (2, [1, 1], [1, 2, 2]),
        (3, [1, 1, 1], [2, 3, 3]),
        (9, [1] * 9, [5, 8, 9]),
        (10, [1] * 10, [5, 8, 10]),
        (999, [499, 1, 299, 1, 198, 1], [500, 800, 999]),
        (1001, [500, 1, 299, 1, 199, 1], [501, 801, 1001]),
    ],
)
def test_a_percentage_that_is_no_whole_number_is_reached_by_the_next_one(total, steps, levels, books):
    opened = books(program_of(budget={"points": total}))
    for amount in steps:
        opened.earn("bob", amount)
    assert alarms(opened) == list(zip((50, 80, 100), levels, strict=True))


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (0, 100, [50, 80, 100]),
        (0, 80, [50, 80]),
        (49, 31, [50, 80]),
        (50, 50, [80, 100]),
        (79, 21, [80, 100]),
        (99, 1, [100]),
    ],
)
def test_one_grant_may_set_off_several(first, then, expected, books):
    opened = books(program_of(budget={"points": 100}))
    if first:
        opened.earn("bob", first)
    before = len(alarms(opened))
    opened.earn("bob", then)
    assert alarms(opened)[before:] == [(percent, first + then) for percent in expected]


def test_in_one_batch_each_goes_off_where_it_is_reached(books):
    opened = books(program_of(budget={"points": 100}))
    opened.earn("bob", 30)
    opened.engine.record_many([opened.event("purchase", "bob", amount=10) for _ in range(9)])
    assert alarms(opened) == [(50, 50), (80, 80), (100, 100)]
    assert opened.figures() == {"available": 100, "lifetime": 100}


def test_a_batch_that_gives_takes_back_and_gives_again(books):
    opened = books(program_of(budget={"points": 100}))
    opened.earn("bob", 40, id="p-0")
    events = [
        opened.event("purchase", "bob", amount=20, id="p-1"),
        opened.event("refund", "bob", of="p-1"),
        opened.event("refund", "bob", of="p-0", amount=30),
        opened.event("purchase", "bob", amount=45, id="p-2"),
        opened.event("purchase", "bob", amount=50, id="p-3"),
        opened.event("purchase", "bob", amount=45, id="p-4"),
    ]
    outcomes = opened.engine.record_many(events)
    assert [len(one.grants) for one in outcomes] == [1, 0, 0, 1, 0, 1]
    assert alarms(opened) == [(50, 60), (50, 55), (80, 100), (100, 100)]
    assert opened.engine.budget("spring", "points") == Budget(100, 100, 0, 0)


def test_a_level_that_was_left_by_a_refund_is_reached_again(books):
    opened = books(program_of(budget={"points": 100}))
    opened.earn("bob", 85, id="p-1")
    opened.refund("p-1", 10)
    opened.earn("bob", 4)
    assert alarms(opened) == [(50, 85), (80, 85)], "79 is below"
    opened.earn("bob", 1)
    assert alarms(opened) == [(50, 85), (80, 85), (80, 80)]


def test_a_budget_that_was_changed_has_its_own_levels(shelf):
    first = shelf.open(program_of(budget={"points": 100}))
    first.earn("bob", 100)
    raised = shelf.open(program_of(budget={"points": 1000}))
    raised.earn("bob", 300)
    assert alarms(raised) == [(50, 100), (80, 100), (100, 100)], "400 of 1000 is below its half"
    raised.earn("bob", 100)
    assert alarms(raised)[3:] == [(50, 500)]
    lowered = shelf.open(program_of(budget={"points": 400}))
    assert lowered.do("purchase", amount=1).grants == ()
    assert lowered.engine.budget("spring", "points") == Budget(total=400, spent=500, held=0, remaining=-100)
    assert lowered.do("purchase", amount=1).reasons[0].values["remaining"] == 0
    assert len(alarms(lowered)) == 4


def test_a_budget_that_is_added_later_knows_what_was_given(shelf):
    shelf.open(program_of()).earn("bob", 70)
    later = shelf.open(program_of(budget={"points": 100}))
    assert later.engine.budget("spring", "points") == Budget(100, 70, 0, 30)
    later.earn("bob", 10)
    assert alarms(later) == [(80, 80)]


def test_a_preview_sets_off_nothing(books):
    opened = books(program_of(budget={"points": 100}))
    assert len(opened.engine.preview(opened.event("purchase", "bob", amount=100)).grants) == 1
    assert opened.told() == []
    opened.earn("bob", 100)
    assert len(alarms(opened)) == 3
