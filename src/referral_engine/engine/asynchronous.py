"""AsyncReferralEngine: one program over a store that is awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from referral_engine.engine import books, closing, combining, membership, money, payouts, reading, recording
from referral_engine.engine.boards import AsyncBoardView, open_board
from referral_engine.engine.core import Core
from referral_engine.engine.driving import is_bound, require_awaitable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from referral_engine.codes import InviteCode
    from referral_engine.decisions import FinalState
    from referral_engine.engine.combining import AsyncCombiner
    from referral_engine.engine.explanation import Explanation
    from referral_engine.engine.recording import EventInput
    from referral_engine.ledger import Balance, Budget, Entry, Liability, Lot, Payout, PayoutState, Transfer
    from referral_engine.members import Member
    from referral_engine.outcomes import AuditEntry, Drift, Message, Outcome, Revision
    from referral_engine.ports import Clock, NonBlockingStore
    from referral_engine.program import Program
    from referral_engine.referrals import Referral, ReferralState


class AsyncReferralEngine:
    """ReferralEngine for callers that await: the same methods as coroutines.

    Over AsyncMemoryStore or AsyncSQLAlchemyStore, it runs the very operations that ReferralEngine runs.
    """

    __slots__ = ("_core", "_program", "_store")

    def __init__(self, store: NonBlockingStore, program: Program, *, clock: Clock | None = None) -> None:
        require_awaitable(store)
        self._store = store
        self._program = program
        self._core = Core.over(store, program, clock, bound=is_bound(store))

    @property
    def program(self) -> Program:
        """The program that this engine serves."""
        return self._program

    @property
    def store(self) -> NonBlockingStore:
        """The store that it writes to."""
        return self._store

    @property
    def clock(self) -> Clock:
        """Where it takes the time from."""
        return self._core.clock

    def bind(self, connection: Any) -> AsyncReferralEngine:
        """Answer an engine whose writes join the open transaction of a SQLAlchemy AsyncConnection or AsyncSession.

        Nothing is committed by it: the host's commit or rollback governs both. Raises InvalidInput for a connection
        that the store cannot write through.
        """
        bound = object.__new__(AsyncReferralEngine)
        bound._store = self._store.bind(connection)
        bound._program = self._program
        bound._core = Core(bound._store, self._core.compiled, self._core.clock, bound=True)
        return bound

    async def join(
        self, member_id: str, *, at: datetime | None = None, roles: Iterable[str] = (), tags: Iterable[str] = ()
    ) -> Member:
        """Make a member of somebody who is there already; again, it adds the roles and tags, nothing else."""
        return await membership.join(self._core, member_id, at, roles, tags)

    async def invite_code(self, member_id: str, *, campaign: str | None = None) -> InviteCode:
        """Answer the code that a member invites by, the same one each time; joins the member."""
        return await membership.invite_code(self._core, member_id, campaign)

    async def issue_codes(
        self,
        n: int,
        *,
        campaign: str | None = None,
        owner: str | None = None,
        max_uses: int | None = None,
        starts_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> list[InviteCode]:
        """Issue `n` new codes, 1 to 100,000, all or none, for an owner or for nobody.

        `max_uses` None is unlimited and 0 is none; they may be used in [starts_at, expires_at). Raises UnknownMember
        for an owner nobody has seen, CodeSpaceExhausted when they do not fit the program's CodeSpec.
        """
        return await membership.issue_codes(
            self._core, n, campaign=campaign, owner=owner, max_uses=max_uses, starts_at=starts_at, expires_at=expires_at
        )

    async def disable_code(self, text: str) -> InviteCode:
        """Disable a code; the referrals made with it stay. Raises UnknownCode."""
        return await membership.disable_code(self._core, text)

    async def record(self, event: EventInput) -> Outcome:
        """Record one event, in one transaction, and answer what came of it. A bad event is rejected, never raised.

        The same id with the same content answers the first outcome again, as `duplicate`. Raises Conflict, StoreError
        or OutcomeUnknown when the store could not; sending the event again is safe.
        """
        outcomes = await recording.record_all(self._core, [event])
        return outcomes[0]

    async def record_many(self, events: Iterable[EventInput]) -> list[Outcome]:
        """Record events in transactions of at most BATCH_MAX; an outcome for each, in order; a bad one rejects alone.

        When a transaction fails, earlier ones stay, and sending all of them again is safe.
        """
        return await recording.record_all(self._core, events)

    def combiner(
        self, *, batch_max: int = recording.BATCH_MAX, waiting_max: int = combining.WAITING_MAX
    ) -> AsyncCombiner:
        """Open a combiner, through which many tasks record single events in shared transactions; nothing is awaited.

        `async with engine.combiner() as combiner: await combiner.record(event)`. `batch_max` events share a transaction
        at most, 1 to BATCH_MAX; at most `waiting_max` wait for the next ones, beyond which `record` raises Overloaded.
        Raises InvalidInput for an engine that is bound: the transaction is its host's, and belongs to one task.
        """
        return combining.open_async_combiner(self._core, batch_max, waiting_max)

    async def preview(self, event: EventInput) -> Outcome:
        """Answer what `record` would answer now, and write nothing."""
        return await recording.preview(self._core, event)

    async def explain(self, event_id: str) -> Explanation:
        """Tell why each rule paid or did not pay for an event. Raises InvalidInput for one that is not recorded."""
        return await reading.explain(self._core, event_id)

    async def release_due(self, *, limit: int = 10_000) -> closing.Released:
        """Do what is due by the clock, at most `limit` things: post holds, then let points expire.

        Safe to call from many workers at once; `more` tells that something is left to do.
        """
        return await closing.release_due(self._core, limit)

    async def member(self, member_id: str) -> Member | None:
        """Answer a member, None for a stranger."""
        return await reading.member(self._core, member_id)

    async def referral(self, member_id: str) -> Referral | None:
        """Answer who referred a member, and how far the referral has come."""
        return await reading.referral(self._core, member_id)

    async def referrals(
        self, referrer_id: str, *, state: ReferralState | None = None, after: int | None = None, limit: int = 100
    ) -> list[Referral]:
        """List whom a member referred, in the order of recording; `after` takes the `.cursor` of the last one seen."""
        return await reading.referrals(self._core, referrer_id, state, after, limit)

    async def balance(self, member_id: str, unit: str = "points") -> Balance:
        """Answer what a member has in a unit, in minor units; zeros for a stranger."""
        return await books.balance(self._core, member_id, unit)

    async def statement(
        self, member_id: str, unit: str = "points", *, after: int | None = None, limit: int = 100
    ) -> list[Entry]:
        """List the changes of a member's balance, in order; `after` takes the `.cursor` of the last one seen."""
        return await books.statement(self._core, member_id, unit, after, limit)

    async def budget(self, campaign: str, unit: str) -> Budget:
        """Answer what a campaign may give in a unit, has given and holds, and what remains."""
        return await books.budget(self._core, campaign, unit)

    async def redeem(
        self, member_id: str, amount: int, unit: str = "points", *, key: str, memo: str | None = None
    ) -> Transfer:
        """Take an amount, in minor units, out of what a member has available; the same key again answers the same.

        Cash is asked for as a payout, as by `request_payout`; the transfer's `reference` is its id. Raises
        InsufficientBalance, UnknownMember, IdempotencyConflict for a key used with other content.
        """
        return await money.redeem(self._core, member_id, amount, unit, key=key, memo=memo)

    async def transfer(
        self, member_id: str, to: str, amount: int, unit: str = "points", *, key: str, memo: str | None = None
    ) -> Transfer:
        """Pass an amount, in minor units, on to another member; the same key again answers the same transfer.

        The unit must be `transferable`. Points keep their expiry, and repay what the receiver owes first. Answers the
        sender's side. Raises InsufficientBalance, UnknownMember, IdempotencyConflict.
        """
        return await money.transfer(self._core, member_id, to, amount, unit, key=key, memo=memo)

    async def adjust(
        self, member_id: str, amount: int, unit: str = "points", *, key: str, actor: str, memo: str
    ) -> Transfer:
        """Give an amount, in minor units, by staff, or take it if below 0; once for a key, and audited.

        What is given repays what the member owes first; at most what is available can be taken. `actor` is an id of
        the one who does it and `memo` says why. Raises InsufficientBalance, UnknownMember, IdempotencyConflict.
        """
        return await money.adjust(self._core, member_id, amount, unit, key=key, actor=actor, memo=memo)

    async def request_payout(
        self, member_id: str, amount: int, unit: str, *, key: str, memo: str | None = None
    ) -> Payout:
        """Set cash aside to be paid out, at least `payout_min` of its unit; the same key again answers the same payout.

        Raises InsufficientBalance, UnknownMember, IdempotencyConflict.
        """
        return await payouts.request_payout(self._core, member_id, amount, unit, key=key, memo=memo)

    async def settle_payout(self, payout_id: str, state: FinalState, *, actor: str, memo: str | None = None) -> Payout:
        """Note that a payout was `paid`, `failed` or `rejected`; in the last two cases the money is back. Audited.

        Saying the same again changes nothing. Raises InvalidInput for a payout that is unknown or decided otherwise.
        """
        return await payouts.settle_payout(self._core, payout_id, state, actor=actor, memo=memo)

    async def payout(self, payout_id: str) -> Payout | None:
        """Answer a payout, None for an id that is unknown."""
        return await payouts.payout(self._core, payout_id)

    async def payouts(
        self, *, state: PayoutState | None = None, after: int | None = None, limit: int = 100
    ) -> list[Payout]:
        """List payouts in the order of recording; `after` takes the `.cursor` of the last one seen."""
        return await payouts.payouts(self._core, state, after, limit)

    async def lots(self, member_id: str, unit: str = "points") -> list[Lot]:
        """List what a member has that will expire, the soonest first; the rest of what is available never does."""
        return await books.lots(self._core, member_id, unit)

    async def liability(self, unit: str = "points") -> Liability:
        """Report what all members together are owed in a unit, and how much of it expires in which month."""
        return await books.liability(self._core, unit)

    async def publish(self, *, actor: str, memo: str | None = None) -> Revision:
        """Keep the program as the latest revision, and note in the audit log who changed it from which.

        Publishing the revision that is the latest already changes nothing.
        """
        return await books.publish(self._core, actor=actor, memo=memo)

    async def audit_log(self, *, after: int | None = None, limit: int = 100) -> list[AuditEntry]:
        """List who changed what, when, from what to what; `after` takes the `.cursor` of the last one seen."""
        return await books.audit_log(self._core, after, limit)

    async def board(self, board_id: str, *, period: str | None = None) -> AsyncBoardView:
        """Open a board in a period such as "2026-03" or "lifetime"; None is the one that contains now."""
        return AsyncBoardView(open_board(self._core, board_id, period))

    async def messages(self, *, after: int | None = None, limit: int = 100) -> list[Message]:
        """List the outbox in the order of commits: after a cursor, or after what was acknowledged."""
        return await reading.messages(self._core, after, limit)

    async def acknowledge(self, up_to: int) -> None:
        """Note that the outbox was read up to a cursor, so that `messages()` goes on from there."""
        await reading.acknowledge(self._core, up_to)

    async def verify(self) -> list[Drift]:
        """Add up balances, budgets, boards and counters from the records, in one snapshot; [] is health."""
        return await books.verify(self._core)
