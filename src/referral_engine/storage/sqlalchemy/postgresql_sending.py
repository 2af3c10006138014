"""Sending to PostgreSQL: what writes a decision is joined into one statement, so that it is one round trip.

Each part is fenced behind the one before, so that they are carried out, and lock, in their order. But all see the rows
as they were when the statement began; so a part that may name a row which an earlier one wrote begins a new statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from referral_engine.storage.sqlalchemy.postgresql_driving import NAMED, answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.postgresql import PostgresAdvance, PostgresBulk
    from referral_engine.storage.sqlalchemy.sending import Appended, Move, Write


@dataclass(frozen=True, slots=True)
class PostgresSender:
    """Joins statements; the texts of the joined ones are few, and kept."""

    texts: dict[tuple[object, ...], str] = field(default_factory=dict)

    def send(self, connection: Connection, writes: Sequence[Write], move: Move | None, appended: Appended) -> int:
        """As Sender.send; what is sent was built for PostgreSQL.

        What is appended is given by its ordinals, to which the statement that moves the counter adds the position.
        """
        following = appended(0)
        if len(_apart([*writes, *following])) == 1:
            return self._run(connection, writes, move, following)
        *before, last = _apart(writes)
        for group in before:
            self._run(connection, group, None)
        base = self._run(connection, last, move)
        for group in _apart(appended(base)):
            self._run(connection, group, None)
        return base

    def _run(
        self, connection: Connection, writes: Sequence[Write], move: Move | None, following: Sequence[Write] = ()
    ) -> int:
        """Write what one statement can, and answer the cursor of ordinal 0."""
        parts = [*writes, *following]
        if not parts and move is None:
            return 0
        values: list[object] = [parts[0].rows[0][0]] if move is None else [move.program, str(move.by)]
        key: list[object] = [len(writes), move and move.advance]
        for write in parts:
            bulk = cast("PostgresBulk", write.bulk)
            key += (bulk, len(write.rows) == 1)
            values += bulk.values(write.rows)
        text = self.texts.get(known := tuple(key)) or self.texts.setdefault(known, _joined(writes, move, following))
        counts = list(answer(connection, text, values))
        base: int = 0 if move is None else counts.pop(0) - move.by + 1
        for write, count in zip(parts, counts, strict=True):
            write.check(count)
        return base


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


def _joined(writes: Sequence[Write], move: Move | None, following: Sequence[Write]) -> str:
    """Join statements, each behind the one before it.

    The first value is the program, and the second how far the counter moves, if it does.
    """
    texts: list[str] = []
    counts: list[str] = []
    given, after, base = 1 if move is None else 2, "true", ""
    for place, write in enumerate([*writes, None, *following]):
        if write is not None:
            bulk = cast("PostgresBulk", write.bulk)
            part = bulk.one if len(write.rows) == 1 else bulk.many
            texts.append(f"part{place} AS ({_placed(part, bulk.columns, given, after, base)} RETURNING 1)")
            counts.append(f"(SELECT count(*) FROM part{place})")
            after, given = f"(SELECT count(*) FROM part{place}) >= 0", given + len(bulk.columns)
        elif move is not None:
            part = cast("PostgresAdvance", move.advance).text
            texts.append(f"moved AS ({_placed(part, ['by'], 1, after)})")
            counts.insert(0, "(SELECT * FROM moved)")
            after, base = "(SELECT count(*) FROM moved) >= 0", " + (SELECT * FROM moved) - $2::BIGINT + 1"
    return f"WITH {', '.join(texts)} SELECT {', '.join(counts)}"


def _placed(part: str, columns: Sequence[str], given: int, after: str, base: str = "") -> str:
    """Number the values of a part, which follow those given before, make it wait, and tell where it begins."""
    numbers = {"program": "$1::TEXT"} | {name: f"${given + place}" for place, name in enumerate(columns, 1)}
    named = NAMED.sub(lambda match: numbers[match[1]], part)
    return named.replace("{after}", after).replace("{base}", base)
