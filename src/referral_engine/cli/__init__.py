"""The command `referral-engine`."""

from referral_engine.cli.command import main

__all__ = ["main"]
