"""Contract, "Events", and domain, "Attribution": who gets the credit, and every reason why nobody does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from referral_engine import Board, Campaign, Limit, Program, Reward, Rule
from referral_engine.members import newcomer
from referral_engine.referrals import referred, refusal
from tests.contract.stage import START, UNITS, Stage, pays, program_of, spring_program

TICK = timedelta(microseconds=1)


@pytest.fixture
def stage() -> Stage:
    stage = Stage(spring_program())
    stage.signup("alice")
    return stage


def refused(stage: Stage, member: str, **how: object) -> list[str]:
    """Sign up and see that the person joined all the same, without a referral."""
    outcome = stage.engine.record(stage.event("signup", member, **how))
    assert (outcome.status, outcome.referral) == ("accepted", None)
    assert stage.engine.referral(member) is None
    assert stage.engine.member(member).referrer is None
    assert stage.engine.verify() == []
    return stage.codes(outcome)


def test_a_member_never_seen_is_joined_by_its_first_event(stage):
    at = START - timedelta(days=3)
    stage.buy("bob", at=at)
    member = stage.engine.member("bob")
    assert (member.joined_at, member.referrer, member.root, member.depth) == (at, None, "bob", 0)


def test_a_signup_makes_the_member_under_its_referrer(stage):
    stage.signup("bob", by="alice")
    stage.signup("carol", by="bob")
    carol = stage.engine.member("carol")
    assert (carol.referrer, carol.root, carol.depth) == ("bob", "alice", 2)
    assert [stage.engine.member(name).referrals_total for name in ("alice", "bob", "carol")] == [1, 1, 0]


def test_self_referral(stage):
    assert refused(stage, "bob", referrer="bob") == ["self_referral"]


def test_unknown_referrer_and_naming_an_id_does_not_make_it_a_member(stage):
    assert refused(stage, "bob", referrer="ghost") == ["unknown_referrer"]
    assert stage.engine.member("ghost") is None


def test_already_member_a_second_signup_is_accepted_changes_nothing_and_fires_no_rules():
    rules = [pays(id="welcome", on="signup"), pays(id="second", where="referee.count.signup == 1")]
    stage = Stage(program_of(*rules, boards=[Board("signups", "count.signup", "lifetime")]))
    stage.signup("alice")
    first = stage.signup("bob", by="alice", id="s-1")
    member, referral = stage.engine.member("bob"), stage.engine.referral("bob")
    stage.signup("carol")
    again = stage.signup("bob", by="carol", id="s-2", at=START + timedelta(1))
    assert first.grants
    assert (again.status, again.referral, again.grants, stage.codes(again)) == (
        "accepted",
        None,
        (),
        ["already_member"],
    )
    assert (stage.engine.member("bob"), stage.engine.referral("bob")) == (member, referral)
    assert stage.engine.board("signups").entry("bob").score == 1
    assert stage.buy("bob").grants, "it is not counted either"
    assert stage.signup("bob", by="carol", id="s-2", at=START + timedelta(1)).status == "duplicate"
    assert stage.engine.verify() == []


def test_a_signup_after_a_first_purchase_is_of_a_member_already(stage):
    stage.buy("bob")
    assert refused(stage, "bob", referrer="alice") == ["already_member"]


def test_invalid_code_tells_the_problem(stage):
    for code, problem in {"ABC": "length", "?" * 11: "alphabet", " - ": "blank"}.items():
        outcome = stage.signup(f"by-{problem}", code=code)
        assert stage.codes(outcome) == ["invalid_code"]
        assert outcome.reasons[0].values["problem"] == problem


def test_a_mistyped_symbol_is_caught_by_the_check_symbol_before_any_look_up(stage):
    text = stage.engine.invite_code("alice").text
    other = ("3" if text[0] != "3" else "4") + text[1:]
    outcome = stage.signup("bob", code=other)
    assert (stage.codes(outcome), outcome.reasons[0].values["problem"]) == (["invalid_code"], "check")


def test_unknown_code(stage):
    never_issued_here = Stage(spring_program()).engine.invite_code("alice").text
    assert refused(stage, "bob", code=never_issued_here) == ["unknown_code"]


def test_code_disabled(stage):
    code = stage.engine.disable_code(stage.engine.invite_code("alice").text)
    assert refused(stage, "bob", code=code.text) == ["code_disabled"]


def test_code_not_started_and_code_expired_at_the_ends_of_a_half_open_window(stage):
    (code,) = stage.engine.issue_codes(1, owner="alice", starts_at=START, expires_at=START + timedelta(1))
    assert refused(stage, "early", code=code.text, at=START - TICK) == ["code_not_started"]
    assert refused(stage, "late", code=code.text, at=START + timedelta(1)) == ["code_expired"]
    assert stage.signup("first", code=code.text, at=START).referral
    assert stage.signup("last", code=code.text, at=START + timedelta(1) - TICK).referral


def test_the_window_of_a_code_goes_by_the_signups_at_and_not_by_the_time_of_recording(stage):
    (code,) = stage.engine.issue_codes(1, owner="alice", expires_at=START)
    stage.clock.advance(timedelta(days=9))
    assert stage.signup("bob", code=code.text, at=START - TICK).referral.referrer == "alice"


def test_code_used_up_after_exactly_max_uses(stage):
    (code,) = stage.engine.issue_codes(1, owner="alice", max_uses=2)
    outcomes = stage.engine.record_many([stage.event("signup", f"m{n}", code=code.text) for n in range(4)])
    assert [bool(outcome.referral) for outcome in outcomes] == [True, True, False, False]
    assert stage.codes(outcomes[2]) == stage.codes(outcomes[3]) == ["code_used_up"]
    assert refused(stage, "later", code=code.text) == ["code_used_up"]


def test_a_code_of_no_uses_and_one_without_a_limit(stage):
    """`None` = unlimited and `0` = none, everywhere."""
    (none,) = stage.engine.issue_codes(1, owner="alice", max_uses=0)
    assert refused(stage, "bob", code=none.text) == ["code_used_up"]
    (free,) = stage.engine.issue_codes(1, owner="alice", max_uses=None)
    assert all(stage.signup(f"m{n}", code=free.text).referral for n in range(30))


def test_a_code_without_owner_is_used_and_brings_no_referrer(stage):
    (code,) = stage.engine.issue_codes(1, max_uses=1)
    assert refused(stage, "bob", code=code.text) == ["no_referrer"]
    assert refused(stage, "carol", code=code.text) == ["code_used_up"]


def test_a_refused_signup_does_not_use_the_code_up(stage):
    (code,) = stage.engine.issue_codes(1, owner="alice", max_uses=1)
    assert stage.codes(stage.signup("alice", code=code.text)) == ["already_member"]
    stage.buy("bob")
    assert stage.codes(stage.signup("bob", code=code.text)) == ["already_member"]
    assert stage.signup("carol", code=code.text).referral.referrer == "alice"


def test_join_times_are_not_compared_the_referrer_may_have_joined_later(stage):
    stage.engine.join("late", at=START + timedelta(days=30))
    assert stage.signup("bob", by="late").referral.referrer == "late"


def test_a_referrer_that_comes_earlier_in_the_same_batch_is_known(stage):
    events = [
        stage.event("signup", "bob", referrer="carol"),
        stage.event("signup", "carol", referrer="alice"),
        stage.event("signup", "dave", referrer="carol"),
    ]
    outcomes = stage.engine.record_many(events)
    assert [stage.codes(outcome) for outcome in outcomes] == [["unknown_referrer"], [], []]
    assert stage.engine.member("dave").root == "alice"


def test_the_refusals_that_a_signup_cannot_meet_are_decided_all_the_same():
    """`already_referred`, `has_referrals`, `referral_cycle`: one referrer per member, none for one who has referred."""
    alice, bob, carol = (newcomer(name, START) for name in ("alice", "bob", "carol"))
    child = referred(bob, alice)
    assert refusal(alice, alice) == "self_referral"
    assert refusal(child, carol) == "already_referred"
    root = type(alice)("alice", START, None, "alice", 0, referrals_total=1)
    assert refusal(root, child) == "referral_cycle"
    assert refusal(root, carol) == "has_referrals"
    assert refusal(carol, child) is None


def test_a_referral_belongs_to_the_program_and_its_campaign_is_that_of_its_code_else_none(stage):
    everywhere = stage.engine.invite_code("alice")
    own = stage.engine.invite_code("alice", campaign="spring")
    assert stage.signup("bob", code=everywhere.text).referral.campaign is None
    assert stage.signup("carol", by="alice").referral.campaign is None
    assert stage.signup("dave", code=own.text).referral.campaign == "spring"


def two_campaigns() -> Stage:
    def campaign(name: str) -> Campaign:
        give = [Reward("referrer", "points", 10)]
        rules = [Rule(id=f"{name}-{on}", on=on, give=give) for on in ("signup", "purchase")]
        boards = [Board(name, "referrals.qualified", "lifetime"), Board(f"{name}-all", "referrals.total", "lifetime")]
        return Campaign(id=name, starts_at=datetime(2026, 3, 1, tzinfo=UTC), rules=rules, boards=boards)

    stage = Stage(Program("acme", UNITS, [campaign("east"), campaign("west")]))
    stage.signup("alice")
    return stage


def test_a_campaigns_rules_and_boards_see_referrals_of_no_campaign_and_their_own():
    stage = two_campaigns()
    code = stage.engine.invite_code("alice", campaign="east").text
    signup = stage.signup("bob", code=code)
    assert [grant.rule for grant in signup.grants] == ["east-signup"]
    assert stage.codes(signup) == ["no_referrer"]
    assert [grant.rule for grant in stage.buy("bob").grants] == ["east-purchase"]
    assert {grant.rule for grant in stage.signup("carol", by="alice").grants} == {"east-signup", "west-signup"}
    scores = {name: stage.engine.board(name).entry("alice").score for name in ("east", "east-all", "west", "west-all")}
    assert scores == {"east": 2, "east-all": 2, "west": 1, "west-all": 1}


def test_a_campaign_sees_a_referral_begun_before_it_for_events_inside_it():
    stage = two_campaigns()
    before = datetime(2026, 2, 1, tzinfo=UTC)
    assert stage.signup("bob", by="alice", at=before).grants == ()
    assert stage.engine.board("east").count() == 0
    assert len(stage.buy("bob").grants) == 2
    assert stage.buy("bob", at=before).grants == ()


def test_attribution_and_qualification_come_before_rules():
    """`on="signup"` rules pay, and `referrer.referrals.*` includes this one; `qualify` defaults to the sign-up."""
    where = "referrer.referrals.total == 1 and referrer.referrals.qualified == 1 and referral.state == 'qualified'"
    stage = Stage(program_of(pays(to="referrer", on="signup", where=where)))
    stage.signup("alice")
    assert [grant.member for grant in stage.signup("bob", by="alice").grants] == ["alice"]
    assert stage.signup("carol", by="alice").grants == ()


def test_a_late_signup_keeps_its_own_time(stage):
    at = START - timedelta(days=40)
    referral = stage.signup("bob", by="alice", at=at).referral
    assert (referral.at, referral.qualified_at) == (at, at)
    assert stage.engine.board("inviters", period="2026-01").count() == 0, "before the campaign"


def test_a_limit_per_pair_or_referrer_ends_without_a_referral_as_skipped():
    stage = Stage(program_of(pays(limits=[Limit(times=5, per="pair")])))
    outcome = stage.buy("bob")
    assert (outcome.grants, stage.codes(outcome)) == ((), ["no_referrer"])
