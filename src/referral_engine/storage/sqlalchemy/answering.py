"""Answering: the reading half of a store, blocking and awaitable; where the connection comes from is the store's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from referral_engine.facts import Facts, Wanted
    from referral_engine.leaderboard.standing import Place, Standing
    from referral_engine.ledger.balance import Balance
    from referral_engine.ledger.payout import Payout, PayoutState
    from referral_engine.ledger.transfer import Carried, Transfer
    from referral_engine.outcomes import AuditEntry, Drift, Message
    from referral_engine.referrals.referral import Referral, ReferralState
    from referral_engine.storage.sqlalchemy.operations import Operations

AnswerT = TypeVar("AnswerT")


class Answering(ABC):
    """Reads by blocking."""

    _operations: Operations

    @abstractmethod
    def _read(self, operation: Callable[[Connection], AnswerT]) -> AnswerT:
        """Run a reading operation on a connection."""

    def read(self, wanted: Wanted) -> Facts:
        """As Store.read."""
        return self._read(lambda connection: self._operations.read(connection, wanted))

    def referrals(
        self, program: str, referrer: str, state: ReferralState | None, after: int | None, limit: int
    ) -> list[Referral]:
        """As StorePages.referrals."""
        pages = self._operations.pages
        return self._read(lambda connection: pages.referrals(connection, program, referrer, state, after, limit))

    def transfers(self, program: str, member: str, unit: str, after: int | None, limit: int) -> list[Transfer]:
        """As StoreBooks.transfers."""
        books = self._operations.books
        return self._read(lambda connection: books.transfers(connection, program, member, unit, after, limit))

    def messages(self, program: str, after: int | None, limit: int) -> list[Message]:
        """As StorePages.messages."""
        return self._read(lambda connection: self._operations.pages.messages(connection, program, after, limit))

    def due(self, program: str, now: datetime, limit: int) -> list[str]:
        """As StorePages.due."""
        return self._read(lambda connection: self._operations.pages.due(connection, program, now, limit))

    def standings(self, program: str, board: str, period: str, skip: int, limit: int) -> list[Standing]:
        """As StorePages.standings."""
        pages = self._operations.pages
        return self._read(lambda connection: pages.standings(connection, program, board, period, skip, limit))

    def place(self, program: str, board: str, period: str, member: str) -> Place | None:
        """As StorePages.place."""
        return self._read(lambda connection: self._operations.pages.place(connection, program, board, period, member))

    def count(self, program: str, board: str, period: str) -> int:
        """As StorePages.count."""
        return self._read(lambda connection: self._operations.pages.count(connection, program, board, period))

    def carried(self, program: str, member: str, unit: str, up_to: int) -> Carried:
        """As StoreBooks.carried."""
        books = self._operations.books
        return self._read(lambda connection: books.carried(connection, program, member, unit, up_to))

    def payouts(self, program: str, state: PayoutState | None, after: int | None, limit: int) -> list[Payout]:
        """As StoreBooks.payouts."""
        books = self._operations.books
        return self._read(lambda connection: books.payouts(connection, program, state, after, limit))

    def due_lots(self, program: str, now: datetime, limit: int) -> list[tuple[str, str]]:
        """As StoreBooks.due_lots."""
        books = self._operations.books
        return self._read(lambda connection: books.due_lots(connection, program, now, limit))

    def liability(self, program: str, unit: str) -> tuple[Balance, list[tuple[datetime, int]]]:
        """As StoreBooks.liability."""
        books = self._operations.books
        return self._read(lambda connection: books.liability(connection, program, unit))

    def audit_log(self, program: str, after: int | None, limit: int) -> list[AuditEntry]:
        """As StoreBooks.audit_log."""
        books = self._operations.books
        return self._read(lambda connection: books.audit_log(connection, program, after, limit))

    def drift(self, program: str) -> list[Drift]:
        """As StoreAdmin.drift."""
        return self._read(lambda connection: self._operations.audit.drift(connection, program))


class AsyncAnswering(ABC):
    """Reads by awaiting; the operations are the same."""

    _operations: Operations

    @abstractmethod
    async def _read(self, operation: Callable[[Connection], AnswerT]) -> AnswerT:
        """Run a reading operation on a connection."""

    async def read(self, wanted: Wanted) -> Facts:
        """As Store.read."""
        return await self._read(lambda connection: self._operations.read(connection, wanted))

    async def referrals(
        self, program: str, referrer: str, state: ReferralState | None, after: int | None, limit: int
    ) -> list[Referral]:
        """As StorePages.referrals."""
        pages = self._operations.pages
        return await self._read(lambda connection: pages.referrals(connection, program, referrer, state, after, limit))

    async def transfers(self, program: str, member: str, unit: str, after: int | None, limit: int) -> list[Transfer]:
        """As StoreBooks.transfers."""
        books = self._operations.books
        return await self._read(lambda connection: books.transfers(connection, program, member, unit, after, limit))

    async def messages(self, program: str, after: int | None, limit: int) -> list[Message]:
        """As StorePages.messages."""
        return await self._read(lambda connection: self._operations.pages.messages(connection, program, after, limit))

    async def due(self, program: str, now: datetime, limit: int) -> list[str]:
        """As StorePages.due."""
        return await self._read(lambda connection: self._operations.pages.due(connection, program, now, limit))

    async def standings(self, program: str, board: str, period: str, skip: int, limit: int) -> list[Standing]:
        """As StorePages.standings."""
        pages = self._operations.pages
        return await self._read(lambda connection: pages.standings(connection, program, board, period, skip, limit))

    async def place(self, program: str, board: str, period: str, member: str) -> Place | None:
        """As StorePages.place."""
        pages = self._operations.pages
        return await self._read(lambda connection: pages.place(connection, program, board, period, member))

    async def count(self, program: str, board: str, period: str) -> int:
        """As StorePages.count."""
        return await self._read(lambda connection: self._operations.pages.count(connection, program, board, period))

    async def carried(self, program: str, member: str, unit: str, up_to: int) -> Carried:
        """As StoreBooks.carried."""
        books = self._operations.books
        return await self._read(lambda connection: books.carried(connection, program, member, unit, up_to))

    async def payouts(self, program: str, state: PayoutState | None, after: int | None, limit: int) -> list[Payout]:
        """As StoreBooks.payouts."""
        books = self._operations.books
        return await self._read(lambda connection: books.payouts(connection, program, state, after, limit))

    async def due_lots(self, program: str, now: datetime, limit: int) -> list[tuple[str, str]]:
        """As StoreBooks.due_lots."""
        books = self._operations.books
        return await self._read(lambda connection: books.due_lots(connection, program, now, limit))

    async def liability(self, program: str, unit: str) -> tuple[Balance, list[tuple[datetime, int]]]:
        """As StoreBooks.liability."""
        books = self._operations.books
        return await self._read(lambda connection: books.liability(connection, program, unit))

    async def audit_log(self, program: str, after: int | None, limit: int) -> list[AuditEntry]:
        """As StoreBooks.audit_log."""
        books = self._operations.books
        return await self._read(lambda connection: books.audit_log(connection, program, after, limit))

    async def drift(self, program: str) -> list[Drift]:
        """As StoreAdmin.drift."""
        return await self._read(lambda connection: self._operations.audit.drift(connection, program))
