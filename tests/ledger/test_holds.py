"""Ledger: "Hold: pending until `hold` has passed or an event confirms it".

"Then posted exactly once; a reversal in between voids it."
"""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from referral_engine import Reward
from tests.ledger.stage import DAY, START, gives, program_of, rolling

SECOND = timedelta(microseconds=1)
BOTH = gives(100, hold=3 * DAY, confirmed_by="delivery")


def test_a_hold_is_pending_and_is_due_at_the_very_instant_that_it_has_passed(books):
    opened = books(program_of())
    (grant,) = opened.do("order", amount=90, id="o-1").grants
    assert (grant.held_until, grant.confirmed_by, grant.held) == (START + 2 * DAY, None, True)
    assert opened.figures() == {"held": 90}
    for moment, released, figures in (
        (2 * DAY - SECOND, 0, {"held": 90}),
        (2 * DAY, 1, {"available": 90, "lifetime": 90}),
    ):
        opened.clock.set(START + moment)
        assert opened.figures() == {"held": 90}, "time alone posts nothing"
        assert opened.engine.release_due().holds == released
        assert opened.figures() == figures
    assert opened.told("grant.held", "grant.posted") == [
        (kind, {"grant": grant.id, "event": "o-1", "rule": "held_as_ordered", "member": "bob", "unit": "points",
                "amount": 90})
        for kind in ("grant.held", "grant.posted")
    ]  # fmt: skip


def test_a_hold_counts_from_when_the_event_happened(books):
    opened = books(program_of())
    opened.do("order", amount=90, at=START - 5 * DAY)
    assert opened.figures() == {"held": 90}, "nothing is posted inside record"
    assert opened.engine.release_due().holds == 1
    assert opened.figures() == {"available": 90, "lifetime": 90}


def test_an_event_confirms_what_is_held_for_it(books):
    opened = books(program_of())
    ordered = opened.do("preorder", amount=90, id="o-1")
    assert (ordered.grants[0].held_until, ordered.grants[0].confirmed_by) == (None, "delivery")
    opened.wait(days=4000)
    assert opened.engine.release_due().holds == 0, "it waits for its event, not for time"
    assert opened.figures() == {"held": 90}
    outcome = opened.do("delivery", of="o-1")
    assert outcome.confirmed == ordered.grants
    assert outcome.grants == ()
    assert opened.figures() == {"available": 90, "lifetime": 90}
    assert [kind for kind, _ in opened.told("grant.held", "grant.posted")] == ["grant.held", "grant.posted"]
    assert opened.moves() == [("hold", 90, "campaign", "held"), ("release", 90, "held", "available")]


def test_a_confirmation_posts_at_the_time_of_the_event(books):
    opened = books(program_of(expires=rolling(10)))
    opened.do("preorder", amount=90, id="o-1")
    opened.wait(days=6)
    opened.do("delivery", of="o-1", at=START + 4 * DAY)
    assert opened.transfers()[-1].at == START + 4 * DAY
    assert opened.lots() == [("2026-03-17T00:00Z", 90)]
    assert opened.engine.messages()[-1].at == START + 4 * DAY


@pytest.mark.parametrize("first", ["time", "event"])
def test_with_a_time_and_an_event_the_first_of_them_posts(first, books):
    opened = books(program_of(BOTH))
    (grant,) = opened.do("gift", id="g-1").grants
    assert (grant.held_until, grant.confirmed_by) == (START + 3 * DAY, "delivery")
    opened.wait(days=2 if first == "event" else 3)
    released = opened.engine.release_due().holds
    confirmed = opened.do("delivery", of="g-1").confirmed
    assert (released, confirmed) == ((1, ()) if first == "time" else (0, (grant,)))
    opened.wait(days=30)
    assert opened.engine.release_due().holds == 0
    assert opened.do("delivery", of="g-1").confirmed == ()
    assert opened.moves() == [("hold", 100, "campaign", "held"), ("release", 100, "held", "available")]


@pytest.mark.parametrize("ways", list(permutations(("time", "event", "refund"))), ids="-".join)
def test_whatever_comes_first_decides_and_the_rest_finds_nothing(ways, books):
    opened = books(program_of(BOTH))
    opened.do("gift", id="g-1", amount=50)
    opened.wait(days=3)
    for way in ways:
        if way == "time":
            opened.engine.release_due()
        else:
            opened.do({"event": "delivery", "refund": "refund"}[way], of="g-1")
    assert opened.figures() == {}
    kinds = [kind for kind, *_ in opened.moves()]
    assert kinds == (["hold", "void"] if ways[0] == "refund" else ["hold", "release", "reversal"])
    assert opened.engine.budget("spring", "points").spent == 0


def test_a_reversal_in_between_voids_it(books):
    opened = books(program_of())
    opened.do("order", amount=90, id="o-1")
    assert opened.refund("o-1") == [(90, 90, 0, 0)]
    assert opened.figures() == {}
    opened.wait(days=30)
    assert opened.engine.release_due().holds == 0
    assert opened.moves() == [("hold", 90, "campaign", "held"), ("void", 90, "held", "campaign")]


def test_a_reversal_in_between_voids_what_waits_for_an_event(books):
    opened = books(program_of())
    opened.do("preorder", amount=90, id="o-1")
    assert opened.refund("o-1") == [(90, 90, 0, 0)]
    assert opened.do("delivery", of="o-1").confirmed == ()
    assert opened.moves() == [("hold", 90, "campaign", "held"), ("void", 90, "held", "campaign")]


@pytest.mark.parametrize("kind", ["order", "preorder"])
def test_only_what_a_part_refund_left_is_posted(kind, books):
    opened = books(program_of())
    opened.do(kind, amount=90, id="o-1")
    assert opened.refund("o-1", 30) == [(30, 30, 0, 0)]
    opened.wait(days=2)
    opened.engine.release_due()
    opened.do("delivery", of="o-1")
    assert opened.figures() == {"available": 60, "lifetime": 60}
    assert opened.refund("o-1", 30) == [(30, 0, 0, 0)]
    assert [move[:2] for move in opened.moves()] == [("hold", 90), ("void", 30), ("release", 60), ("reversal", 30)]


def test_an_event_confirms_only_what_waits_for_its_type(books):
    give = [
        Reward("member", "points", 1),
        Reward("member", "points", 20, confirmed_by="delivery"),
        Reward("member", "points", 300, confirmed_by="review"),
        Reward("member", "points", 4000, hold=DAY),
    ]
    opened = books(program_of(gives(give=give)))
    grants = opened.do("gift", id="g-1").grants
    assert opened.do("visit", of="g-1").confirmed == ()
    assert opened.do("delivery", of="g-1").confirmed == (grants[1],)
    assert opened.figures() == {"available": 21, "held": 4300, "lifetime": 21}
    assert opened.do("review", of="g-1").confirmed == (grants[2],)
    assert opened.figures() == {"available": 321, "held": 4000, "lifetime": 321}


def test_a_confirmation_posts_what_both_sides_wait_for(books):
    give = [Reward(side, "points", 50, confirmed_by="delivery") for side in ("referrer", "referee")]
    opened = books(program_of(gives(give=give)))
    opened.do("signup", "alice")
    opened.do("signup", referrer="alice")
    opened.do("gift", id="g-1")
    assert [one.member for one in opened.do("delivery", of="g-1").confirmed] == ["alice", "bob"]
    assert opened.figures("alice") == opened.figures("bob") == {"available": 50, "lifetime": 50}


def test_a_confirmation_is_an_event_like_any_other(books):
    """It fires rules of its own, and counts."""
    opened = books(program_of(gives(7, id="thanks", on="delivery", where="referee.count.delivery == 1")))
    opened.do("preorder", amount=90, id="o-1")
    outcome = opened.do("delivery", of="o-1")
    assert [one.amount for one in (*outcome.confirmed, *outcome.grants)] == [90, 7]
    assert opened.figures() == {"available": 97, "lifetime": 97}


@pytest.mark.parametrize("of", ["nothing", "o-alice", "r-1"])
def test_a_confirmation_of_what_is_unknown_of_somebody_else_or_a_refund_is_rejected(of, books):
    opened = books(program_of(gives(7, id="thanks", on="delivery")))
    opened.do("preorder", "alice", amount=80, id="o-alice")
    opened.do("preorder", amount=90, id="o-1")
    opened.refund("o-1", 10, id="r-1")
    before = opened.told()
    assert opened.refused("delivery", of=of) == ["unknown_event"]
    assert opened.refused("delivery", "carol", of=of) == ["unknown_event"]
    assert opened.told() == before
    assert opened.figures("alice") == {"held": 80}
    assert opened.figures() == {"held": 80}
    assert opened.engine.member("carol") is None


def test_an_order_and_its_confirmation_in_one_batch(books):
    opened = books(program_of())
    events = [
        opened.event("preorder", "bob", amount=90, id="o-1"),
        opened.event("delivery", "bob", of="o-1"),
        opened.event("delivery", "bob", of="o-2"),
        opened.event("refund", "bob", of="o-1", amount=40),
    ]
    outcomes = opened.engine.record_many(events)
    assert [one.status for one in outcomes] == ["accepted", "accepted", "rejected", "accepted"]
    assert opened.figures() == {"available": 50, "lifetime": 50}


def test_what_is_held_moves_from_held_to_spent_in_the_budget(books):
    opened = books(program_of(budget={"points": 500}))
    opened.do("order", amount=90)
    opened.do("preorder", amount=60, id="o-1")
    budgets = [opened.engine.budget("spring", "points")]
    opened.wait(days=2)
    opened.engine.release_due()
    budgets.append(opened.engine.budget("spring", "points"))
    opened.do("delivery", of="o-1")
    budgets.append(opened.engine.budget("spring", "points"))
    assert [(one.spent, one.held, one.remaining) for one in budgets] == [(0, 150, 350), (90, 60, 350), (150, 0, 350)]


def test_no_hold_is_a_grant_at_once(books):
    opened = books(program_of(gives(hold=timedelta(0))))
    (grant,) = opened.do("gift").grants
    assert (grant.held_until, grant.held) == (None, False)
    assert opened.figures() == {"available": 100, "lifetime": 100}
