"""What later issues bring is absent: no stub, no name, no argument, no field."""

from __future__ import annotations

import inspect

import pytest

import referral_engine
from referral_engine import (
    AsyncReferralEngine,
    Attribution,
    Board,
    Campaign,
    Event,
    InvalidEvent,
    InvalidProgram,
    Limit,
    Program,
    ReferralEngine,
    Reward,
    Rule,
)
from tests.contract.stage import UNITS, Stage, pays, spring_program

LATER_METHODS = [
    "backtest",
    "claim_code",
    "create_link",
    "update_link",
    "resolve",
    "qr",
    "reviews",
    "decide_review",
    "erase",
    "export",
    "check",
    "upgrade",
    "progress",
    "simulate",
]

LATER_NAMES = [
    "KeyRing",
    "Link",
    "Visit",
    "Resolution",
    "Finding",
    "Backtest",
    "InvalidCode",
    "InvalidToken",
    "TokenExpired",
    "UnsafeRedirect",
    "UnknownLink",
    "WeakSecret",
    "ComplianceError",
    "Scenario",
    "FakeClock",
    "StoreConformance",
    "Tier",
    "Team",
    "Draw",
    "Bargain",
    "FraudPolicy",
    "Pseudonymizer",
]

FACE = [
    "acknowledge",
    "adjust",
    "audit_log",
    "balance",
    "bind",
    "board",
    "budget",
    "clock",
    "combiner",
    "disable_code",
    "explain",
    "invite_code",
    "issue_codes",
    "join",
    "liability",
    "lots",
    "member",
    "messages",
    "payout",
    "payouts",
    "preview",
    "program",
    "publish",
    "record",
    "record_many",
    "redeem",
    "referral",
    "referrals",
    "release_due",
    "request_payout",
    "settle_payout",
    "statement",
    "store",
    "transfer",
    "verify",
]


@pytest.mark.parametrize("engine", [ReferralEngine, AsyncReferralEngine])
def test_an_engine_has_the_methods_of_this_issue_and_no_others(engine):
    assert sorted(name for name in dir(engine) if not name.startswith("_")) == sorted(FACE)
    assert [name for name in LATER_METHODS if hasattr(engine, name)] == []


@pytest.mark.parametrize("engine", [ReferralEngine, AsyncReferralEngine])
def test_engines_take_no_keys(engine):
    """`keys` is a KeyRing [D]."""
    assert [*inspect.signature(engine).parameters] == ["store", "program", "clock"]


def test_the_root_lists_no_later_name():
    assert [name for name in LATER_NAMES if hasattr(referral_engine, name)] == []


def test_a_program_has_no_check():
    """`program.check()` [C]."""
    assert not hasattr(Program, "check")


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (Event, "id type member at amount code referrer of attributes"),
        (Reward, "to unit amount hold confirmed_by"),
        (Limit, "times amount unit per within over"),
        (Rule, "id on where give limits priority starts_at ends_at"),
        (Board, "id metric period ranking ties"),
        (Campaign, "id starts_at ends_at rules budget over_budget reversal boards"),
        (Program, "id units campaigns timezone attribution codes ledger_chain"),
        (Attribution, "bind"),
    ],
)
def test_models_have_the_fields_of_this_issue_and_no_others(model, names):
    assert [name for name in model.model_fields if name != "qualify"] == names.split()


@pytest.mark.parametrize(
    "build",
    [
        lambda: Reward(to="upline", unit="points", amount=5),
        lambda: Reward(to="team", unit="points", amount=5),
        lambda: Reward(to="member", unit="points", percent_bp=500),
        lambda: Limit(times=1, per="team"),
        lambda: Limit(times=1, per="campaign"),
        lambda: Limit(amount=1, unit="points", per="pair", over="allow_last"),
        lambda: Board("b", "flow", "month"),
        lambda: Board("b", "referrals.total", "week"),
        lambda: Board("b", "referrals.total", "month", ranking="dense"),
        lambda: Board("b", "referrals.total", "month", ties="member"),
        lambda: Campaign(id="c", over_budget="allow_last"),
        lambda: Campaign(id="c", reversal="never"),
        lambda: Attribution(bind="override"),
        lambda: Attribution(model="first_touch"),
        lambda: pays(milestones=[3]),
        lambda: pays(group="g"),
    ],
)
def test_choices_of_later_issues_are_refused_and_not_passed_over(build):
    with pytest.raises(InvalidProgram):
        build()


def test_an_event_takes_no_token():
    """`token="…"` [D]."""
    with pytest.raises(InvalidEvent):
        Event(id="e", type="signup", member="bob", token="x.y")


def test_results_carry_only_what_is_there_now():
    stage = Stage(spring_program())
    released = stage.engine.release_due()
    assert (released.holds, released.lots, released.boards, released.more) == (0, 0, 0, False)


def test_stores_of_later_issues_are_absent():
    import referral_engine.storage

    assert sorted(referral_engine.storage.__all__) == ["AsyncMemoryStore", "MemoryStore"]
    assert [name for name in dir(referral_engine.storage) if "edis" in name or "aria" in name] == []
    assert Program("acme", UNITS, []).id == "acme"
