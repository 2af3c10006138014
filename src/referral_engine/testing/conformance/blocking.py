"""Blocking: an awaitable store behind blocking methods, so that one suite proves both kinds of store."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.leaderboard.standing import Place, Standing
    from referral_engine.ledger.balance import Balance
    from referral_engine.ledger.payout import Payout, PayoutState
    from referral_engine.ledger.transfer import Carried, Transfer
    from referral_engine.outcomes import AuditEntry, Drift, Message
    from referral_engine.ports import NonBlockingStore
    from referral_engine.referrals.referral import Referral, ReferralState

ResultT = TypeVar("ResultT")


class Blocking:
    """Runs an awaitable store, called from any thread, on one event loop in a thread of its own until it is closed."""

    def __init__(self, store: NonBlockingStore) -> None:
        self._store = store
        self._loop = asyncio.new_event_loop()
        self._thread: Thread | None = Thread(target=self._loop.run_forever, name="loop-of-a-store", daemon=True)
        self._thread.start()

    def _run(self, coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply."""
        return self._run(self._store.apply(wanted, decide))

    def read(self, wanted: Wanted) -> Facts:
        """As Store.read."""
        return self._run(self._store.read(wanted))

    def referrals(
        self, program: str, referrer: str, state: ReferralState | None, after: int | None, limit: int
    ) -> list[Referral]:
        """As StorePages.referrals."""
        return self._run(self._store.referrals(program, referrer, state, after, limit))

    def transfers(self, program: str, member: str, unit: str, after: int | None, limit: int) -> list[Transfer]:
        """As StoreBooks.transfers."""
        return self._run(self._store.transfers(program, member, unit, after, limit))

    def messages(self, program: str, after: int | None, limit: int) -> list[Message]:
        """As StorePages.messages."""
        return self._run(self._store.messages(program, after, limit))

    def due(self, program: str, now: datetime, limit: int) -> list[str]:
        """As StorePages.due."""
        return self._run(self._store.due(program, now, limit))

    def standings(self, program: str, board: str, period: str, skip: int, limit: int) -> list[Standing]:
        """As StorePages.standings."""
        return self._run(self._store.standings(program, board, period, skip, limit))

    def place(self, program: str, board: str, period: str, member: str) -> Place | None:
        """As StorePages.place."""
        return self._run(self._store.place(program, board, period, member))

    def count(self, program: str, board: str, period: str) -> int:
        """As StorePages.count."""
        return self._run(self._store.count(program, board, period))

    def carried(self, program: str, member: str, unit: str, up_to: int) -> Carried:
        """As StoreBooks.carried."""
        return self._run(self._store.carried(program, member, unit, up_to))

    def payouts(self, program: str, state: PayoutState | None, after: int | None, limit: int) -> list[Payout]:
        """As StoreBooks.payouts."""
        return self._run(self._store.payouts(program, state, after, limit))

    def due_lots(self, program: str, now: datetime, limit: int) -> list[tuple[str, str]]:
        """As StoreBooks.due_lots."""
        return self._run(self._store.due_lots(program, now, limit))

    def liability(self, program: str, unit: str) -> tuple[Balance, list[tuple[datetime, int]]]:
        """As StoreBooks.liability."""
        return self._run(self._store.liability(program, unit))

    def audit_log(self, program: str, after: int | None, limit: int) -> list[AuditEntry]:
        """As StoreBooks.audit_log."""
        return self._run(self._store.audit_log(program, after, limit))

    def create_schema(self) -> None:
        """As StoreAdmin.create_schema."""
        self._run(self._store.create_schema())

    def drift(self, program: str) -> list[Drift]:
        """As StoreAdmin.drift."""
        return self._run(self._store.drift(program))

    def bind(self, connection: Any) -> Blocking:
        """As StoreAdmin.bind; the connection must be one of the event loop that this store runs on."""
        bound = object.__new__(Blocking)
        bound._store, bound._loop, bound._thread = self._store.bind(connection), self._loop, None
        return bound

    def close(self) -> None:
        """Close the store, and end the event loop and its thread."""
        if self._loop.is_closed():
            return
        self._run(self._store.close())
        if self._thread is not None:
            self._run(self._loop.shutdown_asyncgens())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        """Use the store in a with block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the store."""
        self.close()
