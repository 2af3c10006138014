"""Every store keeps every promise: in memory, on a SQLite file and on PostgreSQL, blocking and awaitable."""

from __future__ import annotations

import shutil

import pytest
from sqlalchemy import create_engine

from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore, define_tables
from referral_engine.testing import servers
from referral_engine.testing.conformance import Blocking, StoreConformance


class TestMemoryStore(StoreConformance):
    histories_max = 40

    @pytest.fixture
    def store(self):
        return MemoryStore()


class TestAsyncMemoryStore(StoreConformance):
    histories_max = 10
    invariants_every = 5

    @pytest.fixture
    def store(self):
        with Blocking(AsyncMemoryStore()) as store:
            yield store


class OverSQL(StoreConformance):
    """What is random is played less and looked at less often than in memory, where it costs nothing."""

    __test__ = False

    histories_max = 6
    invariants_every = 5


@pytest.fixture(scope="module")
def made_file(tmp_path_factory):
    """A SQLite file with the schema."""
    path = tmp_path_factory.mktemp("made") / "acme.db"
    with SQLAlchemyStore(f"sqlite:///{path}") as store:
        store.create_schema()
    return path


@pytest.fixture
def sqlite_url(made_file, tmp_path):
    return f"sqlite:///{shutil.copy(made_file, tmp_path / 'acme.db')}"


@pytest.fixture(scope="module")
def made_database(postgres_server_url):
    """A PostgreSQL database with the schema, and an engine to empty it with."""
    with servers.fresh_database(postgres_server_url) as url:
        with SQLAlchemyStore(url) as store:
            store.create_schema()
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        yield url, engine
        engine.dispose()


@pytest.fixture
def emptied_url(made_database):
    url, engine = made_database
    yield url
    with engine.begin() as connection:
        for table in define_tables().all():
            connection.execute(table.delete())


class TestSQLite(OverSQL):
    __test__ = True

    @pytest.fixture
    def store(self, sqlite_url):
        with SQLAlchemyStore(sqlite_url) as store:
            yield store


class TestAsyncSQLite(OverSQL):
    __test__ = True
    histories_max = 4

    @pytest.fixture
    def store(self, sqlite_url):
        with Blocking(AsyncSQLAlchemyStore(sqlite_url)) as store:
            yield store


class TestPostgreSQL(OverSQL):
    __test__ = True

    @pytest.fixture
    def store(self, emptied_url):
        with SQLAlchemyStore(emptied_url) as store:
            yield store


class TestAsyncPostgreSQL(OverSQL):
    __test__ = True
    histories_max = 4

    @pytest.fixture
    def store(self, emptied_url):
        with Blocking(AsyncSQLAlchemyStore(emptied_url)) as store:
            yield store
