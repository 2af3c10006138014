"""Every store keeps every promise: in memory, on a SQLite file and on PostgreSQL, blocking and awaitable."""

from __future__ import annotations

import pytest

from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing.conformance import Blocking, StoreConformance


class OverSQL(StoreConformance):
    """What is random is played less and looked at less often than in memory, where it costs nothing."""

    __test__ = False

    histories_max = 6
    invariants_every = 5


class TestMemoryStore(StoreConformance):
    histories_max = 60

    @pytest.fixture
    def store(self):
        return MemoryStore()


class TestAsyncMemoryStore(StoreConformance):
    @pytest.fixture
    def store(self):
        with Blocking(AsyncMemoryStore()) as store:
            yield store


class TestSQLite(OverSQL):
    __test__ = True

    @pytest.fixture
    def store(self, tmp_path):
        with SQLAlchemyStore(f"sqlite:///{tmp_path / 'acme.db'}") as store:
            store.create_schema()
            yield store


class TestPostgreSQL(OverSQL):
    __test__ = True

    @pytest.fixture
    def store(self, postgres_url):
        with SQLAlchemyStore(postgres_url) as store:
            store.create_schema()
            yield store
