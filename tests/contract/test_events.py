"""Contract, "Events": what may be given, what comes back, idempotency, batches, preview."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any, get_args

import pytest

from referral_engine import BATCH_MAX, Event, InvalidEvent, InvalidInput, Outcome, StoreError, rule
from referral_engine.outcomes import ReasonCode, Status
from referral_engine.storage import MemoryStore
from tests.contract.stage import START, Stage, pays, program_of

SHANGHAI = timezone(timedelta(hours=8))


@rule(on="purchase", version="1")
def fails_for_13(ctx):
    if ctx.event.amount == 13:
        raise KeyError("unlucky")
    return [ctx.award("member", points=1)]


def checkin(n: int, member: str = "bob", **more: Any) -> dict[str, Any]:
    return {"id": f"chk-{n}", "type": "checkin", "member": member, **more}


def test_the_four_events_of_the_contract(spring):
    """A sign-up by code, a purchase with attributes, a refund of it, and a type of the host's own."""
    code = spring.engine.invite_code("alice").text
    outcomes = [
        spring.engine.record(Event(id="evt-1", type="signup", member="carol", at=START, code=code)),
        spring.engine.record(
            Event(id="ord-1", type="purchase", member="carol", at=START, amount=4999, attributes={"country": "CN"})
        ),
        spring.engine.record(Event(id="ref-1", type="refund", member="carol", at=START, of="ord-1", amount=1999)),
        spring.engine.record(Event(id="ref-2", type="refund", member="carol", at=START, of="ord-1")),
        spring.engine.record(Event(id="chk-9", type="checkin", member="carol", at=START)),
    ]
    assert [outcome.status for outcome in outcomes] == ["accepted"] * 5
    assert outcomes[0].referral.referrer == "alice"
    assert [grant.amount for grant in outcomes[1].grants] == [500, 200]
    assert [back.amount for back in outcomes[2].reversals] == [200, 80]
    assert [back.amount for back in outcomes[3].reversals] == [300, 120], "amount=None: all that is left"
    assert outcomes[4].grants == outcomes[4].reasons == ()


def test_an_event_may_be_a_dict_with_a_datetime_or_rfc_3339_text():
    stage = Stage(program_of(pays()))
    local = datetime(2026, 3, 2, 20, tzinfo=SHANGHAI)
    for n, at in enumerate([local, "2026-03-02T20:00:00+08:00", "2026-03-02t12:00:00z", "2026-03-02T12:00:00.000Z"]):
        assert stage.engine.record(checkin(n, at=at)).status == "accepted"
        assert stage.engine.explain(f"chk-{n}").at == START
        assert stage.engine.record(checkin(n, at=START)).status == "duplicate", "one instant, one content"


def test_a_dict_and_an_event_of_equal_content_are_one_event(spring):
    given = {"id": "p-1", "type": "purchase", "member": "bob", "amount": 2500, "attributes": {"tags": ["a", 1, None]}}
    first = spring.engine.record(given)
    assert spring.engine.record(Event(**given)).status == "duplicate"
    assert spring.engine.record(Event.model_validate(given)).grants == first.grants


def test_record_never_raises_for_a_bad_event_and_names_its_id_when_it_can_be_read(spring):
    before = spring.dump()
    outcome = spring.engine.record({"id": "e-1", "type": "purchase", "member": "bob", "amount": "12"})
    assert (outcome.event_id, outcome.status, spring.codes(outcome)) == ("e-1", "rejected", ["invalid_event"])
    assert outcome.reasons[0].values["path"] == "amount"
    for unreadable in ({"id": "a@b", "type": "t", "member": "m"}, {"type": "t"}, {}, None, 7, "text", b"", object()):
        outcome = spring.engine.record(unreadable)
        assert (outcome.event_id, outcome.status, spring.codes(outcome)) == (None, "rejected", ["invalid_event"])
    assert spring.dump() == before


def test_event_itself_raises_invalid_event_with_all_problems():
    with pytest.raises(InvalidEvent) as refused:
        Event(id="a@b", type="purchase", member="", amount=True)
    assert [problem.path for problem in refused.value.problems] == ["id", "member", "amount"]
    assert refused.value.code == "invalid_event"


def test_at_none_is_the_engines_now(spring):
    spring.clock.advance(timedelta(hours=5))
    outcome = spring.buy("bob", id="p-1")
    assert spring.engine.explain("p-1").at == START + timedelta(hours=5)
    assert outcome.grants[0].held_until == START + timedelta(days=14, hours=5)


def test_at_may_lie_before_or_after_now(spring):
    for n, at in enumerate([START - timedelta(days=400), START + timedelta(days=400)]):
        assert spring.engine.record(checkin(n, at=at)).status == "accepted"
        assert spring.engine.explain(f"chk-{n}").at == at


def test_at_and_the_time_of_recording_are_kept_apart(spring):
    spring.engine.record(checkin(1, at=START - timedelta(days=9)))
    kept = spring.store._programs["acme"].events["chk-1"]
    assert (kept.at, kept.recorded_at) == (START - timedelta(days=9), START)


@pytest.mark.parametrize("value", ["CN", 5, -5, True, None, "", ["a", 1, True, None], [], ("a",), 2**63 - 1])
def test_attributes_are_text_whole_numbers_truth_values_nothing_or_flat_lists(value, spring):
    assert spring.engine.record(checkin(1, attributes={"x": value})).status == "accepted"
    assert spring.engine.record(checkin(1, attributes={"x": value})).status == "duplicate"


@pytest.mark.parametrize("value", [1.5, {"a": 1}, [[1]], object(), b"x", 2**63, {1, 2}, START])
def test_no_other_attribute_is_taken(value, spring):
    assert spring.codes(spring.engine.record(checkin(1, attributes={"x": value}))) == ["invalid_event"]


def test_true_and_1_are_other_content(spring):
    spring.engine.record(checkin(1, attributes={"x": 1}))
    assert spring.codes(spring.engine.record(checkin(1, attributes={"x": True}))) == ["idempotency_conflict"]


@pytest.mark.parametrize("code", ["x", "?" * 64, "7K3MQ9TZB2H", "привет", "a\nb", " ", "\u202e"])
def test_a_malformed_code_is_a_reason_and_no_error(code, spring):
    outcome = spring.signup("carol", code=code)
    assert (outcome.status, outcome.referral) == ("accepted", None)
    assert spring.codes(outcome) in (["invalid_code"], ["unknown_code"])
    assert spring.engine.member("carol") is not None


@pytest.mark.parametrize("code", ["", "x" * 65])
def test_a_code_has_1_to_64_characters(code, spring):
    assert spring.codes(spring.engine.record(checkin(1) | {"type": "signup", "code": code})) == ["invalid_event"]


def test_record_many_answers_one_outcome_per_event_in_order_and_a_bad_one_rejects_alone():
    stage = Stage(program_of(fails_for_13))
    bought = [{"id": f"p-{n}", "type": "purchase", "member": "bob", "amount": n} for n in range(11, 16)]
    given = [bought[0], {"id": "bad"}, *bought[1:4], None, {**bought[4], "amount": -1}, bought[4], bought[0]]
    outcomes = stage.engine.record_many(iter(given))
    assert [(one.event_id, one.status) for one in outcomes] == [
        ("p-11", "accepted"),
        ("bad", "rejected"),
        ("p-12", "accepted"),
        ("p-13", "rejected"),
        ("p-14", "accepted"),
        (None, "rejected"),
        ("p-15", "rejected"),
        ("p-15", "accepted"),
        ("p-11", "duplicate"),
    ]
    assert stage.engine.balance("bob").available == 4
    assert stage.engine.verify() == []


def test_record_many_of_nothing_is_nothing(spring):
    before = spring.dump()
    assert spring.engine.record_many([]) == []
    assert spring.dump() == before


@pytest.mark.parametrize("events", [None, 5, "text", b"bytes", {"id": "e"}, Event(id="e", type="t", member="m")])
def test_record_many_takes_an_iterable_of_events_only(events, spring):
    with pytest.raises(InvalidInput) as refused:
        spring.engine.record_many(events)
    assert refused.value.name == "events"


class Counting(MemoryStore):
    """Counts its transactions and fails at one of them."""

    def __init__(self, fails_at: int = 0) -> None:
        super().__init__()
        self.applied, self.fails_at = 0, fails_at

    def apply(self, wanted, decide):
        self.applied += 1
        if self.applied == self.fails_at:
            raise StoreError("the disk is full")
        return super().apply(wanted, decide)


def test_record_many_works_in_transactions_of_at_most_1000_events():
    assert BATCH_MAX == 1_000
    stage = Stage(program_of(pays(1)), store=Counting())
    outcomes = stage.engine.record_many(checkin(n, f"m{n % 50}") for n in range(2_001))
    assert [outcome.event_id for outcome in outcomes] == [f"chk-{n}" for n in range(2_001)]
    assert stage.store.applied == 3


def test_when_a_transaction_fails_earlier_ones_stay_and_sending_all_again_is_safe():
    stage = Stage(program_of(pays(1)), store=Counting(fails_at=2))
    events = [{"id": f"p-{n}", "type": "purchase", "member": f"m{n % 9}", "amount": 5} for n in range(2_500)]
    with pytest.raises(StoreError):
        stage.engine.record_many(events)
    assert sum(stage.engine.balance(f"m{n}").available for n in range(9)) == 1_000
    statuses = [outcome.status for outcome in stage.engine.record_many(events)]
    assert statuses == ["duplicate"] * 1_000 + ["accepted"] * 1_500
    assert sum(stage.engine.balance(f"m{n}").available for n in range(9)) == 2_500
    assert stage.engine.verify() == []


def test_the_fields_of_an_outcome():
    expected = ["event_id", "status", "referral", "grants", "reversals", "reasons", "revision", "confirmed"]
    assert [part.name for part in fields(Outcome)] == expected
    assert set(get_args(Status)) == {"accepted", "duplicate", "rejected"}


def test_the_reason_codes_of_the_contract():
    expected = """self_referral referral_cycle has_referrals already_referred already_member unknown_referrer
        invalid_code unknown_code code_disabled code_expired code_not_started code_used_up invalid_event
        idempotency_conflict rule_error unknown_event refund_exceeds no_referrer limited budget_exhausted"""
    assert set(expected.split()) <= set(get_args(ReasonCode))


def test_a_reason_has_a_code_the_rule_and_the_values_looked_at():
    stage = Stage(program_of(pays(300, limits=[]), budget={"points": 100}))
    (reason,) = stage.buy("bob").reasons
    assert (reason.code, reason.rule) == ("budget_exhausted", "pays")
    assert dict(reason.values) == {"unit": "points", "wanted": 300, "remaining": 100}
    assert stage.signup("carol", by="ghost").reasons[0].rule is None


def test_the_same_id_with_the_same_content_answers_the_first_outcome_as_duplicate(spring):
    first = spring.buy("bob", id="p-1")
    before = spring.dump()
    spring.clock.advance(timedelta(days=3))
    again = spring.buy("bob", id="p-1")
    assert again.status == "duplicate"
    assert (again.grants, again.referral, again.reasons) == (first.grants, first.referral, first.reasons)
    assert spring.dump() == before


def test_at_none_stays_none_in_the_comparison_of_content(spring):
    spring.buy("bob", id="p-1")
    assert spring.codes(spring.buy("bob", id="p-1", at=START)) == ["idempotency_conflict"]
    spring.buy("bob", id="p-2", at=START)
    assert spring.codes(spring.buy("bob", id="p-2")) == ["idempotency_conflict"]


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 2501},
        {"amount": None},
        {"member": "alice"},
        {"type": "checkin"},
        {"attributes": {"x": 1}},
        {"at": START},
    ],
)
def test_the_same_id_with_other_content_is_rejected(other, spring):
    given = {"id": "p-1", "type": "purchase", "member": "bob", "amount": 2500}
    spring.engine.record(given)
    before = spring.dump()
    outcome = spring.engine.record({**given, **other})
    assert (outcome.event_id, outcome.status, spring.codes(outcome)) == ("p-1", "rejected", ["idempotency_conflict"])
    assert (outcome.grants, outcome.referral) == ((), None)
    assert spring.dump() == before


def test_a_duplicate_inside_one_batch(spring):
    given = {"id": "p-1", "type": "purchase", "member": "bob", "amount": 2500}
    outcomes = spring.engine.record_many([given, given, {**given, "amount": 9}])
    assert [one.status for one in outcomes] == ["accepted", "duplicate", "rejected"]
    assert spring.engine.balance("bob").available == 200


def test_a_rejected_event_leaves_no_trace_and_its_id_may_be_sent_again():
    stage = Stage(program_of(fails_for_13))
    before = stage.dump()
    assert stage.codes(stage.buy("bob", 13, id="p-1")) == ["rule_error"]
    assert stage.dump() == before
    assert stage.engine.member("bob") is None
    assert stage.buy("bob", 14, id="p-1").status == "accepted"


def test_preview_answers_what_record_would_and_writes_nothing(spring):
    code = spring.engine.invite_code("alice").text
    spring.buy("bob", id="p-1")
    cases = [
        spring.event("purchase", "bob", amount=2500),
        spring.event("signup", "carol", code=code),
        spring.event("signup", "dave", referrer="ghost"),
        spring.event("purchase", "erin", amount=9999),
        spring.event("refund", "bob", of="p-1", amount=700),
        spring.event("refund", "bob", of="nothing"),
        Event(id="p-1", type="purchase", member="bob", amount=2500),
        Event(id="p-1", type="purchase", member="bob", amount=2),
        {"id": "x"},
    ]
    for event in cases:
        before = spring.dump()
        preview = spring.engine.preview(event)
        assert spring.dump() == before
        assert spring.engine.record(event) == preview
