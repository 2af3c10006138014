"""Participants: who they are, their roles and tags, and their place in the forest of referrals."""

from referral_engine.members.member import Member, newcomer

__all__ = ["Member", "newcomer"]
