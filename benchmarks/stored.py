"""Filling a database with members at once: rows as the library leaves them, copied by the database itself.

A small run makes one member who was referred, has bought, and has referred two others who bought. Every row that
belongs to that member is a pattern, whatever its table: written once for each member, with the ids and the positions
that would be theirs. Member i was referred by member i / 2, so that each has the two referrals that its rows tell of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Engine, Text, cast, create_engine, func, insert, literal, select
from workload import STARTS, Workload, make_program

from referral_engine import Event
from referral_engine.storage.sqlalchemy import SQLAlchemyStore, define_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import ColumnElement, Connection, Table

_ONE, _REFERRER, _ROOT = "m-11111111", "m-22222222", "m-00000001"
_OTHERS = ("m-33333333", "m-44444444")
_POSITIONS = 128
"""Room for the positions that one member's rows take; more than the small run reaches."""

_AT_POSITION = {"cursor", "reached"}
_TABLES = define_tables()

Pattern = dict[str, Any]


def member(place: int) -> str:
    """The id of a stored member; they count from 1."""
    return f"m-{place:08d}"


def fill(database: Engine, members: int, pattern: Path) -> None:
    """Make the tables and write the rows of `members` members; `pattern` is where the small run is kept."""
    with SQLAlchemyStore(database) as store:
        store.create_schema()
    patterns, shared = _patterns(pattern)
    ids = {row["id"] for table, row in patterns if table.name in {_TABLES.grants.name, _TABLES.transfers.name}}
    with database.begin() as connection:
        for table, row in patterns:
            _repeat(connection, table, row, members, sorted(ids))
        for table, row in shared:
            connection.execute(insert(table), row | {"position": members * _POSITIONS} if "position" in row else row)


def _patterns(path: Path) -> tuple[list[tuple[Table, Pattern]], list[tuple[Table, Pattern]]]:
    """The rows of one member, and those that are nobody's."""
    own, shared = [], []
    with SQLAlchemyStore(f"sqlite:///{path}") as store:
        engine = Workload(make_program(), {}, []).engine(store)
        outcomes = engine.record_many(_history())
        assert {one.status for one in outcomes} == {"accepted"}
    database = create_engine(f"sqlite:///{path}")
    with database.connect() as connection:
        for table in _TABLES.all():
            for row in connection.execute(select(table)).mappings():
                said = " ".join(str(value) for value in row.values())
                if _ONE in said and not any(other in said for other in _OTHERS):
                    own.append((table, dict(row)))
                elif "m-" not in said:
                    shared.append((table, dict(row)))
    database.dispose()
    return own, shared


def _history() -> Iterator[Event]:
    for place, (one, referrer) in enumerate(
        [(_ROOT, None), (_REFERRER, _ROOT), (_ONE, _REFERRER), *((other, _ONE) for other in _OTHERS)]
    ):
        tag = one if one == _ONE else f"other-{place}"
        yield Event(id=f"s-{tag}", type="signup", member=one, at=STARTS, referrer=referrer)
        yield Event(id=f"c-{tag}", type="checkin", member=one, at=STARTS)
        if referrer is not None:
            yield Event(id=f"p-{tag}", type="purchase", member=one, at=STARTS, amount=5000)


def _repeat(connection: Connection, table: Table, row: Pattern, members: int, ids: list[str]) -> None:
    """Write a row for each member, inside the database."""
    counted = select(literal(1, BigInteger).label("i")).cte("counted", recursive=True)
    counted = counted.union_all(select(counted.c.i + 1).where(counted.c.i < members))
    place = counted.c.i
    values = [_for(place, table.c[name], value, ids).label(name) for name, value in row.items()]
    connection.execute(insert(table).from_select(list(row), select(*values).order_by(place)))


def _for(place: ColumnElement[int], column: Column[Any], value: Any, ids: list[str]) -> ColumnElement[Any]:
    """What stands in a column for the member at a place."""
    if column.name in _AT_POSITION:
        return (place - 1) * _POSITIONS + value
    if not isinstance(value, str):
        return literal(value, column.type)
    put: ColumnElement[Any] = literal(value, Text)
    for name, number in ((_ONE, place), (_REFERRER, place // 2)):
        if name in value:
            put = func.replace(put, name, literal("m-", Text) + _eight(number))
    for id_ in ids:
        if id_ in value:
            put = func.replace(put, id_, _eight(place) + literal(id_[8:], Text))
    return put


def _eight(number: ColumnElement[int]) -> ColumnElement[str]:
    """Write a number with eight digits, on any database."""
    return func.substr(cast(number + 100_000_000, Text), 2)
