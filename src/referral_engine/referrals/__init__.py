"""Referrals: their life cycle, and who gets the credit."""

from referral_engine.referrals.attribution import Attribution, referred, refusal
from referral_engine.referrals.referral import Referral, ReferralState

__all__ = ["Attribution", "Referral", "ReferralState", "referred", "refusal"]
