"""Contract, "Taking part": joining, invite codes, lots of codes, disabling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from referral_engine import CodeSpaceExhausted, InvalidInput, InviteCode, Member, UnknownCode, UnknownMember
from tests.contract.stage import START, Stage, spring_program

HOUR = timedelta(hours=1)


@pytest.fixture
def stage() -> Stage:
    return Stage(spring_program())


def test_join_makes_a_member_at_now(stage):
    member = stage.engine.join("alice")
    assert member == Member(id="alice", joined_at=START, referrer=None, root="alice", depth=0)
    assert stage.engine.member("alice") == member


def test_join_takes_the_time_that_the_host_vouches_for(stage):
    early = datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=8)))
    assert stage.engine.join("alice", at=early).joined_at == datetime(2019, 12, 31, 16, tzinfo=UTC)
    assert stage.engine.join("bob", at="2020-01-01T00:00:00Z").joined_at == datetime(2020, 1, 1, tzinfo=UTC)


def test_join_is_idempotent_and_the_first_time_stays(stage):
    first = stage.engine.join("alice", roles=["seed"], tags=["gold"])
    before = stage.dump()
    stage.clock.advance(HOUR)
    assert stage.engine.join("alice", at=START + HOUR, roles=["seed"], tags=["gold"]) == first
    assert stage.engine.join("alice") == first
    assert stage.dump() == before


def test_join_again_adds_roles_and_tags(stage):
    stage.engine.join("alice", roles=["seed"])
    member = stage.engine.join("alice", roles=("leader",), tags={"gold"})
    assert (member.roles, member.tags) == (frozenset({"seed", "leader"}), frozenset({"gold"}))


def test_join_is_for_people_who_are_there_already_so_a_signup_after_it_changes_nothing(stage):
    stage.engine.join("alice")
    stage.engine.join("bob")
    outcome = stage.signup("bob", by="alice")
    assert (outcome.status, outcome.referral, stage.codes(outcome)) == ("accepted", None, ["already_member"])


def test_invite_code_is_the_same_one_each_time_and_joins_the_member(stage):
    first = stage.engine.invite_code("alice")
    assert isinstance(first, InviteCode)
    assert (first.owner, first.campaign, first.state, first.uses, first.max_uses) == ("alice", None, "active", 0, None)
    assert stage.engine.member("alice").joined_at == START
    before = stage.dump()
    stage.clock.advance(HOUR)
    assert stage.engine.invite_code("alice") == first
    assert stage.dump() == before


def test_a_member_has_one_invite_code_per_campaign(stage):
    everywhere = stage.engine.invite_code("alice")
    spring = stage.engine.invite_code("alice", campaign="spring")
    assert everywhere.text != spring.text
    assert spring.campaign == "spring"
    assert stage.engine.invite_code("alice", campaign="spring") == spring
    assert stage.engine.invite_code("bob").text not in {everywhere.text, spring.text}


def test_invite_code_does_not_rejoin_a_member(stage):
    member = stage.engine.join("alice", at=START - HOUR, tags=["gold"])
    stage.engine.invite_code("alice")
    assert stage.engine.member("alice") == member


def test_a_signup_with_the_code_is_credited_to_its_owner(stage):
    code = stage.engine.invite_code("alice", campaign="spring")
    outcome = stage.signup("bob", code=code.text)
    referral = outcome.referral
    assert (referral.referee, referral.referrer, referral.state) == ("bob", "alice", "qualified")
    assert (referral.campaign, referral.code, referral.channel, referral.link) == ("spring", code.text, None, None)
    assert (referral.at, referral.qualified_at) == (START, START)
    assert stage.engine.invite_code("alice", campaign="spring").uses == 1


def test_a_code_is_read_as_people_type_it(stage):
    text = stage.engine.invite_code("alice").text
    full_width = "".join(chr(ord(sign) + 0xFEE0) for sign in text)
    for n, typed in enumerate(
        [text.lower(), f" {text} ", "-".join(text), "_".join(text), full_width, text.replace("L", "1")]
    ):
        assert stage.signup(f"friend-{n}", code=typed).referral.referrer == "alice", typed


def test_issue_codes_makes_n_new_codes_with_what_was_asked(stage):
    stage.engine.join("alice")
    codes = stage.engine.issue_codes(
        3, campaign="spring", owner="alice", max_uses=2, starts_at=START, expires_at=START + HOUR
    )
    assert len({code.text for code in codes}) == 3
    for code in codes:
        assert (code.owner, code.campaign, code.max_uses, code.uses, code.state) == ("alice", "spring", 2, 0, "active")
        assert (code.starts_at, code.expires_at) == (START, START + HOUR)
    assert len({code.lot for code in codes}) == 1
    assert stage.engine.issue_codes(1)[0].lot != codes[0].lot


def test_issue_codes_defaults_to_nobody_and_no_bounds(stage):
    code = stage.engine.issue_codes(1)[0]
    assert (code.owner, code.campaign, code.max_uses, code.starts_at, code.expires_at) == (None,) * 5


def test_a_lot_of_more_than_a_thousand_codes_is_all_there(stage):
    codes = stage.engine.issue_codes(2_500)
    assert len({code.text for code in codes}) == 2_500
    assert stage.engine.verify() == []


def test_issue_codes_for_an_owner_nobody_has_seen_raises_and_writes_nothing(stage):
    before = stage.dump()
    with pytest.raises(UnknownMember) as unknown:
        stage.engine.issue_codes(2, owner="ghost")
    assert (unknown.value.member, unknown.value.code) == ("ghost", "unknown_member")
    assert stage.dump() == before


def test_more_than_half_of_the_space_is_not_issued(monkeypatch):
    """No spec is small enough to be crowded by one call, so the space is made to seem smaller."""
    from referral_engine.codes import CodeSpec

    stage = Stage(spring_program())
    monkeypatch.setattr(CodeSpec, "space", property(lambda _: 10))
    before = stage.dump()
    with pytest.raises(CodeSpaceExhausted) as exhausted:
        stage.engine.issue_codes(6)
    assert (exhausted.value.wanted, exhausted.value.space) == (6, 10)
    assert stage.dump() == before


def test_codes_that_are_taken_are_drawn_again(monkeypatch):
    from referral_engine.engine import membership

    stage = Stage(spring_program())
    taken = stage.engine.invite_code("alice").text
    drawn, real = [], membership.generate

    def unlucky(spec, n):
        drawn.append(n)
        return [taken] * n if len(drawn) == 1 else real(spec, n)

    monkeypatch.setattr(membership, "generate", unlucky)
    assert stage.engine.invite_code("bob").text != taken
    assert len(drawn) == 2


def test_disable_code_answers_the_code_and_is_idempotent(stage):
    code = stage.engine.invite_code("alice")
    stage.signup("bob", code=code.text)
    disabled = stage.engine.disable_code(code.text.lower())
    assert (disabled.text, disabled.state, disabled.uses) == (code.text, "disabled", 1)
    before = stage.dump()
    assert stage.engine.disable_code(code.text) == disabled
    assert stage.dump() == before


def test_disabling_keeps_the_referrals_made_with_the_code(stage):
    code = stage.engine.invite_code("alice")
    stage.signup("bob", code=code.text)
    stage.engine.disable_code(code.text)
    assert stage.engine.referral("bob").state == "qualified"
    assert stage.codes(stage.signup("carol", code=code.text)) == ["code_disabled"]
    assert stage.engine.verify() == []


def test_disable_code_raises_for_a_code_that_was_never_issued(stage):
    with pytest.raises(UnknownCode) as unknown:
        stage.engine.disable_code(Stage(spring_program()).engine.invite_code("alice").text)
    assert unknown.value.code == "unknown_code"
    with pytest.raises(InvalidInput) as invalid:
        stage.engine.disable_code("no code")
    assert invalid.value.name == "text"
