"""Stores that fail on purpose, by a seed, so that a test can prove that nothing is lost and nothing is paid twice."""

from referral_engine.testing.chaos.asynchronous import AsyncChaosStore
from referral_engine.testing.chaos.faults import STORM, Faults, Injected
from referral_engine.testing.chaos.store import ChaosStore

__all__ = ["STORM", "AsyncChaosStore", "ChaosStore", "Faults", "Injected"]
