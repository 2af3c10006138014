"""What a release left in a database is kept by the upgrade from it, told as before, and goes on from there."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import MetaData, inspect, text

from referral_engine import Event
from referral_engine.storage.sqlalchemy import SchemaStatus, SQLAlchemyStore, define_tables, migrations
from referral_engine.storage.sqlalchemy.migrations.frozen import Place
from referral_engine.storage.sqlalchemy.migrations.revisions import RELEASED
from referral_engine.storage.sqlalchemy.migrations.schema import Schema
from referral_engine.storage.sqlalchemy.migrations.versions import revision_0001
from tests.unit.storage import released_data

HEAD = migrations.HEAD
FILES = sorted(released_data.FOLDER.glob("*.json"))


def left_by(file, engine):
    """Make the tables of a release and put in what it left; answer what it told of it."""
    content = json.loads(file.read_text(encoding="utf-8"))
    with engine.begin() as connection:
        Schema(define_tables()).upgrade(connection, file.stem)
    released_data.put(engine, content["tables"])
    return content


def counted(engine, tables):
    with engine.connect() as connection:
        return {
            name: connection.execute(text(f"SELECT COUNT(*) FROM referral_{name}")).scalar() for name in sorted(tables)
        }


def test_every_release_that_has_a_successor_left_its_rows():
    assert {file.stem for file in FILES} >= set(RELEASED.revisions[:-1]), released_data.__doc__
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_a_release_left_is_kept_and_told_as_before(new_engine, file):
    content = left_by(file, new_engine)
    store = SQLAlchemyStore(new_engine)
    before = counted(new_engine, content["tables"])
    store.upgrade()
    assert store.check() == SchemaStatus(HEAD, HEAD, ())
    assert counted(new_engine, content["tables"]) == before
    assert before == {name: len(rows) for name, rows in content["tables"].items()}
    assert released_data.told(released_data.engine_over(store)) == content["told"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_a_release_left_goes_on(new_engine, file):
    left_by(file, new_engine)
    store = SQLAlchemyStore(new_engine)
    store.upgrade()
    engine = released_data.engine_over(store)
    code = engine.invite_code("alice", campaign="spring")
    joined = engine.record(Event(id="s-9", type="signup", member="friend-9", code=code.text, at=released_data.LATER))
    bought = engine.record(Event(id="p-9", type="purchase", member="friend-9", amount=3000, at=released_data.LATER))
    taken = engine.record(Event(id="r-3", type="refund", member="friend-3", of="p-3"))
    assert [one.status for one in (joined, bought, taken)] == ["accepted"] * 3
    engine.redeem("friend-9", 50, key="tea")
    assert (engine.balance("friend-9").available, engine.balance("alice").held) == (150, 500)
    assert engine.balance("friend-3", "stars").held == 0
    assert [entry.member for entry in engine.board("inviters").top()] == ["alice"]
    assert engine.verify() == []


def test_the_first_release_recorded_no_revision_and_is_taken_over_all_the_same(new_engine):
    file = released_data.FOLDER / "0001.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    metadata = MetaData()
    for table in revision_0001.tables(Place(None, "referral_")).values():
        table.to_metadata(metadata)
    metadata.create_all(new_engine)
    released_data.put(new_engine, content["tables"])
    assert "referral_alembic_version" not in inspect(new_engine).get_table_names()
    store = SQLAlchemyStore(new_engine)
    store.upgrade()
    assert store.check() == SchemaStatus(HEAD, HEAD, ())
    assert released_data.told(released_data.engine_over(store)) == content["told"]
