"""Storm: what happens to a call, written once for stores that block and stores that await."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

from referral_engine.errors import Conflict, OutcomeUnknown, ReferralEngineError, StoreError
from referral_engine.testing.chaos.gate import Gate
from referral_engine.testing.chaos.weather import Weather

if TYPE_CHECKING:
    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.ports import AsyncStore
    from referral_engine.testing.chaos.faults import Ending, Plan

ResultT = TypeVar("ResultT")
AnswerT = TypeVar("AnswerT")

_SHOWN_LENGTH_MAX = 300


class _TakenBack(Exception):
    """Raised out of `decide`, upon which a store must write nothing."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        super().__init__(ending)


@dataclass(frozen=True, slots=True)
class Storm:
    """Leads calls through the weather.

    `host`: the transaction is the caller's own. Then no commit of ours can be cut, a Conflict has ended it, and nobody
    is held back, for others may be waiting for what it has locked.
    """

    weather: Weather
    gate: Gate
    wait: Callable[[float], Awaitable[object]] | None
    host: bool = False

    async def reading(self, method: str, call: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
        """Answer what a reading call answers, or fail before it."""
        plan = self.weather.plan(method)
        await self._delay(plan)
        if plan.failed_read:
            raise StoreError(self.weather.strike(plan, "failed_read"))
        return await call()

    async def apply(
        self, store: AsyncStore, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]
    ) -> Decision[ResultT]:
        """Carry out a write, or do to it what its plan has."""
        plan = self.weather.plan("apply")
        if self.host:
            uncut = None if plan.ending in {"cut_before_commit", "cut_after_commit"} else plan.ending
            return await self._applied(replace(plan, ending=uncut, behind=0), store, wanted, decide)
        with self.gate.visiting():
            return await self._applied(plan, store, wanted, decide)

    async def _applied(
        self, plan: Plan, store: AsyncStore, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]
    ) -> Decision[ResultT]:
        if plan.ending == "failure":
            raise self._error(plan, plan.ending)
        stale = await store.read(wanted) if plan.stale else None
        await self._delay(plan)
        if await self.gate.enter(plan.behind) and plan.behind:
            self.weather.strike(plan, "reordering")
        if stale is not None:
            self.weather.strike(plan, "stale_facts")
            with suppress(ReferralEngineError):
                decide(stale)
        try:
            decision = await store.apply(wanted, lambda facts: self._decided(plan, decide, facts))
        except _TakenBack as taken:
            raise self._error(plan, taken.ending) from None
        if plan.ending is not None:
            raise self._error(plan, plan.ending)
        return decision

    async def _delay(self, plan: Plan) -> None:
        if self.wait is not None and plan.delay_s:
            self.weather.strike(plan, "delay")
            await self.wait(plan.delay_s)

    def _decided(self, plan: Plan, decide: Callable[[Facts], Decision[ResultT]], facts: Facts) -> Decision[ResultT]:
        """Decide as often as planned; raises _TakenBack where nothing may be written."""
        decision = decide(facts)
        for _ in range(plan.repeats):
            self.weather.strike(plan, "repeated_decision")
            again = decide(facts)
            if again != decision:
                raise AssertionError(_impure(decision, again))
        if plan.ending in {"conflict", "cut_before_commit"}:
            raise _TakenBack(plan.ending)
        return decision

    def _error(self, plan: Plan, ending: Ending) -> ReferralEngineError:
        """What the caller is told of the way its write ended."""
        problem = self.weather.strike(plan, ending)
        if ending == "failure":
            return StoreError(problem)
        if ending == "conflict":
            return Conflict(problem, host_must_retry=self.host)
        return OutcomeUnknown(problem)


def _impure(first: Decision[Any], second: Decision[Any]) -> str:
    """Say what was decided differently: the result or else the changes; of two lists, the first that differ."""
    one, other = (first.result, second.result) if first.result != second.result else (first.changes, second.changes)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = zip_longest(one, other, fillvalue="nothing")
        one, other = next((pair for pair in pairs if pair[0] != pair[1]), (first, second))
    said, then = (repr(each)[:_SHOWN_LENGTH_MAX] for each in (one, other))
    return f"decide is not pure, look at the rules in Python: for the same facts it answered {said} and then {then}"
