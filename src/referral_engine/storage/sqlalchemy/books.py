"""Books: statements, payouts, due lots, what is owed in all, and the audit log, one statement each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.events import microseconds
from referral_engine.ledger.balance import Balance
from referral_engine.ledger.transfer import Carried
from referral_engine.storage.sqlalchemy import rows
from referral_engine.storage.sqlalchemy.codec import time_of
from referral_engine.storage.sqlalchemy.drift import moved
from referral_engine.storage.sqlalchemy.pages import selecting

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from referral_engine.ledger.payout import Payout, PayoutState
    from referral_engine.ledger.transfer import Transfer
    from referral_engine.outcomes import AuditEntry
    from referral_engine.storage.sqlalchemy.statements import Sql

_TRANSFERS = """
FROM {transfers} WHERE program = :program AND member = :member AND unit = :unit AND "cursor" > :after
ORDER BY "cursor" LIMIT :most
"""
_CARRIED = f"""
SELECT SUM({moved("available")}), SUM({moved("held")}), -SUM({moved("debt")})
FROM {{transfers}} WHERE program = :program AND member = :member AND unit = :unit AND "cursor" <= :up_to
"""
_PAYOUTS = 'FROM {payouts} WHERE program = :program AND "cursor" > :after ORDER BY "cursor" LIMIT :most'
_PAYOUTS_OF_STATE = """
FROM {payouts} WHERE program = :program AND "cursor" > :after AND state = :state ORDER BY "cursor" LIMIT :most
"""
_DUE_LOTS = """
SELECT member, unit FROM {lots} WHERE program = :program AND remaining > 0 AND expires_at <= :now
GROUP BY member, unit ORDER BY MIN(expires_at), member, unit LIMIT :most
"""
_TOTAL = "SELECT {sums} FROM {{balances}} WHERE program = :program AND unit = :unit"
_LEFT = """
SELECT expires_at, SUM(remaining) FROM {lots} WHERE program = :program AND unit = :unit AND remaining > 0
GROUP BY expires_at ORDER BY expires_at
"""
_AUDIT = 'FROM {audit} WHERE program = :program AND "cursor" > :after ORDER BY "cursor" LIMIT :most'


class Books:
    """Reads the ledger and the audit log."""

    def __init__(self, sql: Sql) -> None:
        sums = ", ".join(f"COALESCE(SUM({name}), 0)" for name in rows.BALANCE_COLUMNS[2:])
        self._transfers = sql.query(selecting(rows.TRANSFER_COLUMNS, _TRANSFERS))
        self._carried = sql.query(_CARRIED)
        self._payouts = sql.query(selecting(rows.PAYOUT_COLUMNS, _PAYOUTS))
        self._payouts_of_state = sql.query(selecting(rows.PAYOUT_COLUMNS, _PAYOUTS_OF_STATE))
        self._due_lots = sql.query(_DUE_LOTS)
        self._total = sql.query(_TOTAL.format(sums=sums))
        self._left = sql.query(_LEFT)
        self._audit = sql.query(selecting(rows.AUDIT_COLUMNS, _AUDIT))

    def transfers(
        self, connection: Connection, program: str, member: str, unit: str, after: int | None, limit: int
    ) -> list[Transfer]:
        """As StoreBooks.transfers."""
        found = self._transfers.rows(
            connection, program=program, member=member, unit=unit, after=after or 0, most=limit
        )
        return [rows.transfer_of(row) for row in found]

    def carried(self, connection: Connection, program: str, member: str, unit: str, up_to: int) -> Carried:
        """As StoreBooks.carried."""
        ((available, held, debt),) = self._carried.rows(
            connection, program=program, member=member, unit=unit, up_to=up_to
        )
        return Carried(int(available or 0), int(held or 0), int(debt or 0))

    def payouts(
        self, connection: Connection, program: str, state: PayoutState | None, after: int | None, limit: int
    ) -> list[Payout]:
        """As StoreBooks.payouts."""
        given: dict[str, object] = {"program": program, "after": after or 0, "most": limit}
        if state is None:
            found = self._payouts.rows(connection, **given)
        else:
            found = self._payouts_of_state.rows(connection, state=state, **given)
        return [rows.payout_of(row) for row in found]

    def due_lots(self, connection: Connection, program: str, now: datetime, limit: int) -> list[tuple[str, str]]:
        """As StoreBooks.due_lots."""
        found = self._due_lots.rows(connection, program=program, now=microseconds(now), most=limit)
        return [(member, unit) for member, unit in found]

    def liability(self, connection: Connection, program: str, unit: str) -> tuple[Balance, list[tuple[datetime, int]]]:
        """As StoreBooks.liability."""
        (total,) = self._total.rows(connection, program=program, unit=unit)
        left = self._left.rows(connection, program=program, unit=unit)
        return Balance(*map(int, total)), [(time_of(expires_at), int(amount)) for expires_at, amount in left]

    def audit_log(self, connection: Connection, program: str, after: int | None, limit: int) -> list[AuditEntry]:
        """As StoreBooks.audit_log."""
        found = self._audit.rows(connection, program=program, after=after or 0, most=limit)
        return [rows.audit_entry_of(row) for row in found]
