"""Program and Campaign: the configuration composed of the other parts."""

from referral_engine.program.campaign import Campaign
from referral_engine.program.program import Program

__all__ = ["Campaign", "Program"]
