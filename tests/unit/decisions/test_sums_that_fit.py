"""No sum of the amounts of a member's events passes the largest that is kept: such an event is rejected."""

from __future__ import annotations

from typing import Any

import pytest

from referral_engine import Event
from referral_engine.changes import AdjustTally
from referral_engine.decisions import Compiled, decide_events
from referral_engine.facts import TALLY_SUM_MAX, Facts, Tally
from tests.contract.stage import START, program_of

COMPILED = Compiled(program_of())


def decide(*events: Event, **sums: int) -> Any:
    """Decide on bob's events, where the sum of his amounts is given for each type."""
    tallies = {("bob", kind): Tally(1, total) for kind, total in sums.items()}
    return decide_events(COMPILED, Facts(tallies=tallies), events, START)


def purchase(name: str, amount: int) -> Event:
    return Event(id=name, type="purchase", member="bob", amount=amount)


def refund(of: str, amount: int | None = None) -> Event:
    return Event(id=f"back-{of}", type="refund", member="bob", of=of, amount=amount)


def ends(decision: Any) -> list[tuple[str, list[str]]]:
    return [(one.status, [reason.code for reason in one.reasons]) for one in decision.result]


REJECTED = ("rejected", ["invalid_event"])
ACCEPTED: tuple[str, list[str]] = ("accepted", [])


def test_a_sum_may_reach_the_largest_and_not_pass_it():
    before = TALLY_SUM_MAX - 5
    assert ends(decide(purchase("p-1", 5), purchase=before)) == [ACCEPTED]
    assert ends(decide(purchase("p-1", 6), purchase=before)) == [REJECTED]
    assert ends(decide(purchase("p-1", 3), purchase("p-2", 3), purchase=before)) == [ACCEPTED, REJECTED]


def test_the_reason_says_what_is_wrong_with_it():
    (outcome,) = decide(purchase("p-1", 1), purchase=TALLY_SUM_MAX).result
    (reason,) = outcome.reasons
    assert "sum" in reason.values["problem"]
    assert "2**63 - 1" in reason.values["problem"]


def test_sums_of_other_types_and_members_do_not_matter():
    assert ends(decide(purchase("p-1", 6), checkin=TALLY_SUM_MAX)) == [ACCEPTED]
    tallies = {("alice", "purchase"): Tally(1, TALLY_SUM_MAX)}
    assert ends(decide_events(COMPILED, Facts(tallies=tallies), [purchase("p-1", 6)], START)) == [ACCEPTED]


def test_an_event_without_amount_adds_nothing():
    decision = decide(Event(id="p-1", type="purchase", member="bob"), purchase=TALLY_SUM_MAX)
    assert ends(decision) == [ACCEPTED]
    assert [change for change in decision.changes if isinstance(change, AdjustTally)] == [
        AdjustTally("bob", "purchase", 1, 0)
    ]


@pytest.mark.parametrize("asked", [6, None], ids=["in part", "in whole"])
def test_nor_does_the_sum_of_what_was_refunded(asked):
    before = TALLY_SUM_MAX - 5
    decision = decide(purchase("p-1", 6), refund("p-1", asked), refund=before)
    assert ends(decision) == [ACCEPTED, REJECTED]
    assert [change for change in decision.changes if isinstance(change, AdjustTally)] == [
        AdjustTally("bob", "purchase", 1, 6)
    ]


@pytest.mark.parametrize("asked", [5, None], ids=["in part", "in whole"])
def test_which_may_reach_the_largest_too(asked):
    decision = decide(purchase("p-1", 5), refund("p-1", asked), refund=TALLY_SUM_MAX - 5)
    assert ends(decision) == [ACCEPTED, ACCEPTED]


def test_a_refund_of_an_event_without_amount_adds_nothing():
    decision = decide(Event(id="p-1", type="checkin", member="bob"), refund("p-1"), refund=TALLY_SUM_MAX)
    assert ends(decision) == [ACCEPTED, ACCEPTED]
    assert AdjustTally("bob", "refund", 1, 0) in decision.changes
