"""One code path for both engines: a blocking store dressed as awaitable, and the driver that runs such coroutines."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from referral_engine.errors import InvalidInput
from referral_engine.ports import AsyncStore, AsyncStoreBooks, AsyncStorePages, BlockingStore, NonBlockingStore

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
    from referral_engine.referrals.referral import Referral, ReferralState

ResultT = TypeVar("ResultT")


class Records(AsyncStore, AsyncStorePages, AsyncStoreBooks, Protocol):
    """What the operations ask of a store."""

    async def drift(self, program: str) -> list[Drift]:
        """As StoreAdmin.drift."""
        ...


def require_blocking(store: object) -> None:
    """Refuse anything that is not a blocking store."""
    kind = type(store).__name__
    if isinstance(store, type):
        raise InvalidInput("store", f"{store.__name__} is a class; build it: {store.__name__}(...)")
    if inspect.iscoroutinefunction(getattr(store, "apply", None)):
        raise InvalidInput("store", f"{kind} is awaitable; use AsyncReferralEngine")
    if not isinstance(store, BlockingStore):
        raise InvalidInput("store", f"{kind} is not a store; use MemoryStore() or SQLAlchemyStore(url)")


def require_awaitable(store: object) -> None:
    """Refuse anything that is not an awaitable store."""
    kind = type(store).__name__
    if isinstance(store, type):
        raise InvalidInput("store", f"{store.__name__} is a class; build it: {store.__name__}(...)")
    if isinstance(store, BlockingStore) and not inspect.iscoroutinefunction(store.apply):
        raise InvalidInput("store", f"{kind} blocks; use ReferralEngine")
    if not isinstance(store, NonBlockingStore):
        raise InvalidInput("store", f"{kind} is not a store; use AsyncMemoryStore() or AsyncSQLAlchemyStore(url)")


def is_bound(store: object) -> bool:
    """Tell whether a store says that its writes join a host's transaction."""
    return getattr(store, "bound", False) is True


def _plain(answer: ResultT) -> ResultT:
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise InvalidInput("store", "answered something to await; use AsyncReferralEngine")
    return answer


class Dressed:
    """A blocking store with awaitable methods that never wait."""

    __slots__ = ("_store",)

    def __init__(self, store: BlockingStore) -> None:
        self._store = store

    async def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply."""
        return _plain(self._store.apply(wanted, decide))

    async def read(self, wanted: Wanted) -> Facts:
        """As Store.read."""
        return _plain(self._store.read(wanted))

    async def referrals(
        self, program: str, referrer: str, state: ReferralState | None, after: int | None, limit: int
    ) -> list[Referral]:
        """As StorePages.referrals."""
        return _plain(self._store.referrals(program, referrer, state, after, limit))

    async def transfers(self, program: str, member: str, unit: str, after: int | None, limit: int) -> list[Transfer]:
        """As StoreBooks.transfers."""
        return _plain(self._store.transfers(program, member, unit, after, limit))

    async def messages(self, program: str, after: int | None, limit: int) -> list[Message]:
        """As StorePages.messages."""
        return _plain(self._store.messages(program, after, limit))

    async def due(self, program: str, now: datetime, limit: int) -> list[str]:
        """As StorePages.due."""
        return _plain(self._store.due(program, now, limit))

    async def standings(self, program: str, board: str, period: str, skip: int, limit: int) -> list[Standing]:
        """As StorePages.standings."""
        return _plain(self._store.standings(program, board, period, skip, limit))

    async def place(self, program: str, board: str, period: str, member: str) -> Place | None:
        """As StorePages.place."""
        return _plain(self._store.place(program, board, period, member))

    async def count(self, program: str, board: str, period: str) -> int:
        """As StorePages.count."""
        return _plain(self._store.count(program, board, period))

    async def carried(self, program: str, member: str, unit: str, up_to: int) -> Carried:
        """As StoreBooks.carried."""
        return _plain(self._store.carried(program, member, unit, up_to))

    async def payouts(self, program: str, state: PayoutState | None, after: int | None, limit: int) -> list[Payout]:
        """As StoreBooks.payouts."""
        return _plain(self._store.payouts(program, state, after, limit))

    async def due_lots(self, program: str, now: datetime, limit: int) -> list[tuple[str, str]]:
        """As StoreBooks.due_lots."""
        return _plain(self._store.due_lots(program, now, limit))

    async def liability(self, program: str, unit: str) -> tuple[Balance, list[tuple[datetime, int]]]:
        """As StoreBooks.liability."""
        return _plain(self._store.liability(program, unit))

    async def audit_log(self, program: str, after: int | None, limit: int) -> list[AuditEntry]:
        """As StoreBooks.audit_log."""
        return _plain(self._store.audit_log(program, after, limit))

    async def drift(self, program: str) -> list[Drift]:
        """As StoreAdmin.drift."""
        return _plain(self._store.drift(program))


def drive(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run a coroutine that never waits to its end: no event loop, no thread; works inside a running loop too."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: ResultT = done.value
        return result
    coroutine.close()
    raise InvalidInput("store", "waited for something inside a blocking call; use AsyncReferralEngine")
