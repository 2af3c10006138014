"""Sealing: each transfer of a program that chains them is sealed with the one before, and the seals are checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from referral_engine.ledger.chain import FIRST, seal
from referral_engine.outcomes import Drift
from referral_engine.storage.sqlalchemy import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from referral_engine.changes import AddTransfer
    from referral_engine.storage.sqlalchemy.statements import Row, Sql
    from referral_engine.storage.sqlalchemy.tables import Tables

PAGE = 1_000
"""How many seals are checked at once."""

_LAST = 'SELECT seal FROM {seals} WHERE program = :program ORDER BY "cursor" DESC LIMIT 1'
_SEALED = """
SELECT seals."cursor", seals.seal, {columns}
FROM {{seals}} AS seals LEFT JOIN {{transfers}} AS transfers
ON transfers.program = seals.program AND transfers.id = seals.transfer
WHERE seals.program = :program AND seals."cursor" > :after
ORDER BY seals."cursor" LIMIT :most
"""


class Sealing:
    """Writes and checks the chain of one program's transfers."""

    def __init__(self, sql: Sql, tables: Tables) -> None:
        columns = ", ".join(f'transfers."{name}"' for name in rows.TRANSFER_COLUMNS)
        self._last = sql.query(_LAST, lock=True)  # a host's transaction may show an older one to other reads
        self._add = sql.insert(tables.seals, ["cursor", "transfer", "seal"])
        self._sealed = sql.query(_SEALED.format(columns=columns))

    def add(self, connection: Connection, program: str, added: Sequence[AddTransfer], base: int) -> None:
        """Seal the transfers that a decision adds; the program's counter is locked, so the last seal stays last."""
        last = next((bytes(row[0]) for row in self._last.rows(connection, program=program)), FIRST)
        written: list[Row] = []
        for change in sorted(added, key=lambda change: change.ordinal):
            cursor = base + change.ordinal
            last = seal(last, replace(change.transfer, cursor=cursor))
            written.append((program, cursor, change.transfer.id, last))
        self._add.run(connection, written)

    def broken(self, connection: Connection, program: str) -> Iterator[Drift]:
        """Name the first seal that does not fit its transfer; those after it rest on it."""
        last, after, intact = FIRST, 0, 0
        while page := self._sealed.rows(connection, program=program, after=after, most=PAGE):
            for cursor, kept, *row in page:
                found = None if row[0] is None else rows.transfer_of(tuple(row))
                last = FIRST if found is None else seal(last, found)
                if last != bytes(kept):
                    yield Drift("chain", str(cursor), intact + 1, intact)
                    return
                intact += 1
            after = page[-1][0]
