"""Stores in memory."""

from referral_engine.storage.memory.asynchronous import AsyncMemoryStore
from referral_engine.storage.memory.store import MemoryStore

__all__ = ["AsyncMemoryStore", "MemoryStore"]
