"""Every store keeps every promise: in memory, on a SQLite file, PostgreSQL and MariaDB, blocking and awaitable."""

from __future__ import annotations

import pytest

from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore
from referral_engine.testing import AsyncChaosStore, ChaosStore, Faults
from referral_engine.testing.conformance import Blocking, StoreConformance
from tests.conformance.forging import forge_in_memory, forge_over_sql


class TestMemoryStore(StoreConformance):
    histories_max = 40

    @pytest.fixture
    def store(self):
        return MemoryStore()

    def forge(self, store, program, transfer_id):
        forge_in_memory(store, program, transfer_id)


class TestAsyncMemoryStore(StoreConformance):
    histories_max = 10
    invariants_every = 5

    @pytest.fixture
    def store(self):
        with Blocking(AsyncMemoryStore()) as store:
            yield store

    def forge(self, store, program, transfer_id):
        forge_in_memory(store._store._store, program, transfer_id)


class TestCalmChaosStore(StoreConformance):
    """What stands before a store keeps its promises as long as it injects nothing."""

    histories_max = 5
    stormy_histories_max = 2

    @pytest.fixture
    def store(self):
        return ChaosStore(MemoryStore(), seed=1, faults=Faults())

    def forge(self, store, program, transfer_id):
        forge_in_memory(store._under, program, transfer_id)


class TestCalmAsyncChaosStore(TestCalmChaosStore):
    @pytest.fixture
    def store(self):
        with Blocking(AsyncChaosStore(AsyncMemoryStore(), seed=1, faults=Faults())) as store:
            yield store

    def forge(self, store, program, transfer_id):
        forge_in_memory(store._store._under._store, program, transfer_id)


class OverSQL(StoreConformance):
    """What is random is played less and looked at less often than in memory, where it costs nothing."""

    __test__ = False

    histories_max = 6
    stormy_histories_max = 3
    invariants_every = 5

    def forge(self, store, program, transfer_id):
        forge_over_sql(self.url, program, transfer_id)


class TestSQLite(OverSQL):
    __test__ = True

    @pytest.fixture
    def store(self, sqlite_emptied_url):
        self.url = sqlite_emptied_url
        with SQLAlchemyStore(sqlite_emptied_url) as store:
            yield store


class TestAsyncSQLite(OverSQL):
    __test__ = True
    histories_max = 4
    stormy_histories_max = 2

    @pytest.fixture
    def store(self, sqlite_emptied_url):
        self.url = sqlite_emptied_url
        with Blocking(AsyncSQLAlchemyStore(sqlite_emptied_url)) as store:
            yield store


class TestPostgreSQL(OverSQL):
    __test__ = True

    @pytest.fixture
    def store(self, postgres_emptied_url):
        self.url = postgres_emptied_url
        with SQLAlchemyStore(postgres_emptied_url) as store:
            yield store


class TestAsyncPostgreSQL(OverSQL):
    __test__ = True
    histories_max = 4
    stormy_histories_max = 2

    @pytest.fixture
    def store(self, postgres_emptied_url):
        self.url = postgres_emptied_url
        with Blocking(AsyncSQLAlchemyStore(postgres_emptied_url)) as store:
            yield store


class TestMariaDB(OverSQL):
    __test__ = True

    @pytest.fixture
    def store(self, mariadb_emptied_url):
        self.url = mariadb_emptied_url
        with SQLAlchemyStore(mariadb_emptied_url) as store:
            yield store


class TestAsyncMariaDB(OverSQL):
    __test__ = True
    histories_max = 4

    @pytest.fixture
    def store(self, mariadb_emptied_url):
        self.url = mariadb_emptied_url
        with Blocking(AsyncSQLAlchemyStore(mariadb_emptied_url)) as store:
            yield store
