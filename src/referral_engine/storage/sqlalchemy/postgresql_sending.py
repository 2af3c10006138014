"""Sending to PostgreSQL: what writes a decision is joined into one statement, so that it is one round trip.

Each part is fenced behind the one before, so that they are carried out, and lock, in their order. But all see the rows
as they were when the statement began; so a part that may name a row which an earlier one wrote begins a new statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from referral_engine.storage.sqlalchemy.postgresql_driving import NAMED, answer
from referral_engine.storage.sqlalchemy.sending import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.postgresql import PostgresAdvance, PostgresBulk
    from referral_engine.storage.sqlalchemy.sending import Move, Write


@dataclass(frozen=True, slots=True)
class PostgresSender:
    """Joins statements; the texts of the joined ones are few, and kept."""

    texts: dict[tuple[object, ...], str] = field(default_factory=dict)

    def send(self, connection: Connection, writes: Sequence[Write], move: Move | None = None) -> Sent:
        """As Sender.send; what is sent was built for PostgreSQL."""
        counts: list[int] = []
        *before, last = _apart(writes)
        for group in before:
            counts += self._run(connection, group, None)
        counts += self._run(connection, last, move)
        return Sent(counts, 0 if move is None else counts.pop())

    def _run(self, connection: Connection, writes: Sequence[Write], move: Move | None) -> Sequence[int]:
        """Write what one statement can, and answer the row counts and where the counter is."""
        key: list[object] = []
        values: list[object] = [writes[0].rows[0][0] if move is None else move.program]
        for write in writes:
            bulk = cast("PostgresBulk", write.bulk)
            key += (bulk, len(write.rows) == 1)
            values += bulk.values(write.rows)
        if move is not None:
            key.append(move.advance)
            values.append(str(move.by))
        text = self.texts.get(known := tuple(key)) or self.texts.setdefault(known, _joined(writes, move))
        return answer(connection, text, values)


def _apart(writes: Sequence[Write]) -> list[list[Write]]:
    """Split writes into those that one statement can do: none names a row that another one of them names."""
    group: list[Write] = []
    groups, tables = [group], set[str]()
    for write in writes:
        table = cast("PostgresBulk", write.bulk).table
        if table in tables and any(_may_meet(write, other) for other in group):
            group, tables = [], set()
            groups.append(group)
        group.append(write)
        tables.add(table)
    return groups


def _may_meet(write: Write, other: Write) -> bool:
    """Tell whether two writes may name the same row."""
    if cast("PostgresBulk", write.bulk).table != cast("PostgresBulk", other.bulk).table:
        return False
    end = 1 + min(write.keys, other.keys)
    return end == 1 or not {row[1:end] for row in write.rows}.isdisjoint(row[1:end] for row in other.rows)


def _joined(writes: Sequence[Write], move: Move | None) -> str:
    """Join statements, each behind the one before it; the program is given once, as the first value."""
    after, texts, answers, given = "true", [], [], 1
    for place, write in enumerate(writes):
        bulk = cast("PostgresBulk", write.bulk)
        part = bulk.one if len(write.rows) == 1 else bulk.many
        texts.append(f"part{place} AS ({placed(part, bulk.columns, given, after)} RETURNING 1)")
        answers.append(f"(SELECT count(*) FROM part{place})")
        after, given = f"(SELECT count(*) FROM part{place}) >= 0", given + len(bulk.columns)
    if move is not None:
        texts.append(f"moved AS ({placed(cast('PostgresAdvance', move.advance).text, ['by'], given, after)})")
        answers.append("(SELECT * FROM moved)")
    return f"WITH {', '.join(texts)} SELECT {', '.join(answers)}"


def placed(part: str, columns: Sequence[str], given: int, after: str) -> str:
    """Number the values of a part, which follow those given before, and make it wait."""
    numbers = {"program": "$1::TEXT"} | {name: f"${given + place}" for place, name in enumerate(columns, 1)}
    return NAMED.sub(lambda match: numbers[match[1]], part).replace("{after}", after)
