"""Stores: where the records are kept. Stores over a database are in `referral_engine.storage.sqlalchemy`."""

from referral_engine.storage.memory import AsyncMemoryStore, MemoryStore

__all__ = ["AsyncMemoryStore", "MemoryStore"]
