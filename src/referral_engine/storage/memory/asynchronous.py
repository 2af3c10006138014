"""AsyncMemoryStore: the same records behind awaitable methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from referral_engine.storage.memory.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.leaderboard.standing import Place, Standing
    from referral_engine.ledger.balance import Balance
    from referral_engine.ledger.payout import Payout, PayoutState
    from referral_engine.ledger.transfer import Carried, Transfer
    from referral_engine.outcomes import AuditEntry, Drift, Message
    from referral_engine.referrals.referral import Referral, ReferralState

ResultT = TypeVar("ResultT")


class AsyncMemoryStore:
    """MemoryStore for AsyncReferralEngine; nothing waits, since nothing leaves the process."""

    def __init__(self) -> None:
        self._store = MemoryStore()

    async def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply."""
        return self._store.apply(wanted, decide)

    async def read(self, wanted: Wanted) -> Facts:
        """As Store.read."""
        return self._store.read(wanted)

    async def referrals(
        self, program: str, referrer: str, state: ReferralState | None, after: int | None, limit: int
    ) -> list[Referral]:
        """As StorePages.referrals."""
        return self._store.referrals(program, referrer, state, after, limit)

    async def transfers(self, program: str, member: str, unit: str, after: int | None, limit: int) -> list[Transfer]:
        """As StoreBooks.transfers."""
        return self._store.transfers(program, member, unit, after, limit)

    async def messages(self, program: str, after: int | None, limit: int) -> list[Message]:
        """As StorePages.messages."""
        return self._store.messages(program, after, limit)

    async def due(self, program: str, now: datetime, limit: int) -> list[str]:
        """As StorePages.due."""
        return self._store.due(program, now, limit)

    async def standings(self, program: str, board: str, period: str, skip: int, limit: int) -> list[Standing]:
        """As StorePages.standings."""
        return self._store.standings(program, board, period, skip, limit)

    async def place(self, program: str, board: str, period: str, member: str) -> Place | None:
        """As StorePages.place."""
        return self._store.place(program, board, period, member)

    async def count(self, program: str, board: str, period: str) -> int:
        """As StorePages.count."""
        return self._store.count(program, board, period)

    async def carried(self, program: str, member: str, unit: str, up_to: int) -> Carried:
        """As StoreBooks.carried."""
        return self._store.carried(program, member, unit, up_to)

    async def payouts(self, program: str, state: PayoutState | None, after: int | None, limit: int) -> list[Payout]:
        """As StoreBooks.payouts."""
        return self._store.payouts(program, state, after, limit)

    async def due_lots(self, program: str, now: datetime, limit: int) -> list[tuple[str, str]]:
        """As StoreBooks.due_lots."""
        return self._store.due_lots(program, now, limit)

    async def liability(self, program: str, unit: str) -> tuple[Balance, list[tuple[datetime, int]]]:
        """As StoreBooks.liability."""
        return self._store.liability(program, unit)

    async def audit_log(self, program: str, after: int | None, limit: int) -> list[AuditEntry]:
        """As StoreBooks.audit_log."""
        return self._store.audit_log(program, after, limit)

    async def create_schema(self) -> None:
        """Nothing to do in memory."""

    async def drift(self, program: str) -> list[Drift]:
        """As StoreAdmin.drift."""
        return self._store.drift(program)

    def bind(self, connection: Any) -> NoReturn:
        """Refuse: there is no transaction to join."""
        self._store.bind(connection)

    async def close(self) -> None:
        """Nothing to give back."""

    async def __aenter__(self) -> Self:
        """Use the store in an async with block."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the store."""
