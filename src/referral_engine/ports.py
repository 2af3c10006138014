"""What the engine asks of a store and of a clock: Protocols whose docstrings state the promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, runtime_checkable

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

ATTEMPTS_MAX = 8
"""How often a store tries a decision before it gives up with Conflict."""


class Clock(Protocol):
    """Where `now` comes from."""

    def now(self) -> datetime:
        """Tell the time as an aware datetime."""
        ...


class Store(Protocol):
    """Keeps the records of any number of programs; safe for threads; the blocking kind.

    A program never sees or locks a record of another one.
    """

    def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """Read, decide and write as one unit that others see whole or not at all, and never between.

        1. Resolve `wanted` into the members concerned (see Wanted).
        2. Make those that are arriving and lock all of them, in the order of their ids; resolve again, and start
           again when others are concerned now. A member made for nothing is gone at the end.
        3. Read the facts as they are under the lock.
        4. Call `decide`, which is pure and may be called again.
        5. Write the changes, all or none; when a precondition does not hold, start again, and see to it that in the
           end the facts are those that the write meets. Commit.

        Raises Conflict after ATTEMPTS_MAX starts (`host_must_retry` when the transaction is the caller's own and
        lost), StoreError for the database's own faults, OutcomeUnknown when the reply to a commit was lost. Whatever
        `decide` raises passes through, and nothing is written.
        """
        ...

    def read(self, wanted: Wanted) -> Facts:
        """Answer the facts without locking and without writing."""
        ...


class StorePages(Protocol):
    """Reads pages. `after` is the cursor of the last item of the page before, None for the first page."""

    def referrals(
        self, program: str, referrer: str, state: ReferralState | None, after: int | None, limit: int
    ) -> list[Referral]:
        """List the referrals of a referrer in the order of recording."""
        ...

    def messages(self, program: str, after: int | None, limit: int) -> list[Message]:
        """List the outbox after a cursor; None is what was acknowledged last."""
        ...

    def due(self, program: str, now: datetime, limit: int) -> list[str]:
        """Name held grants with held_until <= now, the earliest first."""
        ...

    def standings(self, program: str, board: str, period: str, skip: int, limit: int) -> list[Standing]:
        """List scores above 0 by score descending, then by who reached it first."""
        ...

    def place(self, program: str, board: str, period: str, member: str) -> Place | None:
        """Tell where a member stands; None when its score is 0 or missing."""
        ...

    def count(self, program: str, board: str, period: str) -> int:
        """Count the scores above 0."""
        ...


class StoreBooks(Protocol):
    """Reads the ledger and the audit log; pages as in StorePages."""

    def transfers(self, program: str, member: str, unit: str, after: int | None, limit: int) -> list[Transfer]:
        """List the transfers of a member in one unit in the order of recording."""
        ...

    def carried(self, program: str, member: str, unit: str, up_to: int) -> Carried:
        """Add up the transfers of a member in one unit up to a cursor, its own included."""
        ...

    def payouts(self, program: str, state: PayoutState | None, after: int | None, limit: int) -> list[Payout]:
        """List payouts, of one state or of all, in the order of recording."""
        ...

    def due_lots(self, program: str, now: datetime, limit: int) -> list[tuple[str, str]]:
        """Name, once, the member and unit of lots with something left and expires_at <= now, the earliest first."""
        ...

    def liability(self, program: str, unit: str) -> tuple[Balance, list[tuple[datetime, int]]]:
        """Add up all balances in one unit, and what is left of its lots by expires_at."""
        ...

    def audit_log(self, program: str, after: int | None, limit: int) -> list[AuditEntry]:
        """List the audit log in the order of recording."""
        ...


class StoreAdmin(Protocol):
    """Sets up, checks and closes a store, and joins a transaction of the host."""

    def create_schema(self) -> None:
        """Create what is missing; calling it again, or at once from several processes, is safe."""
        ...

    def drift(self, program: str) -> list[Drift]:
        """Add up, in one snapshot, what the kept figures should be, and list those that differ."""
        ...

    def bind(self, connection: Any) -> BlockingStore:
        """Answer a store whose writes join the open transaction of `connection`, which is never ended by it.

        It may say so of itself, by an attribute `bound` that is True, to whom it is given without `engine.bind`. Raises
        InvalidInput for a connection that this store cannot write through.
        """
        ...

    def close(self) -> None:
        """Give back connections; closing again is safe."""
        ...

    def __enter__(self) -> Self:
        """Use the store until the end of the block."""
        ...

    def __exit__(self, *exc: object) -> None:
        """Close the store."""
        ...


@runtime_checkable
class BlockingStore(Store, StorePages, StoreBooks, StoreAdmin, Protocol):
    """All that ReferralEngine asks of a store."""


class AsyncStore(Protocol):
    """The same promises as Store, awaitable."""

    async def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply."""
        ...

    async def read(self, wanted: Wanted) -> Facts:
        """As Store.read."""
        ...


class AsyncStorePages(Protocol):
    """The same promises as StorePages, awaitable."""

    async def referrals(
        self, program: str, referrer: str, state: ReferralState | None, after: int | None, limit: int
    ) -> list[Referral]:
        """As StorePages.referrals."""
        ...

    async def messages(self, program: str, after: int | None, limit: int) -> list[Message]:
        """As StorePages.messages."""
        ...

    async def due(self, program: str, now: datetime, limit: int) -> list[str]:
        """As StorePages.due."""
        ...

    async def standings(self, program: str, board: str, period: str, skip: int, limit: int) -> list[Standing]:
        """As StorePages.standings."""
        ...

    async def place(self, program: str, board: str, period: str, member: str) -> Place | None:
        """As StorePages.place."""
        ...

    async def count(self, program: str, board: str, period: str) -> int:
        """As StorePages.count."""
        ...


class AsyncStoreBooks(Protocol):
    """The same promises as StoreBooks, awaitable."""

    async def transfers(self, program: str, member: str, unit: str, after: int | None, limit: int) -> list[Transfer]:
        """As StoreBooks.transfers."""
        ...

    async def carried(self, program: str, member: str, unit: str, up_to: int) -> Carried:
        """As StoreBooks.carried."""
        ...

    async def payouts(self, program: str, state: PayoutState | None, after: int | None, limit: int) -> list[Payout]:
        """As StoreBooks.payouts."""
        ...

    async def due_lots(self, program: str, now: datetime, limit: int) -> list[tuple[str, str]]:
        """As StoreBooks.due_lots."""
        ...

    async def liability(self, program: str, unit: str) -> tuple[Balance, list[tuple[datetime, int]]]:
        """As StoreBooks.liability."""
        ...

    async def audit_log(self, program: str, after: int | None, limit: int) -> list[AuditEntry]:
        """As StoreBooks.audit_log."""
        ...


class AsyncStoreAdmin(Protocol):
    """The same promises as StoreAdmin, awaitable."""

    async def create_schema(self) -> None:
        """As StoreAdmin.create_schema."""
        ...

    async def drift(self, program: str) -> list[Drift]:
        """As StoreAdmin.drift."""
        ...

    def bind(self, connection: Any) -> NonBlockingStore:
        """As StoreAdmin.bind; nothing is awaited."""
        ...

    async def close(self) -> None:
        """As StoreAdmin.close."""
        ...

    async def __aenter__(self) -> Self:
        """Use the store until the end of the block."""
        ...

    async def __aexit__(self, *exc: object) -> None:
        """Close the store."""
        ...


@runtime_checkable
class NonBlockingStore(AsyncStore, AsyncStorePages, AsyncStoreBooks, AsyncStoreAdmin, Protocol):
    """All that AsyncReferralEngine asks of a store."""
