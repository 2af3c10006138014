"""The changes of a decision: each with the preconditions under which it is as decided, and nothing where nothing is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from referral_engine import Event, InvalidInput, Limit, Reward, UnknownCode
from referral_engine.changes import (
    AddAudit,
    AddEvent,
    AddGrant,
    AddMessage,
    AddReferral,
    AddRevision,
    AdjustLot,
    AdjustSpend,
    DisableCode,
    PutMember,
    PutRefunded,
    UpdateGrant,
    UpdateReferral,
    UseCode,
)
from referral_engine.decisions import (
    CodeLot,
    Compiled,
    PayoutDecision,
    decide_code_lot,
    decide_disable,
    decide_events,
    decide_invite,
    decide_join,
    decide_payout,
    decide_publication,
    decide_release,
    fresh_code,
    want_code_lot,
    want_events,
    want_invite,
    want_member,
)
from referral_engine.facts import NO_FOOTPRINT, Facts, Tally
from referral_engine.ledger import Spend
from referral_engine.members import newcomer
from referral_engine.outcomes import Reason
from referral_engine.storage.memory.records import Records
from tests.ledger.stage import DAY, START, gives, program_of, rolling

COMPILED = Compiled(program_of(gives(100, hold=DAY), budget={"points": 1_000}))


def event(name: str, kind: str = "purchase", member: str = "bob", **more: Any) -> Event:
    return Event(**({"id": name, "type": kind, "member": member} | more))


def decided(facts: Facts, *events: Event, compiled: Compiled = COMPILED) -> Any:
    return decide_events(compiled, facts, events, START)


def written(kind: type[Any], decision: Any) -> list[Any]:
    return [change for change in decision.changes if isinstance(change, kind)]


def after(*events: Event, compiled: Compiled = COMPILED) -> Records:
    """What is kept once the events are recorded."""
    records = Records()
    decision = decided(records.facts(), *events, compiled=compiled)
    records.write(decision.changes, decision.ordinals)
    return records


# Events


def test_an_event_is_kept_with_all_that_it_said_and_what_came_of_it():
    attributes = {"country": "CN"}
    earlier = START - DAY
    facts = after(event("o-1", "preorder", amount=30)).facts()
    decision = decided(facts, event("d-1", "delivery", of="o-1", at=earlier, amount=5, attributes=attributes))
    (change,) = written(AddEvent, decision)
    kept = change.event
    assert (kept.id, kept.type, kept.member, kept.amount, kept.of) == ("d-1", "delivery", "bob", 5, "o-1")
    assert (kept.at, kept.recorded_at, dict(kept.attributes)) == (earlier, START, attributes)
    assert (kept.outcome, kept.counted) == (decision.result[0], True)


def test_a_second_signup_is_kept_without_footprint_and_does_not_count():
    facts = after(event("s-1", "signup")).facts()
    (change,) = written(AddEvent, decided(facts, event("s-2", "signup")))
    assert (change.event.counted, change.event.footprint) == (False, NO_FOOTPRINT)


def test_a_rejected_event_comes_to_nothing():
    decision = decided(Facts(), event("r-1", "refund", of="o-1"))
    (outcome,) = decision.result
    assert (outcome.event_id, outcome.status, outcome.referral) == ("r-1", "rejected", None)
    assert (outcome.grants, outcome.reversals, outcome.confirmed) == ((), (), ())
    assert outcome.reasons == (Reason.of("unknown_event", of="o-1", member="bob"),)
    assert outcome.revision == COMPILED.revision
    assert (decision.changes, decision.ordinals) == ((), 0)


def test_a_signup_by_code_keeps_the_code_that_it_used():
    facts = Facts(codes={"7K3MQ9TZB2C": fresh_code("7K3MQ9TZB2C", None, None)})
    decision = decided(facts, event("s-1", "signup", code="7K3MQ9TZB2C"))
    (change,) = written(AddEvent, decision)
    assert change.event.footprint.code == "7K3MQ9TZB2C"


@pytest.mark.parametrize(("before", "credited"), [(0, 2), (1, 1), (2, 0)])
def test_one_decision_uses_a_code_as_often_as_it_may_be_used(before, credited):
    """Without looking at its own uses it would be decided again, event by event, for the store would refuse it."""
    code = replace(fresh_code("7K3MQ9TZB2C", "alice", None), max_uses=2, uses=before)
    facts = Facts(members={"alice": newcomer("alice", START)}, codes={code.text: code})
    signups = [event(f"s-{name}", "signup", name, code=code.text) for name in ("bob", "carol", "dave")]
    decision = decided(facts, *signups)
    assert [outcome.referral is not None for outcome in decision.result] == [True] * credited + [False] * (3 - credited)
    assert written(UseCode, decision) == ([UseCode(code.text, credited)] if credited else [])


def test_one_decision_finds_an_unknown_code_unknown_each_time():
    signups = [event(f"s-{name}", "signup", name, code="7K3MQ9TZB2C") for name in ("bob", "carol")]
    assert [outcome.reasons[0].code for outcome in decided(Facts(), *signups).result] == ["unknown_code"] * 2


def test_one_decision_draws_on_the_lots_that_it_made():
    compiled = Compiled(program_of(expires=rolling(10)))
    batch = [event("p-1", amount=30), event("r-1", "refund", of="p-1", amount=10)]
    decision = decided(Facts(), *batch, compiled=compiled)
    assert [(lot.slot, lot.by) for lot in written(AdjustLot, decision)] == [("2026-03-12", 20)]


# Refunds


def test_a_referral_that_begins_and_ends_in_one_batch_is_written_once_as_it_ended():
    facts = Facts(members={"alice": newcomer("alice", START)})
    signup = event("s-1", "signup", referrer="alice")
    decision = decided(facts, signup, event("r-1", "refund", of="s-1"))
    (added,) = written(AddReferral, decision)
    assert (added.referral.referee, added.referral.referrer, added.referral.state) == ("bob", "alice", "reversed")
    assert written(UpdateReferral, decision) == []
    assert added.ordinal == written(AddReferral, decided(facts, signup))[0].ordinal


def test_a_referral_that_ended_in_a_batch_has_ended_for_the_events_after_it():
    compiled = Compiled(program_of(gives(to="referrer")))
    records = after(event("s-0", "signup", "alice"), event("s-1", "signup", referrer="alice"), compiled=compiled)
    batch = [event("g-1", "gift"), event("r-1", "refund", of="s-1"), event("g-2", "gift")]
    outcomes = decided(records.facts(), *batch, compiled=compiled).result
    assert [len(outcome.grants) for outcome in outcomes] == [1, 0, 0]


def test_the_first_refund_of_an_event_begins_its_sum_and_another_goes_on_with_it():
    records = after(event("o-1", amount=30))
    first = decided(records.facts(), event("r-1", "refund", of="o-1", amount=10))
    assert written(PutRefunded, first) == [PutRefunded("o-1", 10, fresh=True)]
    records.write(first.changes, first.ordinals)
    second = decided(records.facts(), event("r-2", "refund", of="o-1", amount=15))
    assert written(PutRefunded, second) == [PutRefunded("o-1", 25, fresh=False)]


def test_two_refunds_in_one_batch_are_one_sum():
    records = after(event("o-1", amount=30))
    refunds = [event(f"r-{amount}", "refund", of="o-1", amount=amount) for amount in (10, 15)]
    assert written(PutRefunded, decided(records.facts(), *refunds)) == [PutRefunded("o-1", 25, fresh=True)]


def test_a_hold_is_voided_by_what_takes_all_of_it_and_stays_held_by_less():
    records = after(event("o-1", "order", amount=30))
    part = decided(records.facts(), event("r-1", "refund", of="o-1", amount=10))
    assert [(one.stored.state, one.stored.left) for one in written(UpdateGrant, part)] == [("held", 20)]
    records.write(part.changes, part.ordinals)
    rest = decided(records.facts(), event("r-2", "refund", of="o-1"))
    assert [(one.stored.state, one.stored.left) for one in written(UpdateGrant, rest)] == [("voided", 0)]


def test_a_part_that_takes_nothing_of_a_grant_reverses_nothing():
    """Of one point, the first half of the refund takes all."""
    compiled = Compiled(program_of(gives(1)))
    records = after(event("g-1", "gift", amount=30), compiled=compiled)
    halves = [event(name, "refund", of="g-1", amount=15) for name in ("r-1", "r-2")]
    outcomes = decided(records.facts(), *halves, compiled=compiled).result
    assert [len(outcome.reversals) for outcome in outcomes] == [1, 0]


def test_a_refund_of_an_event_without_amount_has_none():
    records = after(event("c-1", "checkin"))
    (change,) = written(AddEvent, decided(records.facts(), event("r-1", "refund", of="c-1")))
    assert change.event.amount is None


@pytest.mark.parametrize("asked", [10, None])
def test_a_refund_keeps_how_much_it_was_of(asked):
    records = after(event("o-1", amount=10))
    (change,) = written(AddEvent, decided(records.facts(), event("r-1", "refund", of="o-1", amount=asked)))
    assert change.event.amount == 10


# Budgets


@pytest.mark.parametrize("already", [0, 10, 31, 46, 81])
def test_a_budgets_bounds_are_just_where_all_steps_of_a_batch_would_be_decided_so(already):
    """Two purchases, of 4 and of 15, out of 100: beyond the bounds other alarms go off, or the money is not there."""
    compiled = Compiled(program_of(budget={"points": 100}))
    batch = [event("p-1", amount=4), event("p-2", amount=15)]

    def decide(before: int) -> Any:
        decision = decided(Facts(spends={("spring", "points"): Spend(before)}), *batch, compiled=compiled)
        told = [(one.type, dict(one.payload).get("percent")) for one in written(AddMessage, decision)]
        return written(AdjustSpend, decision), told

    (spend,), told = decide(already)
    assert [decide(before)[1] == told for before in range(spend.low, spend.high + 1)] == [True] * len(
        range(spend.low, spend.high + 1)
    )
    assert spend.low == 0 or decide(spend.low - 1)[1] != told
    assert decide(spend.high + 1)[1] != told


# Holds


def held_grant(compiled: Compiled = COMPILED) -> tuple[Records, str]:
    records = after(event("g-1", "gift"), compiled=compiled)
    (grant_id,) = records.grants
    return records, grant_id


def test_what_is_unknown_or_not_due_is_not_released():
    records, grant_id = held_grant()
    for ids, now in (([grant_id], START + DAY - timedelta(microseconds=1)), (["unknown"], START + DAY)):
        decision = decide_release(COMPILED, records.facts(), ids, now)
        assert (decision.result, decision.changes) == (0, ())


def test_what_is_due_is_released_once():
    records, grant_id = held_grant()
    decision = decide_release(COMPILED, records.facts(), [grant_id, "unknown"], START + DAY)
    assert decision.result == 1
    records.write(decision.changes, decision.ordinals)
    again = decide_release(COMPILED, records.facts(), [grant_id], START + 2 * DAY)
    assert (again.result, again.changes) == (0, ())


def test_what_waits_for_an_event_alone_is_not_released_by_time():
    compiled = Compiled(program_of(gives(100, confirmed_by="delivery")))
    records, grant_id = held_grant(compiled)
    decision = decide_release(compiled, records.facts(), [grant_id], START + 900 * DAY)
    assert (decision.result, decision.changes) == (0, ())


# Payouts


def test_a_payout_nobody_asked_for_is_refused_with_where_its_id_comes_from():
    with pytest.raises(InvalidInput, match=r"there is no such payout.*request_payout") as refused:
        decide_payout(COMPILED, Facts(), PayoutDecision("po-1", "paid", "staff-1", None), START)
    assert refused.value.name == "payout_id"


# Codes


def test_a_disabled_code_stays_as_it_is():
    code = fresh_code("CODE", "alice", None)
    first = decide_disable(Facts(codes={"CODE": code}), "CODE")
    assert (first.result.state, first.changes) == ("disabled", (DisableCode("CODE"),))
    again = decide_disable(Facts(codes={"CODE": first.result}), "CODE")
    assert (again.result, again.changes) == (first.result, ())


def test_a_code_nobody_issued_is_named():
    with pytest.raises(UnknownCode) as refused:
        decide_disable(Facts(), "CODE")
    assert "CODE" in str(refused.value)


def test_codes_are_issued_all_or_none():
    lot = CodeLot(2, fresh_code("", None, None))
    taken = Facts(codes={"ONE": fresh_code("ONE", None, None)})
    none = decide_code_lot(taken, lot, ["ONE", "TWO"])
    assert (none.result, none.changes) == ([], ())
    assert [code.text for code in decide_code_lot(taken, lot, ["ONE", "TWO", "SIX", "TEN"]).result] == ["TWO", "SIX"]


def test_issued_codes_are_nobodys_invite_code():
    decision = decide_code_lot(Facts(), CodeLot(1, fresh_code("", None, None)), ["ONE"])
    assert [change.invite for change in decision.changes] == [False]
    assert [change.invite for change in decide_invite(Facts(), "bob", None, ["ONE"], START).changes[1:]] == [True]


@pytest.mark.parametrize(("owner", "members"), [("alice", {"alice"}), (None, set())])
def test_issuing_asks_for_the_texts_and_for_the_owner_if_there_is_one(owner, members):
    wanted = want_code_lot("acme", CodeLot(1, fresh_code("", owner, None)), ["ONE", "TWO"])
    assert (wanted.program, wanted.codes, wanted.members) == ("acme", {"ONE", "TWO"}, members)


# Members


def test_whoever_a_decision_may_make_is_named_as_arriving():
    """So that a store can make the place that it locks."""
    joined = decide_join(Facts(), "bob", START, frozenset(), frozenset())
    invited = decide_invite(Facts(), "bob", None, ["CODE"], START)
    recorded = decided(Facts(members={"alice": newcomer("alice", START)}), event("s-1", "signup", referrer="alice"))
    for wanted, decision in (
        (want_member("acme", "bob"), joined),
        (want_invite("acme", "bob", None, ["CODE"]), invited),
        (want_events(COMPILED, [event("s-1", "signup", referrer="alice")], START), recorded),
    ):
        assert {change.member.id for change in written(PutMember, decision) if change.fresh} == wanted.arriving


def test_joining_and_inviting_ask_for_the_member():
    assert want_member("acme", "bob").members == {"bob"}
    wanted = want_invite("acme", "bob", "spring", ["ONE", "TWO"])
    assert (wanted.members, wanted.codes, wanted.own_codes) == ({"bob"}, {"ONE", "TWO"}, {("bob", "spring")})


def test_who_brings_somebody_keeps_its_own_place_and_marks():
    carol = event("s-2", "signup", "carol", referrer="bob")
    records = after(event("s-1", "signup", "alice"), event("s-3", "signup", "bob", referrer="alice"))
    bob = records.members["bob"]
    marked = decide_join(records.facts(), "bob", START, frozenset({"leader"}), frozenset({"gold"}))
    records.write(marked.changes, marked.ordinals)
    decision = decided(records.facts(), carol)
    now = {change.member.id: change.member for change in written(PutMember, decision)}
    assert (now["bob"].referrer, now["bob"].root, now["bob"].depth) == (bob.referrer, bob.root, bob.depth)
    assert (now["bob"].referrer, now["bob"].root, now["bob"].depth) == ("alice", "alice", 1)
    assert (now["bob"].roles, now["bob"].tags, now["bob"].joined_at) == ({"leader"}, {"gold"}, START)
    assert (now["bob"].referrals_total, now["bob"].referrals_qualified) == (1, 1)
    assert (now["carol"].referrer, now["carol"].root, now["carol"].depth) == ("bob", "alice", 2)


# Publishing


def test_publishing_notes_who_did_it_in_one_place_of_the_order():
    decision = decide_publication(COMPILED, Facts(), "staff-1", "a start", START)
    (noted,), (added,) = written(AddAudit, decision), written(AddRevision, decision)
    assert (noted.ordinal, decision.ordinals) == (0, 1)
    assert (added.revision.number, added.revision.actor, added.revision.revision) == (1, "staff-1", COMPILED.revision)


# Rules with two units


def test_an_award_that_a_limit_cuts_to_nothing_does_not_stop_the_ones_after_it():
    give = [Reward("member", "points", 10), Reward("member", "points", 20), Reward("member", "usd", 5)]
    rule = gives(give=give, limits=[Limit(amount=10, unit="points", per="referee", over="clamp")])
    decision = decided(Facts(), event("g-1", "gift"), compiled=Compiled(program_of(rule)))
    assert [(one.stored.grant.unit, one.stored.grant.amount) for one in written(AddGrant, decision)] == [
        ("points", 10),
        ("usd", 5),
    ]


@pytest.mark.parametrize(("used", "amounts"), [(9, [1]), (10, [])])
def test_a_limit_that_clamps_gives_the_very_last_point(used, amounts):
    rule = gives(10, limits=[Limit(amount=10, unit="points", per="referee", over="clamp")])
    compiled = Compiled(program_of(rule))
    facts = decided(Facts(), event("g-1", "gift"), compiled=compiled)
    (key,) = [change.key for change in facts.changes if type(change).__name__ == "AdjustLimit"]
    outcome = decided(Facts(limits={key: used}), event("g-2", "gift"), compiled=compiled).result[0]
    assert [grant.amount for grant in outcome.grants] == amounts


def test_an_event_without_amount_adds_nothing_to_the_sum_that_a_rule_sees():
    compiled = Compiled(program_of(gives(where="referee.sum.gift == 7 and referee.count.gift == 3")))
    facts = Facts(tallies={("bob", "gift"): Tally(2, 7)})
    assert len(decided(facts, event("g-3", "gift"), compiled=compiled).result[0].grants) == 1
