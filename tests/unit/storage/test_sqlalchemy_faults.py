"""What goes wrong with a database, and the error of our tree that tells it; figures that were tampered with."""

from __future__ import annotations

import asyncio
import multiprocessing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from referral_engine import (
    Board,
    Campaign,
    Event,
    InvalidInput,
    Limit,
    Program,
    ReferralEngine,
    Reward,
    Rule,
    StoreError,
    Unit,
)
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore, define_tables
from tests.databases import driver_url

AT = datetime(2026, 3, 2, tzinfo=UTC)
PROGRAM = Program(
    "acme",
    {"points": Unit()},
    [
        Campaign(
            "spring",
            rules=[
                Rule(
                    id="friends",
                    on="purchase",
                    give=[Reward("referrer", "points", 500, hold=timedelta(days=14)), Reward("referee", "points", 200)],
                    limits=[Limit(times=10, per="referrer", within="month")],
                )
            ],
            boards=[Board("inviters", "referrals.qualified", "month")],
        )
    ],
)


@pytest.fixture
def url(database_url):
    return database_url


@pytest.fixture
def engine(url):
    with SQLAlchemyStore(url) as store:
        store.create_schema()
        yield ReferralEngine(store, PROGRAM)


def lived(engine):
    code = engine.invite_code("alice").text
    engine.record(Event(id="s-1", type="signup", member="bob", code=code, at=AT))
    engine.record(Event(id="p-1", type="purchase", member="bob", amount=1000, at=AT))
    engine.redeem("bob", 50, key="r-1")
    assert engine.verify() == []


TAMPERINGS = {
    "balance.available": "UPDATE referral_balances SET available = available + 1 WHERE member = 'bob'",
    "balance.held": "UPDATE referral_balances SET held = held + 1 WHERE member = 'alice'",
    "balance.lifetime": "UPDATE referral_balances SET lifetime = lifetime + 1 WHERE member = 'bob'",
    "balance.redeemed": "UPDATE referral_balances SET redeemed = redeemed + 1 WHERE member = 'bob'",
    "balance.debt": "UPDATE referral_balances SET debt = debt + 1 WHERE member = 'bob'",
    "budget.spent": "UPDATE referral_spends SET spent = spent + 1",
    "budget.held": "UPDATE referral_spends SET held = held + 1",
    "tally.count": "UPDATE referral_tallies SET count = count + 1 WHERE type = 'purchase'",
    "tally.sum": "UPDATE referral_tallies SET sum = sum + 1 WHERE type = 'purchase'",
    "member.referrals_total": "UPDATE referral_members SET referrals_total = 2 WHERE member = 'alice'",
    "member.referrals_qualified": "UPDATE referral_members SET referrals_qualified = 0 WHERE member = 'alice'",
    "limit": "UPDATE referral_limits SET count = count + 1",
    "score": "UPDATE referral_scores SET score = score + 1",
    "code.uses": "UPDATE referral_codes SET uses = uses + 1",
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_a_figure_that_was_tampered_with_is_found(engine, url, what):
    lived(engine)
    tampering = create_engine(driver_url(url))
    with tampering.begin() as connection:
        assert connection.execute(text(TAMPERINGS[what])).rowcount == 1
    tampering.dispose()
    assert [drift.what for drift in engine.verify()] == [what]


def test_a_database_without_the_tables_says_to_create_them(url):
    with SQLAlchemyStore(url) as store, pytest.raises(StoreError, match="create_schema"):
        ReferralEngine(store, PROGRAM).join("alice")


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
def test_a_server_that_does_not_answer_is_a_store_error(scheme):
    with SQLAlchemyStore(f"{scheme}://nobody@127.0.0.1:1/none") as store, pytest.raises(StoreError) as caught:
        ReferralEngine(store, PROGRAM).join("alice")
    assert caught.value.__cause__ is not None


def test_a_file_that_cannot_be_opened_is_a_store_error(tmp_path):
    with SQLAlchemyStore(f"sqlite:///{tmp_path}/no/such/folder.db") as store, pytest.raises(StoreError):
        ReferralEngine(store, PROGRAM).join("alice")


@pytest.mark.parametrize(
    "bad",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "oracle://x/y",
        "nonsense",
        "",
        None,
        5,
        "postgresql+nope://x/y",
    ],
)
@pytest.mark.parametrize("kind", [SQLAlchemyStore, AsyncSQLAlchemyStore])
def test_a_url_that_cannot_be_used_is_refused_when_the_store_is_built(kind, bad):
    with pytest.raises(InvalidInput):
        kind(bad)


def create(url):
    with SQLAlchemyStore(url) as store:
        store.create_schema()
        store.create_schema()


def test_several_processes_may_create_the_schema_at_once(url):
    spawn = multiprocessing.get_context("spawn")
    racing = [spawn.Process(target=create, args=(url,)) for _ in range(4)]
    for process in racing:
        process.start()
    for process in racing:
        process.join()
    assert [process.exitcode for process in racing] == [0, 0, 0, 0]


def test_the_tables_may_have_a_prefix_of_the_hosts_choice(tmp_path):
    tables = define_tables(prefix="growth_")
    host = create_engine(f"sqlite:///{tmp_path}/host.db")
    with SQLAlchemyStore(host, tables=tables) as store:
        store.create_schema()
        lived(ReferralEngine(store, PROGRAM))
    names = inspect(host).get_table_names()
    host.dispose()
    assert names
    assert all(name.startswith("growth_") for name in names)


def test_an_async_store_records_the_same(tmp_path):
    from referral_engine import AsyncReferralEngine

    async def story():
        async with AsyncSQLAlchemyStore(f"sqlite:///{tmp_path}/async.db") as store:
            await store.create_schema()
            engine = AsyncReferralEngine(store, PROGRAM)
            code = await engine.invite_code("alice")
            await engine.record(Event(id="s-1", type="signup", member="bob", code=code.text, at=AT))
            outcome = await engine.record(Event(id="p-1", type="purchase", member="bob", amount=1000, at=AT))
            return len(outcome.grants), await engine.balance("bob"), await engine.verify()

    grants, balance, drift = asyncio.run(story())
    assert (grants, balance.available, drift) == (2, 200, [])


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_a_postgresql_url_means_psycopg(postgres_url, scheme):
    with SQLAlchemyStore(make_url(postgres_url).set(drivername="postgresql").render_as_string(False)) as store:
        store.create_schema()
    spelt = scheme + postgres_url[postgres_url.index("://") :]
    with SQLAlchemyStore(spelt) as store:
        lived(ReferralEngine(store, PROGRAM))


def test_an_engine_of_the_host_is_used_and_left_open(url):
    host = create_engine(driver_url(url))
    with SQLAlchemyStore(host) as store:
        store.create_schema()
        lived(ReferralEngine(store, PROGRAM))
    with host.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM referral_events")).scalar_one() == 2
    host.dispose()
