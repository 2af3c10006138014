"""Sending to PostgreSQL: what writes a decision is joined into one statement, so that it is one round trip.

Each part is fenced behind the one before, so that they are carried out, and lock, in their order. But all see the rows
as they were when the statement began; so a part that may name a row which an earlier one wrote begins a new statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from referral_engine.storage.sqlalchemy.postgresql_driving import Numbered, numbered
from referral_engine.storage.sqlalchemy.sending import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.postgresql import PostgresAdvance, PostgresBulk
    from referral_engine.storage.sqlalchemy.sending import Move, Write


@dataclass(frozen=True, slots=True)
class PostgresSender:
    """Joins statements; the texts of the joined ones are few, and kept."""

    texts: dict[tuple[object, ...], Numbered] = field(default_factory=dict)

    def send(self, connection: Connection, writes: Sequence[Write], move: Move | None = None) -> Sent:
        """As Sender.send; what is sent was built for PostgreSQL."""
        counts: list[int] = []
        *before, last = _apart(writes)
        for group in before:
            counts += self._run(connection, group, None)
        answers = self._run(connection, last, move)
        position = 0 if move is None else answers.pop()
        return Sent([*counts, *answers], position)

    def _run(self, connection: Connection, writes: Sequence[Write], move: Move | None) -> list[int]:
        """Write what one statement can, and answer the row counts and where the counter is."""
        parts = [(cast("PostgresBulk", write.bulk), len(write.rows) == 1) for write in writes]
        advance = None if move is None else cast("PostgresAdvance", move.advance)
        key = (*parts, advance)
        joined = self.texts.get(key)
        if joined is None:
            texts = [bulk.one if one else bulk.many for bulk, one in parts]
            joined = self.texts.setdefault(key, _joined(texts, None if advance is None else advance.text))
        given: dict[str, object] = {}
        for place, (write, (bulk, _)) in enumerate(zip(writes, parts, strict=True)):
            for name, value in bulk.given(write.rows).items():
                given[f"at{place}_{name}"] = value
        if move is not None:
            given[f"at{len(writes)}_by"], given["program"] = str(move.by), move.program
        else:
            given["program"] = given["at0_program"]
        return list(joined.row(connection, given))


def _apart(writes: Sequence[Write]) -> list[list[Write]]:
    """Split writes into those that one statement can do: none names a row that another one of them names."""
    groups: list[list[Write]] = [[]]
    for write in writes:
        if any(_may_meet(write, other) for other in groups[-1]):
            groups.append([])
        groups[-1].append(write)
    return groups


def _may_meet(write: Write, other: Write) -> bool:
    """Tell whether two writes may name the same row."""
    if cast("PostgresBulk", write.bulk).table != cast("PostgresBulk", other.bulk).table:
        return False
    end = 1 + min(write.keys, other.keys)
    return end == 1 or not {row[1:end] for row in write.rows}.isdisjoint(row[1:end] for row in other.rows)


def _joined(parts: Sequence[str], move: str | None) -> Numbered:
    """Join statements, each behind the one before it; the program is given once."""
    after, texts, answers = "true", [], []
    for place, part in enumerate(parts):
        texts.append(f"part{place} AS ({_placed(part, place, after)} RETURNING 1)")
        answers.append(f"(SELECT count(*) FROM part{place})")
        after = f"(SELECT count(*) FROM part{place}) >= 0"
    if move is not None:
        texts.append(f"moved AS ({_placed(move, len(parts), after)})")
        answers.append("(SELECT * FROM moved)")
    return numbered(f"WITH {', '.join(texts)} SELECT {', '.join(answers)}")


def _placed(part: str, place: int, after: str) -> str:
    """Set a part's values apart from another's."""
    named = part.replace("%(", f"%(at{place}_").replace(f"%(at{place}_program)s", "%(program)s::TEXT")
    return named.replace("{after}", after)
