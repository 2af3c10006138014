"""What is MariaDB's own: hosts that see an old snapshot, sessions that cut values, lists as JSON, named indexes."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DataError, DBAPIError

from referral_engine import changes as c
from referral_engine.errors import Conflict, InvalidInput, StoreError
from referral_engine.facts import Tally, Wanted
from referral_engine.ledger.balance import Balance
from referral_engine.storage.sqlalchemy import SQLAlchemyStore, define_tables, rows
from referral_engine.storage.sqlalchemy.databases import database_for
from referral_engine.storage.sqlalchemy.mariadb import SPELT_MOST, MariadbLookup
from referral_engine.storage.sqlalchemy.statements import Merge
from referral_engine.testing import servers
from referral_engine.testing.conformance.samples import (
    PROGRAM,
    Desk,
    a_code,
    a_grant,
    a_limit,
    a_member,
    a_referral,
    a_transfer,
    an_event,
    joining,
    saying,
)
from tests.databases import driver_url

SPRING = ("spring", "points")
TEN = Balance(available=10, lifetime=10)


@contextmanager
def hosting(url, **options):
    """A host's engine with a table of orders, and a store over that engine with its schema."""
    engine = create_engine(driver_url(url), **options)
    try:
        store = SQLAlchemyStore(engine)
        store.create_schema()
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE orders (id VARCHAR(40) PRIMARY KEY)"))
        yield engine, store
    finally:
        engine.dispose()


@pytest.fixture
def store(mariadb_url):
    with SQLAlchemyStore(mariadb_url) as made:
        made.create_schema()
        yield made


def looking_back(connection):
    """Begin the host's transaction, and see what there is now until it ends."""
    connection.execute(text("INSERT INTO orders VALUES ('o1')"))
    assert connection.execute(text("SELECT COUNT(*) FROM referral_events")).scalar_one() == 0


def old_world(desk):
    """What there is before the host's transaction begins."""
    desk.write(
        *joining("alice", "bob", "carol"),
        c.AddCode(a_code("C1", max_uses=10), invite=False),
        c.AdjustTally("alice", "visit", 1, 5),
        c.AdjustBalance("alice", "points", Balance(available=10), fresh=True),
        c.AdjustLimit(a_limit(), 1),
        c.AdjustSpend(*SPRING, 90, 0),
    )


def newer_world(desk):
    """What others write after it has begun."""
    desk.write(
        c.PutMember(a_member("alice", referrals_total=1), fresh=False),
        c.PutMember(a_member("bob", referrer="alice", root="alice", depth=1), fresh=False),
        c.AddReferral(a_referral("bob", "alice"), 0),
        c.AddCode(a_code("C2", "alice"), invite=True),
        c.UseCode("C1", 7),
        c.AdjustTally("alice", "visit", 1, 5),
        c.AdjustTally("alice", "purchase", 1, 100),
        c.AdjustBalance("alice", "points", Balance(available=-8), fresh=False),
        c.AdjustLimit(a_limit(), 2),
        c.AdjustSpend(*SPRING, 5, 0),
        c.AddEvent(an_event("e1"), 1),
        saying("newer"),
    )


WANTED = Wanted(
    PROGRAM,
    actors=frozenset({"bob"}),
    members=frozenset({"alice"}),
    codes=frozenset({"C1"}),
    own_codes=frozenset({("alice", None)}),
    events=frozenset({"e1", "e2"}),
    tally_types=frozenset({"visit", "purchase"}),
    units=frozenset({"points"}),
    limit_rules=frozenset({a_limit().rule}),
    limit_periods=frozenset({a_limit().period}),
    spends=frozenset({SPRING}),
)


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE", "READ COMMITTED", "READ UNCOMMITTED"])
def test_a_bound_decision_sees_what_others_committed_since_the_hosts_transaction_began(mariadb_url, isolation):
    """MariaDB's default would show the figures of the transaction's beginning; a decision must not rest on them."""
    with hosting(mariadb_url, isolation_level=isolation) as (engine, store):
        desk, shown = Desk(store), []
        old_world(desk)

        def decide(facts):
            shown.append(facts)
            left = 100 - facts.spends[SPRING].spent
            return c.Decision(left, (c.AdjustSpend(*SPRING, left, 0, high=100 - left), c.UseCode("C1", 3)))

        with engine.connect() as connection:
            if isolation == "SERIALIZABLE":
                connection.execute(text("INSERT INTO orders VALUES ('o1')"))
            else:
                looking_back(connection)
            newer_world(desk)
            assert store.bind(connection).apply(WANTED, decide).result == 5
            connection.commit()
        facts = shown[-1]
        assert facts.members.keys() == {"alice", "bob"}
        assert (facts.members["alice"].referrals_total, facts.members["bob"].referrer) == (1, "alice")
        assert facts.referrals["bob"].referrer == "alice"
        assert (facts.codes["C1"].uses, facts.own_codes[("alice", None)]) == (7, "C2")
        assert facts.events.keys() == {"e1"}
        assert dict(facts.tallies) == {("alice", "visit"): Tally(2, 10), ("alice", "purchase"): Tally(1, 100)}
        assert facts.balances["alice", "points"].available == 2
        assert facts.limits == {a_limit(): 3}
        assert facts.spends[SPRING].spent == 95
        kept = desk.read(spends=[SPRING], codes=["C1"])
        assert (kept.spends[SPRING].spent, kept.codes["C1"].uses) == (100, 10)


def test_without_locking_reads_a_bound_decision_would_rest_on_old_figures(mariadb_url, monkeypatch):
    """The test above can fail."""
    with hosting(mariadb_url) as (engine, store):
        desk, shown = Desk(store), []
        old_world(desk)
        monkeypatch.setattr(store._operations._transactions, "join", lambda _: False)
        with engine.connect() as connection:
            looking_back(connection)
            newer_world(desk)
            store.bind(connection).apply(WANTED, lambda facts: shown.append(facts) or c.Decision(None))
        (facts,) = shown
        assert (facts.spends[SPRING].spent, facts.codes["C1"].uses, dict(facts.own_codes)) == (90, 0, {})
        assert dict(facts.events) == {}


def test_two_hosts_that_look_back_do_not_deadlock(mariadb_url):
    """Gaps are locked in one order, so that a host waits for the other and neither is told to begin again."""
    from threading import Barrier, Thread

    with hosting(mariadb_url) as (engine, store):
        Desk(store).join("alice", "zoe")
        meet, failed = Barrier(2, timeout=30), []

        def run(member):
            with engine.connect() as connection:
                connection.execute(text("SELECT COUNT(*) FROM referral_members")).scalar_one()
                meet.wait()
                try:
                    for n in range(5):
                        changes = (
                            c.AdjustTally(member, f"t{n}", 1, 0),
                            c.AdjustBalance(member, f"u{n}", Balance(available=1), fresh=True),
                            c.AdjustSpend("spring", f"u{n}", 1, 0),
                            c.AddEvent(an_event(f"e-{member}-{n}", member), 0),
                            saying("done"),
                        )
                        Desk(store.bind(connection)).write(*changes)
                        connection.commit()
                except Exception as exc:  # noqa: BLE001 - it is what the test looks at
                    failed.append(exc)

        threads = [Thread(target=run, args=(name,)) for name in ("alice", "zoe")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert len(Desk(store).said()) == 10


def test_a_host_whose_snapshot_is_strict_must_retry(mariadb_url):
    """Newer servers refuse to lock a row that changed since the host's transaction began."""
    with hosting(mariadb_url) as (engine, store):
        old_world(Desk(store))
        with engine.connect() as connection:
            connection.execute(text("SET SESSION innodb_snapshot_isolation = ON"))
            connection.commit()
            looking_back(connection)
            newer_world(Desk(store))
            with pytest.raises(Conflict) as caught:
                Desk(store.bind(connection)).write(c.AdjustTally("alice", "visit", 1, 0))
            assert caught.value.host_must_retry is True
            connection.rollback()
            Desk(store.bind(connection)).write(c.AdjustTally("alice", "visit", 1, 0))
            connection.commit()
        assert Desk(store).read(members=["alice"], tally_types=["visit"]).tallies["alice", "visit"].count == 3


def test_a_host_that_waited_too_long_for_a_lock_must_retry(mariadb_url):
    with hosting(mariadb_url) as (engine, store):
        Desk(store).join("alice")
        with engine.connect() as holder, engine.connect() as connection:
            Desk(store.bind(holder)).write(c.AdjustTally("alice", "visit", 1, 0))
            connection.execute(text("SET SESSION innodb_lock_wait_timeout = 1"))
            with pytest.raises(Conflict) as caught:
                Desk(store.bind(connection)).write(c.AdjustTally("alice", "visit", 1, 0))
            assert caught.value.host_must_retry is True


def test_creating_the_tables_does_not_commit_what_the_host_has_not_finished(mariadb_url):
    with hosting(mariadb_url) as (engine, _):
        store = SQLAlchemyStore(engine, tables=define_tables(prefix="other_"))
        with engine.connect() as connection:
            connection.execute(text("INSERT INTO orders VALUES ('o1')"))
            with pytest.raises(InvalidInput, match="commits"):
                store.bind(connection).create_schema()
            connection.rollback()
            assert connection.execute(text("SELECT COUNT(*) FROM orders")).scalar_one() == 0


def lenient(engine):
    @event.listens_for(engine, "connect")
    def cut_values(connection, _):
        connection.cursor().execute("SET SESSION sql_mode = ''")


def test_a_host_whose_session_cuts_values_is_refused(mariadb_url):
    with SQLAlchemyStore(mariadb_url) as store:
        store.create_schema()
    engine = create_engine(driver_url(mariadb_url))
    lenient(engine)
    store = SQLAlchemyStore(engine)
    with pytest.raises(InvalidInput, match="STRICT_TRANS_TABLES"):
        Desk(store).join("alice")
    with engine.connect() as connection, pytest.raises(InvalidInput, match="STRICT_TRANS_TABLES"):
        Desk(store.bind(connection)).join("alice")
    engine.dispose()


def test_connections_of_our_own_refuse_what_does_not_fit_whatever_the_servers_default(mariadb_url):
    with SQLAlchemyStore(mariadb_url) as store:
        store.create_schema()
        lenient(store._engine)
        store._engine.dispose()
    with SQLAlchemyStore(mariadb_url) as store, store._engine.connect() as connection:
        asked = "SELECT @@sql_mode, @@tx_isolation, @@character_set_client, @@time_zone"
        assert tuple(connection.exec_driver_sql(asked).one()) == (
            "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION",
            "READ-COMMITTED",
            "utf8mb4",
            "+00:00",
        )
        with pytest.raises(DataError):
            connection.exec_driver_sql(f"INSERT INTO referral_refunds VALUES ('p', '{'x' * 301}', 1)")


@pytest.mark.parametrize(("mariadb", "version"), [(True, (10, 5, 20)), (False, (8, 4, 0))])
def test_a_server_that_is_too_old_or_another_is_refused(mariadb_url, monkeypatch, mariadb, version):
    with hosting(mariadb_url) as (engine, _):
        store = SQLAlchemyStore(engine)
        with engine.connect() as connection:
            connection.info.clear()
        monkeypatch.setattr(engine.dialect, "server_version_info", version)
        monkeypatch.setattr(engine.dialect, "is_mariadb", mariadb)
        with pytest.raises(StoreError, match=r"MariaDB 10\.6 or later"):
            Desk(store).join("alice")
        with engine.connect() as connection, pytest.raises(StoreError, match=r"MariaDB 10\.6 or later"):
            Desk(store.bind(connection)).join("alice")


def test_an_index_that_was_not_created_in_time_is_created_the_next_time(store):
    """Each table and index commits by itself, so that a process that is killed leaves some behind."""
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX uq_referral_codes_invite ON referral_codes")
    store.create_schema()
    Desk(store).write(*joining("alice"), c.AddCode(a_code("C1", "alice"), invite=True))
    with pytest.raises(Conflict):
        Desk(store).write(c.AddCode(a_code("C2", "alice"), invite=True))


def test_text_is_kept_whatever_the_character_set_of_the_database(mariadb_server_url):
    with servers.fresh_database(mariadb_server_url) as url:
        engine = create_engine(driver_url(url))
        with engine.begin() as connection:
            name = connection.exec_driver_sql("SELECT DATABASE()").scalar_one()
            connection.exec_driver_sql(f"ALTER DATABASE {name} CHARACTER SET latin1")
        with SQLAlchemyStore(url) as store:
            store.create_schema()
            roles = frozenset({"\u65e9\u671f", '\U0001f600 "quoted" \\', "e\u0301 "})
            desk = Desk(store)
            desk.join("alice", "bob", "Alice")
            desk.write(*(c.PutMember(a_member(name, roles=roles), fresh=False) for name in ("alice", "bob")))
            desk.write(c.PutMember(a_member("Alice", roles=roles), fresh=False))
            found = desk.read(members=["alice", "bob", "Alice"]).members
            assert {name: one.roles for name, one in found.items()} == dict.fromkeys(("alice", "bob", "Alice"), roles)
        engine.dispose()


# Lists as JSON


MANY = [f"m{n:02}" for n in range(SPELT_MOST + 4)]


def test_names_that_no_row_can_have_are_not_found(store):
    """MariaDB would cut the long one, and write question marks for the letters that are not ASCII."""
    tables, long = define_tables(), "x" * 300
    with store._engine.begin() as connection:
        sql = database_for(tables, connection.dialect).sql
        refunds = sql.insert(tables.refunds, ["event", "amount"])
        refunds.run(connection, [("acme", long, 1), ("acme", "?", 2), ("acme", "a", 3)])
        lookup = sql.lookup(tables.refunds, ["event"], ["event"])
        wrong = [long + "x", "\u00e9", "A", "a ", "\u65e5"]
        assert lookup.rows(connection, "acme", wrong) == ()
        assert list(lookup.rows(connection, "acme", [*wrong, *MANY])) == []
        assert [name for (name,) in lookup.rows(connection, "acme", [*wrong, *MANY, long, "?", "a"])] == [
            "?",
            "a",
            long,
        ]


@pytest.mark.parametrize("rows_given", [1, 2])
@pytest.mark.parametrize(
    ("state", "reversed_"),
    [("x" * 301, 0), ("\u00e9", 0), ("posted", 2**63), ("posted", 10**40), ("posted", -1), (None, 0)],
)
def test_what_a_column_cannot_hold_is_refused_and_never_cut(store, rows_given, state, reversed_):
    tables = define_tables()
    with store._engine.begin() as connection:
        sql = database_for(tables, connection.dialect).sql
        kept = [rows.grant_row("acme", a_grant(f"g{n}")) for n in range(2)]
        sql.insert(tables.grants, rows.GRANT_COLUMNS).run(connection, kept)
    changes = {"state": ":state", "reversed": "kept.reversed + :reversed"}
    update = sql.update(tables.grants, ["id"], ["state", "reversed"], changes)
    with pytest.raises(DBAPIError), store._engine.begin() as connection:
        update.run(connection, [("acme", f"g{n}", state, reversed_) for n in range(rows_given)])
    with store._engine.begin() as connection:
        asked = connection.exec_driver_sql("SELECT state, reversed FROM referral_grants")
        assert list(map(tuple, asked)) == [(a_grant("g").state, 0)] * 2


def test_an_update_counts_the_rows_that_it_finds_changed_or_not(store):
    tables = define_tables()
    with store._engine.begin() as connection:
        sql = database_for(tables, connection.dialect).sql
        sql.insert(tables.refunds, ["event", "amount"]).run(connection, [("acme", name, 5) for name in "abc"])
        update = sql.update(tables.refunds, ["event"], ["amount"], {"amount": ":amount"}, "kept.amount <= :amount")
        assert update.run(connection, [("acme", "a", 5)]) == 1
        assert update.run(connection, [("acme", "a", 5), ("acme", "b", 6), ("acme", "z", 7), ("acme", "c", 4)]) == 2
        delete = sql.delete(tables.refunds, ["event"])
        assert [delete.run(connection, [("acme", name) for name in names]) for names in ("a", "bz", "abc")] == [1, 1, 1]


def test_statements_that_mariadb_would_read_otherwise_are_not_built(store):
    """It sets columns one after the other, and merges with the row of any unique key."""
    tables = define_tables()
    sql = database_for(tables, store._engine.dialect).sql
    swapped = {"spent": "kept.spent + kept.held", "held": ":held"}
    with pytest.raises(LookupError, match="held"):
        sql.update(tables.spends, ["campaign", "unit"], ["held"], swapped)
    with pytest.raises(LookupError, match="unique"):
        sql.insert(tables.codes, rows.CODE_COLUMNS, Merge())
    with pytest.raises(LookupError, match="no index"):
        sql.lookup(tables.members, ["member"], ["root"])
    with pytest.raises(LookupError, match="order"):
        sql.lookup(tables.members, ["member"], ["member"], order=["root"])


# Indexes


def lookups(store):
    reader, locking, writer = (getattr(store._operations, name) for name in ("_reader", "_locking", "_writer"))
    for owner in (reader, locking, writer):
        for name, one in vars(owner).items():
            if isinstance(one, MariadbLookup):
                yield f"{type(owner).__name__}.{name}", one
    yield from reader._lookups.lookups.items()
    yield from locking._claim.resolve.ways.items()
    yield "claimed members", locking._claim.locked


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "small"])
@pytest.mark.parametrize("n", [1, SPELT_MOST, SPELT_MOST * 10])
def test_every_look_up_goes_by_its_index_on_tables_that_are_fresh(store, filled, n):
    """Read from end to end, a table would be locked from end to end, and a large one be slow."""
    if filled:
        old_world(Desk(store))
        newer_world(Desk(store))
    asked = []

    def explained(connection, cursor, statement, parameters, *_):
        if statement.startswith("SELECT"):
            with connection.connection.cursor() as plan:
                plan.execute(f"EXPLAIN {statement}", parameters)
                asked.append(list(plan.fetchall()))

    names = [f"n{place}" for place in range(n)]
    found = dict(lookups(store))
    with store._engine.begin() as connection:
        event.listen(connection, "before_cursor_execute", explained)
        for lookup in found.values():
            lookup.rows(connection, PROGRAM, names, *[names[:2]] * (len(lookup.among) - 1), lock=True)
    assert len(asked) == len(found) > 20
    for name, steps in zip(found, asked, strict=True):
        (kind,) = [step[3] for step in steps if step[2] == "kept"] or [steps[0][-1]]
        assert kind in {"const", "eq_ref", "ref", "range", "Impossible WHERE noticed after reading const tables"}, name


def test_members_who_turn_out_to_be_concerned_are_locked_by_the_next_attempt(mariadb_url):
    """The host's snapshot does not show who referred bob, however often it is asked; the locked rows do."""
    with hosting(mariadb_url) as (engine, store):
        desk, shown = Desk(store), []
        old_world(desk)
        with engine.connect() as connection:
            looking_back(connection)
            newer_world(desk)
            bound = store.bind(connection)
            wanted = Wanted(PROGRAM, actors=frozenset({"bob"}), tally_types=frozenset({"visit"}))
            bound.apply(wanted, lambda facts: shown.append(facts) or c.Decision(None))
        (facts,) = shown
        assert (facts.members.keys(), facts.members["alice"].referrals_total) == ({"alice", "bob"}, 1)
        assert dict(facts.tallies) == {("alice", "visit"): Tally(2, 10)}


def test_the_chain_goes_on_from_the_newest_seal(mariadb_url):
    """A host that looks back would seal its transfer with a seal that is no longer the last."""
    with hosting(mariadb_url) as (engine, store):
        desk = Desk(store)

        def transfer(to, number):
            changes = (c.AddTransfer(a_transfer(f"t{number}"), 0), c.AdjustBalance("alice", "points", TEN, fresh=False))
            wanted = Wanted(PROGRAM, members=frozenset({"alice"}), units=frozenset({"points"}))
            to.apply(wanted, lambda _: c.Decision(None, changes, 1, chained=True))

        desk.write(*joining("alice"), c.AdjustBalance("alice", "points", Balance(), fresh=True))
        transfer(store, 1)
        with engine.connect() as connection:
            looking_back(connection)
            transfer(store, 2)
            transfer(store.bind(connection), 3)
            connection.commit()
        transfer(store, 4)
        assert store.drift(PROGRAM) == []
        assert [one.cursor for one in store.transfers(PROGRAM, "alice", "points", None, 9)] == [1, 2, 3, 4]
