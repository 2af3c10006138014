"""The rows that a release left behind, and what it told of them: the start of every test of an upgrade.

A file in `released/` is written once, by the release whose name it bears, and never again:

    python -m tests.unit.storage.released_data

It then stands for all databases out there. What the program promises to remember is told beside the rows.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import VARBINARY, LargeBinary, MetaData, Table, select

from referral_engine import Board, Campaign, Event, Limit, Program, ReferralEngine, Reward, Rule, Unit, field
from referral_engine.storage.sqlalchemy import SQLAlchemyStore, define_tables, migrations
from referral_engine.testing import FakeClock

FOLDER = Path(__file__).parent / "released"
START = datetime(2026, 3, 2, tzinfo=UTC)
LATER = START + timedelta(days=15)
MEMBERS = ("alice", "friend-0", "friend-1", "friend-2", "friend-3")
BALANCE = ("available", "held", "lifetime", "debt")

PROGRAM = Program(
    "acme",
    {"points": Unit(), "stars": Unit()},
    [
        Campaign(
            "spring",
            datetime(2026, 3, 1, tzinfo=UTC),
            datetime(2026, 6, 1, tzinfo=UTC),
            [
                Rule(
                    id="first-order",
                    on="purchase",
                    where=(field("event.amount") >= 2000) & (field("referee.count.purchase") == 1),
                    give=[Reward("referrer", "points", 500, hold=timedelta(days=14)), Reward("referee", "points", 200)],
                    limits=[Limit(times=10, per="referrer", within="month")],
                ),
                Rule(id="star", on="purchase", give=[Reward("member", "stars", 1, hold=timedelta(days=30))]),
            ],
            budget={"points": 2500},
            boards=[Board("inviters", "referrals.qualified", "month"), Board("ever", "granted.points", "lifetime")],
        )
    ],
    timezone="Asia/Shanghai",
)


def purchase(n):
    return Event(id=f"p-{n}", type="purchase", member=f"friend-{n}", amount=3000, at=START, attributes={"city": "北京"})


def live(engine, clock):
    """Go through what leaves rows of every kind; at the end, holds are open, paid, taken back and owed."""
    engine.join("alice", roles=["seed"], tags=["blue"])
    code = engine.invite_code("alice", campaign="spring")
    signups = [Event(id=f"s-{n}", type="signup", member=f"friend-{n}", code=code.text, at=START) for n in range(4)]
    engine.record_many([*signups, *(purchase(n) for n in range(4))])
    engine.record(Event(id="r-0", type="refund", member="friend-0", of="p-0", amount=1000))
    clock.advance(timedelta(days=15))
    engine.record(Event(id="r-1", type="refund", member="friend-1", of="p-1"))
    engine.release_due()
    engine.redeem("friend-2", 150, key="coffee")
    engine.record(Event(id="r-2", type="refund", member="friend-2", of="p-2"))
    engine.acknowledge(engine.messages()[2].cursor)


def told(engine):
    """What an engine tells of it, as JSON holds it."""
    said = {
        "balances": {
            f"{member}/{unit}": {name: getattr(engine.balance(member, unit), name) for name in BALANCE}
            for member in MEMBERS
            for unit in ("points", "stars")
        },
        "statements": {
            member: [[line.kind, line.available, line.held, line.debt] for line in engine.statement(member)]
            for member in MEMBERS
        },
        "referrals": [[one.referee, str(one.state), one.campaign] for one in engine.referrals("alice")],
        "boards": {
            name: [[entry.member, entry.rank, entry.score] for entry in engine.board(name).top()]
            for name in ("inviters", "ever")
        },
        "again": [engine.record(purchase(n)).status for n in range(4)],
        "budget": [getattr(engine.budget("spring", "points"), name) for name in ("total", "spent", "held")],
        "messages": [[message.cursor, message.type] for message in engine.messages()],
        "drift": [str(drift) for drift in engine.verify()],
    }
    return json.loads(json.dumps(said))


def engine_over(store, clock=None):
    return ReferralEngine(store, PROGRAM, clock=clock or FakeClock(LATER))


def put(engine, tables):
    """Put rows into the tables that a database has; what holds bytes is told by its column."""
    metadata = MetaData()
    with engine.begin() as connection:
        for name, rows in tables.items():
            table = Table(f"referral_{name}", metadata, autoload_with=connection)
            binary = {column.name for column in table.columns if isinstance(column.type, LargeBinary | VARBINARY)}
            values = [
                {key: bytes.fromhex(value) if key in binary else value for key, value in row.items()} for row in rows
            ]
            connection.execute(table.insert(), values)


def record():
    """Write the file of this release."""
    file = FOLDER / f"{migrations.HEAD}.json"
    if file.exists():
        sys.exit(f"{file.name} is there; what was released is not written again")
    with TemporaryDirectory() as folder, SQLAlchemyStore(f"sqlite:///{folder}/released.db") as store:
        store.create_schema()
        clock = FakeClock(START)
        live(engine_over(store, clock), clock)
        said = told(engine_over(store))
        tables = {}
        with store._engine.connect() as connection:
            for table in define_tables().all():
                rows = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
                tables[table.name.removeprefix("referral_")] = [
                    {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
                    for row in rows
                ]
    content = {"told": said, "tables": tables}
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
