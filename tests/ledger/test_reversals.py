"""Ledger: "Reversal: proportional for part refunds, cumulative"; each grant apart; budgets, limits and boards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from referral_engine import Board, Limit, Reward
from tests.ledger.stage import DAY, START, gives, program_of

FULL = {"spent": 0, "held": 0, "remaining": 5000}
THOUSAND = gives(1000)


def budget(books):
    kept = books.engine.budget("spring", "points")
    return {"spent": kept.spent, "held": kept.held, "remaining": kept.remaining}


def test_three_thirds_of_1000_come_back_as_334_and_333_and_333(books):
    opened = books(program_of(THOUSAND, budget={"points": 5000}))
    opened.do("gift", amount=3, id="g-1")
    assert [opened.refund("g-1", 1) for _ in range(3)] == [[(334, 0, 0, 0)], [(333, 0, 0, 0)], [(333, 0, 0, 0)]]
    assert opened.figures() == {}
    assert budget(opened) == FULL


@pytest.mark.parametrize(
    ("granted", "paid", "parts", "backs"),
    [
        (1000, 3, [1, 1, 1], [334, 333, 333]),
        (1000, 3, [2, 1], [667, 333]),
        (1000, 3000, [1, 2999], [1, 999]),
        (2, 7, [1, 1, 1, 1, 1, 1, 1], [1, 0, 0, 1, 0, 0, 0]),
        (1, 3, [1, 1, 1], [1, 0, 0]),
        (7, 2, [1, 1], [4, 3]),
        (100, 10**15, [1, 10**15 - 1], [1, 99]),
        (10**15, 10**15 - 1, [10**15 - 2, 1], [10**15 - 1, 1]),
    ],
)
def test_parts_are_cumulative_and_rounded_up_and_at_most_the_grant(granted, paid, parts, backs, books):
    """ceil(granted x refunded / paid), less what was taken back before."""
    opened = books(program_of(gives(granted)))
    opened.do("gift", amount=paid, id="g-1")
    assert [sum(back[0] for back in opened.refund("g-1", part)) for part in parts] == backs
    assert opened.figures() == {}


def test_each_grant_of_the_event_is_reversed_apart_by_the_same_fraction(books):
    give = [
        Reward("referrer", "points", 1000, hold=DAY),
        Reward("referee", "points", 10),
        Reward("referee", "usd", 7),
    ]
    opened = books(program_of(gives(give=give)))
    opened.do("signup", "alice")
    opened.do("signup", referrer="alice")
    opened.do("gift", amount=3, id="g-1")
    assert opened.refund("g-1", 1) == [(334, 334, 0, 0), (4, 0, 0, 0), (3, 0, 0, 0)]
    opened.engine.redeem("bob", 6, key="k")
    assert opened.refund("g-1", 1) == [(333, 333, 0, 0), (3, 0, 3, 0), (2, 0, 0, 0)]
    assert (opened.figures("alice"), opened.figures()) == ({"held": 333}, {"lifetime": 3, "redeemed": 6, "debt": 3})
    assert opened.figures(unit="usd") == {"available": 2, "lifetime": 2}
    assert opened.refund("g-1") == [(333, 333, 0, 0), (3, 0, 3, 0), (2, 0, 0, 0)]
    assert opened.figures("alice") == opened.figures(unit="usd") == {}


def test_a_reversal_says_what_it_took_and_from_what(books):
    opened = books(program_of())
    (grant,) = opened.earn("bob", 90, id="p-1").grants
    opened.engine.redeem("bob", 50, key="k")
    outcome = opened.do("refund", of="p-1", amount=60, id="r-1")
    (one,) = outcome.reversals
    assert (one.grant, one.member, one.unit, one.amount, one.from_held, one.debt, one.waived) == (
        grant.id, "bob", "points", 60, 0, 20, 0,
    )  # fmt: skip
    assert opened.told("grant.reversed") == [
        ("grant.reversed", {"grant": grant.id, "event": "r-1", "rule": "as_bought", "member": "bob", "unit": "points",
                            "amount": 60, "debt": 20, "waived": 0})
    ]  # fmt: skip
    taken = [(one.kind, one.amount, one.debit, one.credit, one.campaign, one.reference) for one in opened.transfers()]
    assert taken[2:] == [
        ("reversal", 40, "available", "campaign", "spring", "r-1"),
        ("reversal", 20, "debt", "campaign", "spring", "r-1"),
    ]


def test_a_reversal_is_never_put_on_hold(books):
    opened = books(program_of(gives(hold=DAY)))
    opened.do("gift", amount=10, id="g-1")
    opened.wait(days=1)
    opened.engine.release_due()
    opened.refund("g-1", 4)
    assert opened.figures() == {"available": 60, "lifetime": 60}
    opened.refund("g-1")
    assert opened.figures() == {}


def test_reversed_money_returns_to_its_budget_at_once(books):
    opened = books(program_of(gives(400, hold=DAY), budget={"points": 500}))
    opened.earn("bob", 100, id="p-1")
    opened.do("gift", id="g-1", amount=4)
    assert budget(opened) == {"spent": 100, "held": 400, "remaining": 0}
    assert [one.code for one in opened.do("purchase", amount=1).reasons] == ["budget_exhausted"]
    opened.refund("g-1", 1)
    assert budget(opened) == {"spent": 100, "held": 300, "remaining": 100}
    opened.engine.redeem("bob", 100, key="k")
    opened.refund("p-1")
    assert budget(opened) == {"spent": 0, "held": 300, "remaining": 200}, "what became a debt returned as well"
    assert opened.earn("bob", 200).grants[0].amount == 200


@pytest.mark.parametrize(
    "limit", [Limit(times=1, per="referee"), Limit(amount=100, unit="points", per="referee")], ids=["times", "amount"]
)
def test_only_a_full_reversal_gives_a_limits_slot_back(limit, books):
    opened = books(program_of(gives(limits=[limit])))
    opened.do("gift", amount=10, id="g-1")
    opened.refund("g-1", 9)
    assert opened.do("gift", amount=10).grants == ()
    opened.refund("g-1", 1)
    assert len(opened.do("gift", amount=10).grants) == 1
    assert opened.do("gift", amount=10).grants == ()


@pytest.mark.parametrize("reversal", ["held_only", "within_balance"])
def test_a_full_refund_gives_the_slot_back_whatever_the_policy_left_with_the_member(reversal, books):
    opened = books(program_of(gives(limits=[Limit(times=1, per="referee")]), reversal=reversal))
    opened.do("gift", amount=10, id="g-1")
    opened.engine.redeem("bob", 100, key="k")
    assert opened.refund("g-1") == [(0, 0, 0, 100)]
    assert len(opened.do("gift", amount=10).grants) == 1


def test_rules_are_not_judged_again_and_refunds_never_lower_counts_or_sums(books):
    first = gives(id="first", where="referee.count.gift == 1")
    large = gives(7, id="large", where="referee.sum.gift >= 20")
    opened = books(program_of(first, large))
    opened.do("gift", amount=10, id="g-1")
    opened.refund("g-1")
    outcome = opened.do("gift", amount=10)
    assert [(one.rule, one.amount) for one in outcome.grants] == [("large", 7)]


@pytest.mark.parametrize(("reversal", "score"), [("debt", 50), ("within_balance", 70), ("held_only", 100)], ids=str)
def test_boards_fall_by_what_was_taken(reversal, score, books):
    boards = [Board("best", "granted.points", "month")]
    opened = books(program_of(THOUSAND, reversal=reversal, boards=boards))
    opened.earn("bob", 100, id="p-1", at=START - timedelta(days=1))
    opened.engine.redeem("bob", 70, key="k")
    opened.do("refund", of="p-1", amount=50, at=START + timedelta(days=40))
    assert opened.engine.board("best", period="2026-03").entry("bob").score == score
    assert opened.engine.board("best", period="2026-04").entry("bob") is None


def test_a_board_falls_for_a_hold_that_is_voided(books):
    opened = books(program_of(boards=[Board("best", "granted.points", "month")]))
    opened.do("order", amount=100, id="o-1")
    opened.refund("o-1", 30)
    assert opened.engine.board("best").entry("bob").score == 70
    opened.refund("o-1")
    assert opened.engine.board("best").entry("bob") is None


def test_what_was_waived_moves_nobody_on_a_board(books):
    """Ties go by who reached the score first; nothing was taken, so bob did not reach his again."""
    opened = books(program_of(reversal="held_only", boards=[Board("best", "granted.points", "month")]))
    opened.earn("bob", 100, id="p-1")
    opened.earn("alice", 100)
    assert [one.member for one in opened.engine.board("best").top()] == ["bob", "alice"]
    assert opened.refund("p-1", 40) == [(0, 0, 0, 40)]
    assert [one.member for one in opened.engine.board("best").top()] == ["bob", "alice"]


# Policies


POLICY = {
    "held_only": [[(0, 0, 0, 334)], [(0, 0, 0, 333)], [(0, 0, 0, 333)]],
    "within_balance": [[(334, 0, 0, 0)], [(66, 0, 0, 267)], [(0, 0, 0, 333)]],
    "debt": [[(334, 0, 0, 0)], [(333, 0, 267, 0)], [(333, 0, 333, 0)]],
}
LEFT = {
    "held_only": {"available": 400, "lifetime": 1000, "redeemed": 600},
    "within_balance": {"lifetime": 600, "redeemed": 600},
    "debt": {"redeemed": 600, "debt": 600},
}


@pytest.mark.parametrize("reversal", POLICY)
def test_how_far_a_reversal_reaches_into_what_was_posted(reversal, books):
    opened = books(program_of(THOUSAND, reversal=reversal, budget={"points": 5000}))
    opened.do("gift", amount=3, id="g-1")
    opened.engine.redeem("bob", 600, key="k")
    assert [opened.refund("g-1", 1) for _ in range(3)] == POLICY[reversal]
    assert opened.figures() == LEFT[reversal]
    assert budget(opened)["spent"] == LEFT[reversal].get("lifetime", 0)


@pytest.mark.parametrize("reversal", POLICY)
def test_under_every_policy_what_is_held_comes_back_from_the_hold(reversal, books):
    opened = books(program_of(gives(1000, hold=DAY), reversal=reversal))
    opened.do("gift", amount=3, id="g-1")
    assert opened.refund("g-1", 1) == [(334, 334, 0, 0)]
    opened.wait(days=1)
    opened.engine.release_due()
    assert opened.figures() == {"available": 666, "lifetime": 666}
    rest = {"held_only": (0, 0, 0, 666), "within_balance": (666, 0, 0, 0), "debt": (666, 0, 0, 0)}
    assert opened.refund("g-1") == [rest[reversal]]


def test_what_was_waived_is_not_asked_for_again(books):
    opened = books(program_of(THOUSAND, reversal="within_balance"))
    opened.do("gift", amount=10, id="g-1")
    opened.engine.redeem("bob", 1000, key="k")
    assert opened.refund("g-1", 4) == [(0, 0, 0, 400)]
    opened.give("bob", 5000, key="k-2")
    assert opened.refund("g-1", 5) == [(500, 0, 0, 0)]
    assert opened.refund("g-1", 1) == [(100, 0, 0, 0)]
    assert opened.figures() == {"available": 4400, "lifetime": 5400, "redeemed": 1000}


def test_a_grant_keeps_the_policy_that_it_was_granted_under(shelf):
    first = shelf.open(program_of(THOUSAND, reversal="held_only"))
    first.do("gift", amount=10, id="g-1")
    later = shelf.open(program_of(THOUSAND, reversal="debt"))
    assert later.refund("g-1") == [(0, 0, 0, 1000)]
    later.do("gift", amount=10, id="g-2")
    assert later.refund("g-2") == [(1000, 0, 0, 0)]
