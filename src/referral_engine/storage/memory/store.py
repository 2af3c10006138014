"""MemoryStore: the records in dictionaries under one lock; for tests, simulations and small tools."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from referral_engine.errors import Conflict, InvalidInput
from referral_engine.leaderboard.standing import Place, Standing
from referral_engine.ledger.balance import NOTHING, Balance
from referral_engine.ledger.transfer import Carried, moved
from referral_engine.ports import ATTEMPTS_MAX
from referral_engine.storage.memory.audit import audit
from referral_engine.storage.memory.records import PreconditionFailed, Records
from referral_engine.storage.memory.subset import subset

if TYPE_CHECKING:
    from collections.abc import Callable

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.ledger.payout import Payout, PayoutState
    from referral_engine.ledger.transfer import Transfer
    from referral_engine.outcomes import AuditEntry, Drift, Message
    from referral_engine.referrals.referral import Referral, ReferralState

ResultT = TypeVar("ResultT")


def _after(rows: list[tuple[int, str]], cursor: int | None) -> list[tuple[int, str]]:
    """The rows with a higher cursor; they are in the order of their cursors."""
    return rows[bisect_right(rows, cursor or 0, key=itemgetter(0)) :]


class MemoryStore:
    """A store that forgets everything when the process ends. Safe for threads; serves any number of programs."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._programs: dict[str, Records] = {}

    def _records(self, program: str) -> Records:
        return self._programs.setdefault(program, Records())

    def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply: the lock makes it one unit, so a precondition that fails does so again."""
        with self._lock:
            records, failed = self._records(wanted.program), ""
            for _ in range(ATTEMPTS_MAX):
                decision = decide(records.facts())
                try:
                    records.write(decision.changes, decision.ordinals, chained=decision.chained)
                except PreconditionFailed as exc:
                    failed = str(exc)
                    continue
                return decision
            problem = f"a precondition of {failed} did not hold in {ATTEMPTS_MAX} attempts"
            raise Conflict(problem)

    def read(self, wanted: Wanted) -> Facts:
        """As Store.read."""
        with self._lock:
            return subset(self._records(wanted.program), wanted)

    def referrals(
        self, program: str, referrer: str, state: ReferralState | None, after: int | None, limit: int
    ) -> list[Referral]:
        """As StorePages.referrals."""
        with self._lock:
            records = self._records(program)
            rows = _after(records.referees.get(referrer, []), after)
            found = [replace(records.referrals[referee], cursor=cursor) for cursor, referee in rows]
        return [one for one in found if state in {None, one.state}][:limit]

    def transfers(self, program: str, member: str, unit: str, after: int | None, limit: int) -> list[Transfer]:
        """As StoreBooks.transfers."""
        with self._lock:
            records = self._records(program)
            rows = _after(records.statements.get((member, unit), []), after)[:limit]
            return [replace(records.transfers[transfer_id], cursor=cursor) for cursor, transfer_id in rows]

    def carried(self, program: str, member: str, unit: str, up_to: int) -> Carried:
        """As StoreBooks.carried."""
        with self._lock:
            records = self._records(program)
            rows = records.statements.get((member, unit), [])
            before = [records.transfers[transfer_id] for cursor, transfer_id in rows if cursor <= up_to]
        return Carried(
            available=sum(moved(one, "available") for one in before),
            held=sum(moved(one, "held") for one in before),
            debt=-sum(moved(one, "debt") for one in before),
        )

    def payouts(self, program: str, state: PayoutState | None, after: int | None, limit: int) -> list[Payout]:
        """As StoreBooks.payouts."""
        with self._lock:
            kept = list(self._records(program).payouts.values())
        rest = [one for one in kept if (one.cursor or 0) > (after or 0) and state in {None, one.state}]
        return sorted(rest, key=lambda one: one.cursor or 0)[:limit]

    def due_lots(self, program: str, now: datetime, limit: int) -> list[tuple[str, str]]:
        """As StoreBooks.due_lots."""
        with self._lock:
            slots = [list(lots.values()) for lots in self._records(program).lots.values()]
        due = sorted(
            (lot.expires_at, lot.member, lot.unit)
            for lots in slots
            for lot in lots
            if lot.remaining and lot.expires_at <= now
        )
        return list(dict.fromkeys((member, unit) for _, member, unit in due))[:limit]

    def liability(self, program: str, unit: str) -> tuple[Balance, list[tuple[datetime, int]]]:
        """As StoreBooks.liability."""
        total, left = NOTHING, Counter[datetime]()
        with self._lock:
            records = self._records(program)
            for (_, kind), balance in records.balances.items():
                total = total.plus(balance) if kind == unit else total
            for (_, kind), lots in records.lots.items():
                for lot in lots.values() if kind == unit else ():
                    left[lot.expires_at] += lot.remaining
        return total, sorted((at, amount) for at, amount in left.items() if amount)

    def audit_log(self, program: str, after: int | None, limit: int) -> list[AuditEntry]:
        """As StoreBooks.audit_log."""
        with self._lock:
            entries = self._records(program).audit
            start = bisect_right(entries, after or 0, key=lambda entry: entry.cursor)
            return entries[start : start + limit]

    def messages(self, program: str, after: int | None, limit: int) -> list[Message]:
        """As StorePages.messages."""
        with self._lock:
            records = self._records(program)
            since = records.acknowledged if after is None else after
            start = bisect_right(records.messages, since, key=lambda message: message.cursor)
            return records.messages[start : start + limit]

    def due(self, program: str, now: datetime, limit: int) -> list[str]:
        """As StorePages.due."""
        with self._lock:
            records = self._records(program)
            held = [records.grants[grant_id].grant for grant_id in records.held]
        due = [
            (grant.held_until, grant.id) for grant in held if grant.held_until is not None and grant.held_until <= now
        ]
        return [grant_id for _, grant_id in sorted(due)[:limit]]

    def standings(self, program: str, board: str, period: str, skip: int, limit: int) -> list[Standing]:
        """As StorePages.standings."""
        return self._listed(program, board, period)[skip : skip + limit]

    def _listed(self, program: str, board: str, period: str) -> list[Standing]:
        with self._lock:
            rows = list(self._records(program).scores.get((board, period), {}).values())
        return sorted((row for row in rows if row.score > 0), key=lambda row: (-row.score, row.reached))

    def place(self, program: str, board: str, period: str, member: str) -> Place | None:
        """As StorePages.place."""
        listed = self._listed(program, board, period)
        mine = next(((place, row) for place, row in enumerate(listed) if row.member == member), None)
        if mine is None:
            return None
        before, standing = mine
        return Place(standing, above=sum(row.score > standing.score for row in listed), before=before)

    def count(self, program: str, board: str, period: str) -> int:
        """As StorePages.count."""
        return len(self._listed(program, board, period))

    def create_schema(self) -> None:
        """Nothing to do in memory."""

    def drift(self, program: str) -> list[Drift]:
        """As StoreAdmin.drift."""
        with self._lock:
            return audit(self._records(program))

    def bind(self, connection: Any) -> NoReturn:
        """Refuse: there is no transaction to join."""
        kind = type(connection).__name__
        raise InvalidInput("connection", f"a memory store cannot join a {kind}; use SQLAlchemyStore over that database")

    def close(self) -> None:
        """Nothing to give back; the records stay readable."""

    def __enter__(self) -> Self:
        """Use the store in a with block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the store."""
        self.close()
