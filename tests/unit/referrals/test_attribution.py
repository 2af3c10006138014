"""Who may get the credit for whom."""

from datetime import UTC, datetime

from referral_engine.members import Member, newcomer
from referral_engine.referrals import referred, refusal

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def parent(member_id, referrer=None, root=None, depth=0, total=0):
    return Member(member_id, NOW, referrer, root or member_id, depth, referrals_total=total)


def test_a_newcomer_may_be_referred_by_anybody_else():
    assert refusal(newcomer("bob", NOW), parent("alice")) is None


def test_nobody_refers_itself():
    assert refusal(newcomer("bob", NOW), newcomer("bob", NOW)) == "self_referral"


def test_a_member_has_one_referrer():
    assert refusal(parent("bob", referrer="carol", root="carol", depth=1), parent("alice")) == "already_referred"


def test_who_has_referred_anyone_gets_no_referrer():
    assert refusal(parent("bob", total=1), parent("alice")) == "has_referrals"


def test_a_descendant_cannot_refer_its_root():
    assert refusal(parent("bob", total=1), parent("dave", referrer="carol", root="bob", depth=2)) == "referral_cycle"


def test_the_referee_stands_one_step_below_its_referrer_under_the_same_root():
    placed = referred(newcomer("bob", NOW), parent("alice", referrer="root", root="root", depth=3))
    assert (placed.referrer, placed.root, placed.depth) == ("alice", "root", 4)
