"""How a store takes its database: URLs, engines of its own and of the host, tables, and what it leaves alone."""

from __future__ import annotations

import secrets
import subprocess
import sys

import pytest
from sqlalchemy import MetaData, create_engine, inspect, text
from sqlalchemy.pool import StaticPool

from referral_engine.errors import InvalidInput, StoreError
from referral_engine.ports import BlockingStore, NonBlockingStore
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore, define_tables
from referral_engine.testing import servers
from referral_engine.testing.conformance.samples import Desk, joining
from tests.databases import driver_url


def drivername(store):
    return store._engine.url.drivername


@pytest.mark.parametrize(
    ("kind", "url", "expected"),
    [
        (SQLAlchemyStore, "sqlite:///a.db", "sqlite+pysqlite"),
        (SQLAlchemyStore, "sqlite+pysqlite:///a.db", "sqlite+pysqlite"),
        (SQLAlchemyStore, "postgresql://u@h/n", "postgresql+psycopg"),
        (SQLAlchemyStore, "postgres://u@h/n", "postgresql+psycopg"),
        (SQLAlchemyStore, "postgresql+psycopg://u@h/n", "postgresql+psycopg"),
        (SQLAlchemyStore, "mariadb://u@h/n", "mariadb+pymysql"),
        (SQLAlchemyStore, "mysql://u@h/n", "mysql+pymysql"),
        (SQLAlchemyStore, "mysql+pymysql://u@h/n", "mysql+pymysql"),
        (AsyncSQLAlchemyStore, "sqlite:///a.db", "sqlite+aiosqlite"),
        (AsyncSQLAlchemyStore, "mariadb://u@h/n", "mariadb+asyncmy"),
        (AsyncSQLAlchemyStore, "mysql+asyncmy://u@h/n", "mysql+asyncmy"),
        (AsyncSQLAlchemyStore, "sqlite+aiosqlite:///a.db", "sqlite+aiosqlite"),
        (AsyncSQLAlchemyStore, "postgresql://u@h/n", "postgresql+psycopg"),
        (AsyncSQLAlchemyStore, "postgres://u@h/n", "postgresql+psycopg"),
        (AsyncSQLAlchemyStore, "postgresql+psycopg_async://u@h/n", "postgresql+psycopg_async"),
    ],
)
def test_a_url_names_its_driver_or_is_given_one(kind, url, expected):
    assert drivername(kind(url)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:x?mode=memory&uri=true",
    ],
)
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(InvalidInput, match="MemoryStore"):
        SQLAlchemyStore(url)
    with pytest.raises(InvalidInput, match="MemoryStore"):
        SQLAlchemyStore(create_engine(url, poolclass=StaticPool))


@pytest.mark.parametrize(
    "url",
    [
        "oracle://u@h/n",
        "mysql+mysqldb://u@h/n",
        "mariadb+asyncmy://u@h/n",
        "postgresql+pg8000://u@h/n",
        "sqlite+pysqlcipher:///a.db",
        "a b",
    ],
)
def test_a_url_that_cannot_be_used_says_what_can(url):
    with pytest.raises(InvalidInput) as caught:
        SQLAlchemyStore(url)
    assert caught.value.name == "url"


def test_a_password_is_not_told():
    for url in ("nonsense://u:secret@h/n", "postgresql://u:secret@127.0.0.1:1/n"):
        with pytest.raises((InvalidInput, StoreError)) as caught, SQLAlchemyStore(url) as store:
            Desk(store).join("alice")
        assert "secret" not in str(caught.value)


def test_nothing_is_connected_before_the_first_call(tmp_path):
    with SQLAlchemyStore(f"sqlite:///{tmp_path}/a.db"):
        assert list(tmp_path.iterdir()) == []


def test_importing_the_stores_loads_no_driver():
    program = (
        "import sys, referral_engine.storage.sqlalchemy;"
        "print(sorted({'psycopg', 'aiosqlite', 'psycopg2', 'asyncpg', 'pymysql', 'asyncmy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_stores_are_what_the_engines_ask_for():
    assert isinstance(SQLAlchemyStore("sqlite:///a.db"), BlockingStore)
    assert isinstance(AsyncSQLAlchemyStore("sqlite:///a.db"), NonBlockingStore)


def test_connections_of_our_own_are_set_up_for_money(tmp_path):
    with SQLAlchemyStore(f"sqlite:///{tmp_path}/a.db") as store:
        store.create_schema()
        with store._engine.connect() as connection:
            asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            answers = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert answers == ["wal", 2, 1, 5_000]


def test_a_timeout_in_the_url_is_kept(tmp_path):
    with SQLAlchemyStore(f"sqlite:///{tmp_path}/a.db?timeout=1.5") as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 1_500


def test_an_engine_of_the_host_is_left_as_it_is(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/a.db")
    with engine.connect() as connection:
        before = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    with SQLAlchemyStore(engine) as store:
        store.create_schema()
        Desk(store).join("alice")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == before
        assert connection.execute(text("SELECT member FROM referral_members")).scalar() == "alice"
    assert engine.pool.checkedin() == 1
    engine.dispose()


def test_a_store_may_be_used_after_it_was_closed_and_closed_again(tmp_path):
    store = SQLAlchemyStore(f"sqlite:///{tmp_path}/a.db")
    store.create_schema()
    store.close()
    Desk(store).join("alice")
    store.close()
    store.close()


def test_the_tables_go_into_the_hosts_metadata_once():
    metadata = MetaData(
        naming_convention={"ck": "host_%(table_name)s_%(constraint_name)s", "pk": "host_%(table_name)s"}
    )
    tables = define_tables(metadata)
    assert {table.name for table in tables.all()} == set(metadata.tables)
    assert tables.members.primary_key.name == "pk_referral_members"
    with pytest.raises(InvalidInput, match="metadata"):
        define_tables(metadata)
    define_tables(metadata, prefix="other_")


def test_every_key_begins_with_the_program():
    for table in define_tables().all():
        unique = [index for index in table.indexes if index.unique]
        for key in (table.primary_key, *unique):
            assert next(iter(key.columns)).name == "program"


@pytest.mark.parametrize("prefix", ["1x", "a-b", 'a"', "x" * 31, None, "a;"])
def test_a_prefix_is_a_name(prefix):
    with pytest.raises(InvalidInput):
        define_tables(prefix=prefix)


@pytest.fixture
def schema(served_url):
    """The name of a schema of this test's own; on MariaDB it is another database of the server."""
    name = f"Growth {secrets.token_hex(8)}"
    yield name
    engine = create_engine(driver_url(served_url))
    if engine.dialect.name != "postgresql":
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE `{name}`")
    engine.dispose()


def test_the_tables_may_be_in_a_schema_of_their_own(served_url, schema):
    tables = define_tables(schema=schema, prefix="")
    with SQLAlchemyStore(served_url, tables=tables) as store:
        store.create_schema()
        store.create_schema()
        desk = Desk(store)
        desk.write(*joining("alice"))
        assert {"alice"} == desk.read(members=["alice"]).members.keys()
        assert store.drift(desk.program) == []
        assert inspect(store._engine).get_table_names(schema=schema)
        assert inspect(store._engine).get_table_names() == []


@pytest.fixture(scope="module")
def checked_sqlite_store(tmp_path_factory):
    with SQLAlchemyStore(f"sqlite:///{tmp_path_factory.mktemp('checked')}/a.db") as store:
        store.create_schema()
        yield store


@pytest.fixture(scope="module")
def checked_mariadb_store(mariadb_server_url):
    with servers.fresh_database(mariadb_server_url) as url, SQLAlchemyStore(url) as store:
        store.create_schema()
        yield store


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def checked_store(request):
    return request.getfixturevalue(f"checked_{request.param}_store")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO referral_balances VALUES ('p', 'm', 'u', -1, 0, 0, 0, 0, 0, 0, 0)",
        "INSERT INTO referral_spends VALUES ('p', 'c', 'u', 0, -1)",
        "INSERT INTO referral_scores VALUES ('p', 'b', '2026', 'm', -1, 1)",
        "INSERT INTO referral_refunds VALUES ('p', 'e', -1)",
        "INSERT INTO referral_tallies VALUES ('p', 'm', 't', -1, 0)",
        "INSERT INTO referral_counters VALUES ('p', 1, -1)",
        "INSERT INTO referral_transfers VALUES ('p', 't', 'grant', 'm', 'u', 0, 'a', 'b', NULL, 'r', NULL, 0, 1)",
        "INSERT INTO referral_transfers VALUES ('p', 't', 'grant', 'm', 'u', 1, 'a', 'a', NULL, 'r', NULL, 0, 1)",
        "INSERT INTO referral_referrals VALUES ('p', 'm', 'm', 'qualified', NULL, NULL, NULL, NULL, 0, NULL, 1)",
    ],
)
def test_the_invariants_are_checked_by_the_database_too(checked_store, statement):
    with checked_store._engine.connect() as connection, pytest.raises(Exception, match=r"CHECK|CONSTRAINT `ck_"):
        connection.exec_driver_sql(statement)
