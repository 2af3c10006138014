"""No figure passes the largest that is kept, by what is decided now or by anything that may come of it later."""

from __future__ import annotations

from typing import Any

import pytest

from referral_engine import Event, InvalidInput, Reward
from referral_engine.decisions import (
    Adjustment,
    Compiled,
    MemberTransfer,
    decide_adjustment,
    decide_events,
    decide_transfer,
)
from referral_engine.facts import Facts
from referral_engine.ledger import Balance, Spend
from referral_engine.members import newcomer
from referral_engine.validation import TOTAL_MAX
from tests.ledger.stage import START, gives, program_of

COMPILED = Compiled(program_of(gives(100), gives(100, id="usd", on="usd-gift", unit="usd")))
JUST = TOTAL_MAX - 100
FULL = JUST + 1
FIGURES = ["available", "held", "paying", "redeemed", "expired"]


def facts(balance: Balance, unit: str = "points", spend: Spend | None = None) -> Facts:
    """Alice has a hundred, and bob what is given."""
    return Facts(
        members={name: newcomer(name, START) for name in ("alice", "bob")},
        balances={("alice", unit): Balance(available=100, lifetime=100), ("bob", unit): balance},
        spends={} if spend is None else {("spring", unit): spend},
    )


def given(balance: Balance, spend: Spend | None = None, compiled: Compiled = COMPILED) -> Any:
    """What becomes of a gift of a hundred for bob."""
    event = Event(id="g-1", type="gift", member="bob")
    (outcome,) = decide_events(compiled, facts(balance, spend=spend), [event], START).result
    return [grant.amount for grant in outcome.grants] or [
        (one.code, one.rule, dict(one.values)) for one in outcome.reasons
    ]


def passed_on(balance: Balance) -> int:
    asked = MemberTransfer("acme", "alice", "bob", 100, "points", "k", None)
    return decide_transfer(COMPILED, facts(balance), asked, START).result.amount


def adjusted(balance: Balance) -> int:
    asked = Adjustment("acme", "bob", 100, "points", "k", "staff-1", "a test")
    return decide_adjustment(COMPILED, facts(balance), asked, START).result.amount


REFUSED = [("limited", "gives", {"unit": "points", "wanted": 100, "total_max": TOTAL_MAX})]


@pytest.mark.parametrize("figure", [*FIGURES, "lifetime"])
def test_a_rule_gives_up_to_the_largest_total_and_nothing_beyond(figure):
    assert given(Balance(**{figure: JUST})) == [100]
    assert given(Balance(**{figure: FULL})) == REFUSED


@pytest.mark.parametrize("figure", FIGURES)
def test_what_is_passed_on_fits_too(figure):
    assert passed_on(Balance(**{figure: JUST})) == 100
    with pytest.raises(InvalidInput) as refused:
        passed_on(Balance(**{figure: FULL}))
    assert refused.value.name == "amount"
    assert "the receiver's total would pass 2**63 - 1" in str(refused.value)


def test_what_is_passed_on_does_not_count_in_lifetime():
    assert passed_on(Balance(lifetime=TOTAL_MAX)) == 100


@pytest.mark.parametrize("figure", [*FIGURES, "lifetime"])
def test_what_staff_gives_fits_too(figure):
    assert adjusted(Balance(**{figure: JUST})) == 100
    with pytest.raises(InvalidInput) as refused:
        adjusted(Balance(**{figure: FULL}))
    assert refused.value.name == "amount"
    assert "the member's total would pass 2**63 - 1" in str(refused.value)


@pytest.mark.parametrize("figure", FIGURES[2:])
def test_figures_count_together(figure):
    """What is available now may be paid out, redeemed or expire later."""
    half = Balance(**{"available": JUST - 50, figure: 51})
    assert given(half) == REFUSED
    for give in (passed_on, adjusted):
        with pytest.raises(InvalidInput):
            give(half)


def test_what_is_held_counts_with_lifetime():
    """It will be posted."""
    half = Balance(held=51, lifetime=JUST - 50)
    assert given(half) == REFUSED
    with pytest.raises(InvalidInput):
        adjusted(half)


def test_a_campaign_gives_up_to_the_largest_total_and_nothing_beyond():
    assert given(Balance(), Spend(spent=JUST - 50, held=50)) == [100]
    assert given(Balance(), Spend(spent=JUST - 50, held=51)) == REFUSED


def test_another_unit_is_another_total():
    units = facts(Balance(available=FULL), unit="usd")
    event = Event(id="g-1", type="gift", member="bob")
    (outcome,) = decide_events(COMPILED, units, [event], START).result
    assert [grant.amount for grant in outcome.grants] == [100]


def test_of_two_ends_of_a_referral_the_fuller_one_counts():
    compiled = Compiled(program_of(gives(give=[Reward("referrer", "points", 60), Reward("referee", "points", 40)])))
    events = [
        Event(id="s-1", type="signup", member="dave", referrer="bob"),
        Event(id="g-1", type="gift", member="dave"),
    ]

    def codes(available: int) -> list[str]:
        *_, outcome = decide_events(compiled, facts(Balance(available=available)), events, START).result
        return [reason.code for reason in outcome.reasons]

    assert codes(JUST) == []
    assert codes(FULL) == ["limited"]
