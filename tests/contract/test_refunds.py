"""Contract, "Events", and domain, "Ledger": refunds, part refunds, debt, and what only a full reversal undoes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from referral_engine import Balance, Board, Event, Limit, Reward
from tests.contract.stage import START, Stage, pays, program_of, spring_program


def backs(stage: Stage, member: str, of: str, amount: int | None = None) -> list[tuple[str, int, int, int]]:
    outcome = stage.refund(member, of, amount)
    assert outcome.status == "accepted", outcome.reasons
    return [(back.member, back.amount, back.from_held, back.debt) for back in outcome.reversals]


def test_three_thirds_of_1000_come_back_as_334_and_333_and_333():
    stage = Stage(program_of(pays(1000)))
    stage.buy("bob", 3, id="p-1")
    assert [backs(stage, "bob", "p-1", 1)[0][1] for _ in range(3)] == [334, 333, 333]
    assert stage.engine.balance("bob") == Balance()
    assert stage.engine.verify() == []


def test_never_more_than_the_grant_comes_back():
    stage = Stage(program_of(pays(2)))
    stage.buy("bob", 7, id="p-1")
    assert [sum(back[1] for back in backs(stage, "bob", "p-1", 1)) for _ in range(7)] == [1, 0, 0, 1, 0, 0, 0]


def test_each_grant_of_the_event_is_reversed_apart_by_the_same_fraction(spring):
    spring.buy("bob", 4999, id="p-1")
    assert backs(spring, "bob", "p-1", 1999) == [("alice", 200, 200, 0), ("bob", 80, 0, 0)]
    assert spring.engine.balance("alice") == Balance(held=300)
    assert spring.engine.balance("bob") == Balance(available=120, lifetime=120)
    assert spring.engine.budget("spring", "points").remaining == 1_000_000 - 420


def test_amount_none_is_all_that_is_left(spring):
    spring.buy("bob", 4000, id="p-1")
    backs(spring, "bob", "p-1", 1000)
    assert backs(spring, "bob", "p-1") == [("alice", 375, 375, 0), ("bob", 150, 0, 0)]
    assert spring.engine.balance("alice") == Balance()


def test_a_reversal_names_the_grant_that_it_takes_back(spring):
    grants = spring.buy("bob", id="p-1").grants
    reversals = spring.refund("bob", "p-1").reversals
    assert [(back.grant, back.unit) for back in reversals] == [(grant.id, "points") for grant in grants]


def test_a_hold_that_was_reversed_in_between_is_voided_and_never_posted(spring):
    spring.buy("bob", id="p-1")
    spring.refund("bob", "p-1")
    spring.clock.advance(timedelta(days=30))
    assert spring.engine.release_due().holds == 0
    assert spring.engine.balance("alice") == Balance()
    assert spring.engine.budget("spring", "points").remaining == 1_000_000


def test_a_part_of_a_hold_that_was_reversed_is_not_posted(spring):
    spring.buy("bob", 5000, id="p-1")
    spring.refund("bob", "p-1", 1000)
    spring.clock.advance(timedelta(days=14))
    spring.engine.release_due()
    assert spring.engine.balance("alice") == Balance(available=400, lifetime=400)
    assert backs(spring, "bob", "p-1", 4000) == [("alice", 400, 0, 0), ("bob", 160, 0, 0)]
    assert spring.engine.verify() == []


def test_the_shortfall_becomes_a_debt_that_later_grants_repay_first():
    stage = Stage(program_of(pays(100)))
    stage.buy("bob", 10, id="p-1")
    stage.engine.redeem("bob", 80, key="r-1")
    assert backs(stage, "bob", "p-1") == [("bob", 100, 0, 80)]
    assert stage.engine.balance("bob") == Balance(available=0, lifetime=0, redeemed=80, debt=80)
    assert stage.engine.budget("spring", "points").spent == 0, "reversed money returns to its budget at once"
    stage.buy("bob", 10)
    assert stage.engine.balance("bob") == Balance(available=20, lifetime=100, redeemed=80, debt=0)
    stage.buy("bob", 10)
    assert stage.engine.balance("bob").available == 120
    assert stage.engine.verify() == []


def test_a_hold_repays_the_debt_when_it_is_posted_and_a_small_grant_repays_a_part():
    small, held = (
        pays(30, on="checkin"),
        pays(give=[Reward("member", "points", 50, hold=timedelta(1))], id="held", on="gift"),
    )
    stage = Stage(program_of(pays(100, id="buys"), small, held))
    stage.buy("bob", 10, id="p-1")
    stage.engine.redeem("bob", 100, key="r-1")
    stage.refund("bob", "p-1")
    for kind in ("checkin", "gift"):
        stage.engine.record(stage.event(kind, "bob"))
    assert stage.engine.balance("bob") == Balance(held=50, lifetime=30, redeemed=100, debt=70)
    stage.clock.advance(timedelta(1))
    stage.engine.release_due()
    assert stage.engine.balance("bob") == Balance(lifetime=80, redeemed=100, debt=20)
    assert stage.engine.verify() == []


def test_a_debt_in_one_unit_is_not_repaid_in_another():
    stage = Stage(program_of(pays(100, id="p"), pays(100, id="u", unit="usd", on="gift")))
    stage.buy("bob", 10, id="p-1")
    stage.engine.redeem("bob", 100, key="r-1")
    stage.refund("bob", "p-1")
    stage.engine.record(stage.event("gift", "bob"))
    assert stage.engine.balance("bob").debt == 100
    assert stage.engine.balance("bob", "usd").available == 100


def test_rules_are_not_judged_again_and_refunds_never_lower_counts_or_sums(spring):
    spring.buy("bob", id="p-1")
    spring.refund("bob", "p-1")
    assert spring.buy("bob").grants == (), "it is not the first purchase"
    tally = spring.store._programs["acme"].tallies["bob", "purchase"]
    assert (tally.count, tally.sum) == (2, 5000)


def test_only_a_full_reversal_gives_a_limits_slot_back():
    for limit in (Limit(times=1, per="referee"), Limit(amount=100, unit="points", per="referee")):
        stage = Stage(program_of(pays(limits=[limit])))
        stage.buy("bob", 10, id="p-1")
        stage.refund("bob", "p-1", 9)
        assert stage.codes(stage.buy("bob", 10)) == ["limited"]
        stage.refund("bob", "p-1", 1)
        assert stage.buy("bob", 10).grants
        assert stage.codes(stage.buy("bob", 10)) == ["limited"]
        assert stage.engine.verify() == []


def test_the_slot_comes_back_in_the_period_that_it_was_taken_in():
    stage = Stage(program_of(pays(limits=[Limit(times=1, per="referee", within="month")])))
    march, april = START, START + timedelta(days=31)
    stage.buy("bob", 10, id="p-1", at=march)
    stage.refund("bob", "p-1", at=april)
    assert stage.buy("bob", 10, at=april).grants
    assert stage.buy("bob", 10, at=march).grants
    assert stage.buy("bob", 10, at=april).grants == stage.buy("bob", 10, at=march).grants == ()


@pytest.mark.parametrize("amount", [2501, 10**15])
def test_refund_exceeds(amount, spring):
    spring.buy("bob", 2500, id="p-1")
    before = spring.dump()
    outcome = spring.refund("bob", "p-1", amount)
    assert (outcome.status, spring.codes(outcome)) == ("rejected", ["refund_exceeds"])
    assert dict(outcome.reasons[0].values) == {"of": "p-1", "asked": amount, "left": 2500}
    assert spring.dump() == before


def test_nothing_is_left_to_refund_twice(spring):
    spring.buy("bob", 2500, id="p-1")
    spring.refund("bob", "p-1")
    assert spring.codes(spring.refund("bob", "p-1")) == ["refund_exceeds"]
    assert spring.codes(spring.refund("bob", "p-1", 1)) == ["refund_exceeds"]


def test_an_event_without_amount_is_refunded_whole_or_not_at_all():
    stage = Stage(program_of(pays(on="checkin")))
    event = stage.engine.record(stage.event("checkin", "bob")).event_id
    assert stage.codes(stage.refund("bob", event, 1)) == ["refund_exceeds"]
    assert backs(stage, "bob", event) == [("bob", 100, 0, 0)]
    assert stage.codes(stage.refund("bob", event)) == ["refund_exceeds"]


@pytest.mark.parametrize("of", ["ghost", "p-alice", "refund-of-bob"])
def test_unknown_event_for_one_never_recorded_of_another_member_or_a_refund(of, spring):
    spring.buy("alice", id="p-alice")
    spring.buy("bob", id="p-bob")
    spring.refund("bob", "p-bob", 5, id="refund-of-bob")
    before = spring.dump()
    outcome = spring.refund("bob", of)
    assert (outcome.status, spring.codes(outcome)) == ("rejected", ["unknown_event"])
    assert spring.dump() == before


def test_a_refund_by_a_stranger_makes_no_member(spring):
    assert spring.codes(spring.refund("ghost", "nothing")) == ["unknown_event"]
    assert spring.engine.member("ghost") is None


def test_a_refund_is_idempotent(spring):
    spring.buy("bob", id="p-1")
    first = spring.refund("bob", "p-1", 1000, id="r-1")
    again = spring.refund("bob", "p-1", 1000, id="r-1")
    assert (again.status, again.reversals) == ("duplicate", first.reversals)
    assert spring.codes(spring.refund("bob", "p-1", 999, id="r-1")) == ["idempotency_conflict"]


def test_a_purchase_and_its_refund_in_one_batch(spring):
    outcomes = spring.engine.record_many(
        [
            Event(id="p-1", type="purchase", member="bob", amount=2500),
            Event(id="r-1", type="refund", member="bob", of="p-1", amount=500),
            Event(id="r-2", type="refund", member="bob", of="p-1", amount=2001),
            Event(id="r-3", type="refund", member="bob", of="p-1"),
        ]
    )
    assert [one.status for one in outcomes] == ["accepted", "accepted", "rejected", "accepted"]
    assert spring.engine.balance("alice") == spring.engine.balance("bob") == Balance()
    assert spring.engine.verify() == []


def referral_reversed() -> Stage:
    boards = [Board("good", "referrals.qualified", "month"), Board("all", "referrals.total", "lifetime")]
    rule = pays(on="signup", give=[Reward("referrer", "points", 10), Reward("referee", "points", 10)])
    stage = Stage(program_of(rule, pays(3, id="buys", to="referrer"), boards=boards))
    stage.signup("alice")
    stage.signup("bob", by="alice", id="s-1")
    stage.refund("bob", "s-1")
    return stage


def test_a_full_refund_of_the_signup_reverses_the_referral():
    stage = referral_reversed()
    referral, alice = stage.engine.referral("bob"), stage.engine.member("alice")
    assert (referral.state, referral.referrer) == ("reversed", "alice")
    assert (alice.referrals_total, alice.referrals_qualified) == (1, 0)
    assert stage.engine.balance("alice") == stage.engine.balance("bob") == Balance()
    assert stage.engine.board("good").rank("alice") is None
    assert stage.engine.board("all").rank("alice") == 1
    assert "referral.reversed" in [message.type for message in stage.engine.messages()]
    assert stage.engine.verify() == []


def test_no_reward_rests_on_a_reversed_referral_and_the_referrer_stays_for_good():
    stage = referral_reversed()
    assert stage.codes(stage.buy("bob")) == ["no_referrer"]
    assert stage.engine.member("bob").referrer == "alice"
    assert stage.codes(stage.signup("bob", by="alice")) == ["already_member"]


def test_a_refund_lowers_a_board_in_the_period_that_the_event_raised():
    boards = [Board("granted", "granted.points", "month")]
    stage = Stage(program_of(pays(90), boards=boards))
    stage.buy("bob", 9, id="p-1", at=datetime(2026, 3, 31, tzinfo=UTC))
    stage.refund("bob", "p-1", 3, at=datetime(2026, 4, 2, tzinfo=UTC))
    assert stage.engine.board("granted", period="2026-03").entry("bob").score == 60
    assert stage.engine.board("granted", period="2026-04").entry("bob") is None
    stage.refund("bob", "p-1")
    assert stage.engine.board("granted", period="2026-03").entry("bob") is None


def test_a_refund_is_an_event_of_its_member_and_no_rule_is_judged_on_it():
    stage = Stage(spring_program())
    assert stage.codes(stage.refund("bob", "x")) == ["unknown_event"]
    stage.buy("bob", 10, id="p-1")
    outcome = stage.refund("bob", "p-1")
    assert (outcome.grants, outcome.reasons, stage.engine.explain(outcome.event_id).verdicts) == ((), (), ())
