"""What events want, told one by one: all that their rules look at, and nothing that they do not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referral_engine import Campaign, Event, Expiry, Limit, Program, Reward, Unit
from referral_engine.decisions import Compiled, want_events
from referral_engine.facts import LimitKey, Wanted
from referral_engine.storage import MemoryStore
from tests.ledger.stage import START, Shelf, gives, program_of


def wanted(rules: Any, *events: Event, units: dict[str, Unit] | None = None) -> Wanted:
    """What the events want, with points that never expire and miles that do so by inactivity, unless told otherwise."""
    miles = Unit(expires=Expiry(kind="inactivity", days=30))
    of = {"points": Unit(), "miles": miles, "usd": Unit(scale=2, kind="cash")} if units is None else units
    program = Program(id="acme", units=of, campaigns=[Campaign(id="spring", rules=rules)])
    return want_events(Compiled(program), events, START)


def event(kind: str, **more: Any) -> Event:
    return Event(**({"id": "e-1", "type": kind, "member": "bob"} | more))


def test_an_event_that_no_rule_is_about_wants_no_money_no_limit_and_no_count():
    rule = gives(unit="miles", limits=[Limit(times=1, per="referee", within="day")], where="referee.count.gift > 0")
    nothing: frozenset[Any] = frozenset()
    found = wanted([rule], event("checkin"))
    assert (found.program, found.actors, found.arriving, found.events) == ("acme", {"bob"}, {"bob"}, {"e-1"})
    assert (found.units, found.lot_units, found.idle_units, found.spends) == (nothing,) * 4
    assert (found.limit_rules, found.limit_periods, found.tally_types) == (nothing,) * 3
    assert (found.members, found.codes, found.origins) == (nothing,) * 3


def test_it_wants_the_units_that_its_rules_give_and_the_lots_of_those_that_it_may_prolong():
    found = wanted([gives(), gives(id="usd", unit="usd", on="sale")], event("gift"))
    assert (found.units, found.lot_units, found.idle_units) == ({"points"}, set(), set())
    assert found.spends == {("spring", "points")}
    found = wanted([gives(unit="miles")], event("gift"))
    assert (found.units, found.lot_units, found.idle_units) == ({"miles"}, {"miles"}, {"miles"})


def test_one_that_names_an_earlier_event_wants_every_unit_with_its_lots():
    """It may take back, or post, what any rule gave."""
    units = {"points", "miles", "usd"}
    for backwards in (event("refund", of="e-0"), event("delivery", of="e-0")):
        found = wanted([gives()], backwards)
        assert (found.origins, found.units, found.lot_units) == ({"e-0"}, units, units)
        assert found.idle_units == {"miles"}


@pytest.mark.parametrize(
    ("asked", "types"),
    [
        (event("sale"), set()),
        (event("sale", amount=5), {"sale"}),
        (event("refund", of="e-0"), {"refund"}),
        (event("refund", of="e-0", amount=5), {"refund"}),
    ],
)
def test_the_sum_is_wanted_where_it_will_grow(asked, types):
    assert wanted([gives()], asked).tally_types == types


@pytest.mark.parametrize(
    ("where", "types"),
    [
        ("referee.count.sale > 0", {"sale"}),
        ("referee.sum.sale > 0", {"sale"}),
        ("referrer.sum.sale > 0 and referee.count.visit > 0", {"sale", "visit"}),
        ("referee.tag.gold == true and referee.role.leader == true", set()),
        ("event.attributes.vip == true", set()),
    ],
)
def test_so_are_the_counts_and_sums_that_a_rule_looks_at(where, types):
    assert wanted([gives(where=where)], event("gift")).tally_types == types


def test_the_periods_of_limits_are_those_of_the_events_own_time():
    rule = gives(limits=[Limit(times=1, per="referee", within="month"), Limit(times=9, per="referee", within="day")])
    late = event("gift", at=START - timedelta(days=30))
    assert wanted([rule], late).limit_periods == {"2026-01", "2026-01-31"}
    assert wanted([rule], event("gift")).limit_periods == {"2026-03", "2026-03-02"}
    assert wanted([rule], late).limit_rules == {"gives"}


def keys_of(limit: Limit, **given: Any) -> set[LimitKey]:
    """The counters that a gift for bob moves, whom alice brought unless nobody did."""
    books = Shelf(store := MemoryStore()).open(program_of(gives(10, limits=[limit])))
    books.engine.join("alice")
    books.do("signup", "bob", **given)
    books.do("gift", "bob")
    return set(store._records("acme").limits)


BROUGHT = {"referrer": "alice"}


@pytest.mark.parametrize(
    ("limit", "given", "key"),
    [
        (Limit(times=3, per="referee"), {}, ("bob", "referee", "lifetime", "", "bob", "lifetime")),
        (Limit(times=3, per="referee"), BROUGHT, ("bob", "referee", "lifetime", "", "bob", "lifetime")),
        (Limit(times=3, per="pair"), BROUGHT, ("bob", "pair", "lifetime", "", "alice bob", "lifetime")),
        (Limit(times=3, per="referrer"), BROUGHT, ("alice", "referrer", "lifetime", "", "alice", "lifetime")),
        (
            Limit(amount=30, unit="points", per="referrer", within="month"),
            BROUGHT,
            ("alice", "referrer", "month", "points", "alice", "2026-03"),
        ),
    ],
)
def test_a_limits_counter_is_kept_under_the_same_key_for_good(limit, given, key):
    """Under another one it would begin anew, and with another holder it would not be locked."""
    holder, per, within, unit, subject, period = key
    assert keys_of(limit, **given) == {
        LimitKey(holder=holder, rule="gives", per=per, within=within, unit=unit, subject=subject, period=period)
    }


def test_units_come_from_every_reward_of_a_rule():
    give = [Reward("member", "points", 1), Reward("member", "usd", 1)]
    assert wanted([gives(give=give)], event("gift")).units == {"points", "usd"}
