"""The tables reach their newest revision, from nothing and from any before, and are told from those of others."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    create_engine,
    event,
    inspect,
    text,
)

from referral_engine import InvalidInput, StoreError
from referral_engine.storage.sqlalchemy import (
    AsyncSQLAlchemyStore,
    SchemaStatus,
    SQLAlchemyStore,
    define_tables,
    migrations,
)
from referral_engine.storage.sqlalchemy.migrations.frozen import Place
from referral_engine.storage.sqlalchemy.migrations.recorded import record, recorded, version_table
from referral_engine.storage.sqlalchemy.migrations.revisions import RELEASED
from referral_engine.storage.sqlalchemy.migrations.versions import revision_0001
from referral_engine.testing.conformance.samples import Desk
from tests.databases import driver_url
from tests.unit.storage.schema_picture import picture

HEAD = migrations.HEAD
OURS = Place(None, "referral_")


def unversioned(engine):
    """Make the tables as the first release did, which recorded no revision."""
    with engine.begin() as connection:
        for table in revision_0001.tables(OURS).values():
            table.create(connection)


def put(engine, statement):
    with engine.begin() as connection:
        connection.execute(text(statement))


def drop_index(engine, name):
    indexes = {index.name: index for table in define_tables().all() for index in table.indexes}
    indexes[name].drop(engine)


def revision_of(engine):
    with engine.connect() as connection:
        return recorded(connection, OURS)


def drop_all(engine):
    define_tables().members.metadata.drop_all(engine)
    version_table(OURS).drop(engine)


def names(engine):
    return set(inspect(engine).get_table_names())


# The revisions


def test_the_scripts_are_one_line_in_the_order_of_the_release():
    scripts = ScriptDirectory(str(files(migrations)))
    told = [(script.revision, script.down_revision) for script in scripts.walk_revisions()]
    before = [None, *RELEASED.revisions]
    assert told[::-1] == list(zip(RELEASED.revisions, before, strict=False))
    assert scripts.get_heads() == [HEAD]


@pytest.mark.parametrize("name", RELEASED.revisions)
def test_no_revision_has_a_way_down(name):
    with pytest.raises(InvalidInput, match="append-only"):
        RELEASED.load(name).downgrade(steps=None)


# From nothing


@pytest.mark.parametrize("where", [{}, {"prefix": "acme_"}, {"prefix": ""}], ids=["default", "prefix", "bare"])
def test_what_is_upgraded_from_nothing_is_what_is_created(new_engine, where):
    tables = define_tables(**where)
    store = SQLAlchemyStore(new_engine, tables=tables)
    store.create_schema()
    created = picture(new_engine, tables)
    assert None not in created.values()
    tables.members.metadata.drop_all(new_engine)
    version_table(Place.of(tables)).drop(new_engine)
    assert names(new_engine) == set()
    store.upgrade()
    assert picture(new_engine, tables) == created


def test_the_picture_sees_a_difference(new_engine):
    tables = define_tables()
    store = SQLAlchemyStore(new_engine)
    store.create_schema()
    before = picture(new_engine, tables)
    drop_index(new_engine, "ix_referral_grants_due")
    assert picture(new_engine, tables) != before


@pytest.mark.parametrize("way", ["create_schema", "upgrade"])
def test_alembic_finds_no_difference(new_engine, way):
    metadata = MetaData()
    store = SQLAlchemyStore(new_engine, tables=define_tables(metadata))
    getattr(store, way)()
    version_table(OURS).to_metadata(metadata)
    with new_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_revision_is_recorded_as_alembic_would(new_engine):
    SQLAlchemyStore(new_engine).create_schema()
    with new_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "referral_alembic_version"})
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, define_tables().members.metadata) == []


@pytest.mark.postgres
def test_the_tables_may_be_in_a_schema_that_is_made_for_them(postgres_url):
    tables = define_tables(schema="Growth 1", prefix="r_")
    with SQLAlchemyStore(postgres_url, tables=tables) as store:
        store.upgrade()
        assert store.check() == SchemaStatus(HEAD, HEAD, ())
        upgraded = picture(store._engine, tables)
        assert None not in upgraded.values()
        assert names(store._engine) == set()
        put(store._engine, 'DROP SCHEMA "Growth 1" CASCADE')
        store.create_schema()
        assert picture(store._engine, tables) == upgraded
        store.upgrade()
        Desk(store).join("alice")


def test_two_sets_of_tables_keep_their_revisions_apart(new_engine):
    first, second = SQLAlchemyStore(new_engine), SQLAlchemyStore(new_engine, tables=define_tables(prefix="two_"))
    first.upgrade()
    assert second.check().current is None
    second.create_schema()
    assert {"referral_alembic_version", "two_alembic_version"} <= names(new_engine)


def test_tables_without_a_prefix_do_not_touch_the_hosts_own_record(new_engine):
    put(new_engine, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    put(new_engine, "INSERT INTO alembic_version VALUES ('theirs')")
    store = SQLAlchemyStore(new_engine, tables=define_tables(prefix=""))
    store.upgrade()
    assert store.check().ok
    with new_engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["theirs"]


# Again, and at once


def test_upgrading_again_changes_nothing(new_engine):
    store = SQLAlchemyStore(new_engine)
    store.create_schema()
    Desk(store).join("alice")
    before = picture(new_engine, define_tables())
    for _ in range(2):
        store.upgrade()
        store.create_schema()
    assert picture(new_engine, define_tables()) == before
    assert Desk(store).read(members=["alice"]).members.keys() == {"alice"}


@pytest.mark.parametrize("begin", ["nothing", "unversioned"])
def test_threads_upgrade_at_once(database_url, begin):
    """Who only creates, before anybody has upgraded an older release's tables, is told to upgrade them."""
    with SQLAlchemyStore(database_url) as store:
        if begin == "unversioned":
            unversioned(store._engine)
    barrier = Barrier(6)

    def one(way):
        with SQLAlchemyStore(database_url) as store:
            barrier.wait(30)
            try:
                getattr(store, way)()
            except StoreError as exc:
                return exc
            return store.check()

    with ThreadPoolExecutor(6) as pool:
        *upgraded, one_created, other_created = pool.map(one, ["upgrade"] * 4 + ["create_schema"] * 2)
    with SQLAlchemyStore(database_url) as store:
        store.upgrade()
        assert store.check() == SchemaStatus(HEAD, HEAD, ())
    for told in (one_created, other_created):
        if begin == "unversioned" and isinstance(told, StoreError):
            assert "call store.upgrade()" in str(told)
        else:
            upgraded.append(told)
    assert all(status.ok for status in upgraded)


def upgrade_at(url, barrier):
    with SQLAlchemyStore(url) as store:
        barrier.wait(60)
        store.upgrade()
        sys.exit(0 if store.check() == SchemaStatus(HEAD, HEAD, ()) else 1)


@pytest.mark.parametrize("begin", ["nothing", "unversioned"])
def test_processes_upgrade_at_once(database_url, begin):
    with SQLAlchemyStore(database_url) as store:
        if begin == "unversioned":
            unversioned(store._engine)
    spawning = multiprocessing.get_context("spawn")
    barrier = spawning.Barrier(2)
    processes = [spawning.Process(target=upgrade_at, args=(database_url, barrier)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]


def test_the_awaited_store_upgrades_and_checks_too(database_url):
    async def told():
        async with AsyncSQLAlchemyStore(database_url) as store:
            before = await store.check()
            await asyncio.gather(store.upgrade(), store.upgrade(), store.create_schema())
            return before, await store.check()

    before, after = asyncio.run(told())
    assert (before.current, before.ok) == (None, False)
    assert after == SchemaStatus(HEAD, HEAD, ())


# Cut off, and called again


WRITES = ("ALTER", "CREATE", "DELETE", "DROP", "INSERT", "UPDATE")


class CutOff(Exception):
    """What ends a process that changes tables."""


@contextmanager
def cut_off_after_each(engine, changes):
    """End whoever writes, each time after so many statements that were not seen before; lists where it ended."""
    seen, ends = [], []

    def cut(_connection, _cursor, statement, *_more):
        if statement.lstrip().startswith(WRITES) and statement not in seen:
            seen.append(statement)
            if len(seen) % changes == 0:
                ends.append(statement)
                raise CutOff

    event.listen(engine, "after_cursor_execute", cut)
    try:
        yield ends
    finally:
        event.remove(engine, "after_cursor_execute", cut)


@pytest.mark.parametrize(
    ("way", "begin", "changes", "ends_min"),
    [("upgrade", "unversioned", 1, 25), ("upgrade", "nothing", 5, 8), ("create_schema", "nothing", 5, 5)],
)
def test_what_was_cut_off_after_a_change_is_finished_by_the_next_call(mariadb_url, way, begin, changes, ends_min):
    """MariaDB commits each change of a table; elsewhere nothing is left of what was not finished."""
    with SQLAlchemyStore(mariadb_url) as store:
        engine = store._engine
        store.create_schema()
        created = picture(engine, define_tables())
        drop_all(engine)
        if begin == "unversioned":
            unversioned(engine)
        with cut_off_after_each(engine, changes) as ends:
            ended = 0
            while ended == len(ends):
                try:
                    getattr(store, way)()
                    break
                except CutOff:
                    ended += 1
        assert len(ends) == ended >= ends_min
        assert store.check() == SchemaStatus(HEAD, HEAD, ())
        assert picture(engine, define_tables()) == created


# Tables that are there


def test_tables_of_a_release_that_recorded_nothing_are_taken_over_with_their_rows(new_engine):
    unversioned(new_engine)
    put(new_engine, "INSERT INTO referral_counters VALUES ('acme', 7, 3)")
    store = SQLAlchemyStore(new_engine)
    assert store.check().current is None
    store.upgrade()
    assert store.check() == SchemaStatus(HEAD, HEAD, ())
    with new_engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM referral_counters")).all() == [("acme", 7, 3)]


@pytest.mark.parametrize("way", ["create_schema", "upgrade"])
def test_a_release_that_is_not_known_is_left_alone(new_engine, way):
    store = SQLAlchemyStore(new_engine)
    store.create_schema()
    with new_engine.begin() as connection:
        record(connection, OURS, "9999")
    with pytest.raises(StoreError, match=r"'9999', which this release does not know.*install the release"):
        getattr(store, way)()
    status = store.check()
    assert (status.current, status.ok) == ("9999", False)
    assert "'9999'" in status.problems[0]
    assert revision_of(new_engine) == "9999"


@pytest.mark.parametrize("way", ["create_schema", "upgrade", "check"])
def test_a_record_of_several_revisions_is_refused(new_engine, way):
    store = SQLAlchemyStore(new_engine)
    store.create_schema()
    put(new_engine, "INSERT INTO referral_alembic_version VALUES ('other')")
    with pytest.raises(StoreError, match=f"'{HEAD}', 'other'"):
        getattr(store, way)()


def test_a_table_of_somebody_else_in_our_place_is_refused(new_engine):
    put(new_engine, "CREATE TABLE referral_codes (text VARCHAR(20) PRIMARY KEY)")
    store = SQLAlchemyStore(new_engine)
    with pytest.raises(StoreError, match=r"'referral_codes' is there, without the column 'program'.*another prefix"):
        store.upgrade()
    with pytest.raises(StoreError, match="'referral_codes' has no column 'program'"):
        store.create_schema()
    assert names(new_engine) == {"referral_codes"}
    assert "the table 'referral_codes' has no column 'program'" in store.check().problems


def test_create_schema_refuses_tables_of_another_revision_and_says_what_to_do(new_engine):
    store = SQLAlchemyStore(new_engine)
    store.create_schema()
    put(new_engine, "DROP TABLE referral_messages")
    put(new_engine, "ALTER TABLE referral_counters RENAME COLUMN acknowledged TO older")
    with pytest.raises(StoreError, match=r"'acknowledged'; call store.upgrade\(\)"):
        store.create_schema()
    assert "referral_messages" not in names(new_engine)


def test_create_schema_makes_a_table_that_was_lost(new_engine):
    store = SQLAlchemyStore(new_engine)
    store.create_schema()
    put(new_engine, "DROP TABLE referral_messages")
    assert store.check().problems == ("the table 'referral_messages' is missing",)
    store.create_schema()
    assert store.check().ok


def test_create_schema_records_nothing_of_tables_that_the_host_made(new_engine):
    tables = define_tables()
    tables.members.metadata.create_all(new_engine)
    store = SQLAlchemyStore(new_engine)
    store.create_schema()
    assert revision_of(new_engine) is None
    assert store.check() == SchemaStatus(None, HEAD, ())


def test_using_tables_that_are_missing_or_older_says_what_to_call(new_engine):
    store = SQLAlchemyStore(new_engine)
    with pytest.raises(StoreError, match=r"store\.create_schema\(\) .* store\.upgrade\(\)"):
        Desk(store).join("alice")
    store.create_schema()
    put(new_engine, "ALTER TABLE referral_members RENAME COLUMN tags TO older")
    with pytest.raises(StoreError, match=r"store\.create_schema\(\) .* store\.upgrade\(\)"):
        Desk(store).join("alice")


# What check tells


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (
            "ALTER TABLE referral_codes RENAME COLUMN lot TO batch",
            "the table 'referral_codes' has no column 'lot'",
        ),
        (
            "ALTER TABLE referral_codes ADD COLUMN theirs BIGINT DEFAULT 1 NOT NULL",
            None,
        ),
        ("ALTER TABLE referral_codes ADD COLUMN theirs BIGINT", None),
    ],
)
def test_what_is_wrong_is_told(new_engine, damage, problem):
    store = SQLAlchemyStore(new_engine)
    store.create_schema()
    put(new_engine, damage)
    status = store.check()
    assert status.problems == (() if problem is None else (problem,))
    assert status.ok is (problem is None)


def codes_made_otherwise(*more, unlike=(), left_out="", key=("program", "text")):
    """The table of codes as somebody else made it; columns that are `unlike` ours take NULL where those do not."""
    codes = revision_0001.tables(OURS)["codes"]
    columns = [Column(one.name, one.type, nullable=one.nullable is (one.name not in unlike)) for one in codes.columns]
    checks = [one for one in codes.constraints if isinstance(one, CheckConstraint) and one.name != left_out]
    copies = [CheckConstraint(one.sqltext, name=one.name) for one in checks]
    made = Table(codes.name, MetaData(), *columns, *more, *copies, PrimaryKeyConstraint(*key))
    Index("uq_referral_codes_invite", *(made.columns[name] for name in ("program", "owner", "invite_for")))
    return made


@pytest.mark.parametrize(
    ("codes", "problem"),
    [
        (codes_made_otherwise(), None),
        (codes_made_otherwise(unlike=["owner"]), "the column 'owner' of 'referral_codes' must accept NULL"),
        (codes_made_otherwise(unlike=["state"]), "the column 'state' of 'referral_codes' must not accept NULL"),
        (
            codes_made_otherwise(left_out="ck_referral_codes_max_uses"),
            "the check 'ck_referral_codes_max_uses' of 'referral_codes' is missing",
        ),
        (
            codes_made_otherwise(key=("text", "program")),
            "the primary key of 'referral_codes' is not (program, text)",
        ),
        (
            codes_made_otherwise(Column("theirs", Integer, nullable=False)),
            "the table 'referral_codes' asks for a column 'theirs' that this release does not write",
        ),
    ],
    ids=["nothing", "must accept", "must not accept", "check", "key", "asks for more"],
)
def test_what_is_wrong_with_a_table_made_otherwise_is_told(new_engine, codes, problem):
    codes.create(new_engine)
    define_tables().members.metadata.create_all(new_engine)
    assert SQLAlchemyStore(new_engine).check().problems == (() if problem is None else (problem,))


def test_an_index_that_was_dropped_is_told(new_engine):
    store = SQLAlchemyStore(new_engine)
    store.create_schema()
    drop_index(new_engine, "uq_referral_codes_invite")
    assert store.check().problems == ("the index 'uq_referral_codes_invite' of 'referral_codes' is missing",)


def test_an_index_over_other_columns_is_told(new_engine):
    store = SQLAlchemyStore(new_engine)
    store.create_schema()
    drop_index(new_engine, "ix_referral_grants_due")
    put(new_engine, "CREATE INDEX ix_referral_grants_due ON referral_grants (program, held_until, id)")
    expected = "the index 'ix_referral_grants_due' of 'referral_grants' is not over (program, state, held_until, id)"
    assert store.check().problems == (expected,)


def test_a_status_reads_well():
    status = SchemaStatus("0001", "0002", ("the table 'a' is missing", "the table 'b' is missing"))
    assert str(status).splitlines() == [
        "revision 0001, this release works with 0002",
        "the table 'a' is missing",
        "the table 'b' is missing",
    ]
    assert str(SchemaStatus(None, "0002", ())) == "no revision recorded, this release works with 0002"


# Arguments


@pytest.mark.parametrize("revision", ["0000", "", 1, "head"])
def test_a_revision_that_is_none_is_refused(taking_back_engine, revision):
    with (
        taking_back_engine.connect() as connection,
        pytest.raises(InvalidInput, match=f"it knows {RELEASED.revisions[0]}"),
    ):
        migrations.upgrade(connection, revision=revision)
    assert names(taking_back_engine) == set()


# Without Alembic


def run_without_alembic(program, folder):
    """Run a program in a process where Alembic is not installed."""
    script = f"import sys; sys.modules['alembic'] = None\n{program}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=folder)


def test_a_core_install_creates_and_checks_and_says_what_upgrading_needs(tmp_path):
    program = """
from referral_engine import StoreError
from referral_engine.storage.sqlalchemy import SQLAlchemyStore, migrations
with SQLAlchemyStore("sqlite:///core.db") as store:
    store.create_schema()
    assert store.check().ok and store.check().current == migrations.HEAD
    try:
        store.upgrade()
    except StoreError as exc:
        print(exc)
"""
    done = run_without_alembic(program, tmp_path)
    assert (done.stderr, done.returncode) == ("", 0)
    assert "install referral_engine[migrations]" in done.stdout


def test_nothing_loads_alembic_before_it_is_needed(tmp_path):
    program = (
        "import sys, referral_engine.storage.sqlalchemy.migrations, referral_engine.cli\n"
        "from referral_engine.storage.sqlalchemy import SQLAlchemyStore\n"
        "with SQLAlchemyStore('sqlite:///core.db') as store: store.create_schema(); store.check()\n"
        "print('alembic' in sys.modules)\n"
        "with SQLAlchemyStore('sqlite:///core.db') as store: store.upgrade()\n"
        "print('alembic' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["False", "True"]


# In the host's transaction


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_an_upgrade_in_the_hosts_transaction_is_the_hosts_to_end(taking_back_engine, end):
    host = create_engine(taking_back_engine.url)
    with host.connect() as connection:
        migrations.upgrade(connection)
        getattr(connection, end)()
    status = SQLAlchemyStore(host).check()
    if end == "commit":
        assert status == SchemaStatus(HEAD, HEAD, ())
    else:
        assert (status.current, names(host)) == (None, set())
    SQLAlchemyStore(host).upgrade()
    assert SQLAlchemyStore(host).check() == SchemaStatus(HEAD, HEAD, ())
    host.dispose()


def test_what_a_host_has_not_finished_is_not_committed_by_an_upgrade(mariadb_url):
    """MariaDB commits a transaction in which a table is created."""
    host = create_engine(driver_url(mariadb_url))
    put(host, "CREATE TABLE orders (id VARCHAR(20) PRIMARY KEY)")
    with host.connect() as connection:
        connection.execute(text("INSERT INTO orders VALUES ('o-1')"))
        with pytest.raises(InvalidInput, match=r"upgrade\(\) of the store"):
            migrations.upgrade(connection)
        connection.rollback()
        assert connection.execute(text("SELECT * FROM orders")).all() == []
    assert names(host) == {"orders"}
    host.dispose()


@pytest.mark.parametrize("given", [None, "sqlite:///a.db", object()])
def test_what_is_no_connection_is_refused(given):
    with pytest.raises(InvalidInput, match="give a Connection"):
        migrations.upgrade(given)


def test_a_connection_to_another_database_is_refused():
    engine = create_engine("sqlite://")
    engine.dialect.name = "oracle"
    with engine.connect() as connection, pytest.raises(InvalidInput, match="'oracle' is not supported"):
        migrations.upgrade(connection)
    engine.dispose()
