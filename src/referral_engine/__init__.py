"""Referral mechanics that other applications embed."""
