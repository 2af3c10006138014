"""AsyncChaosStore: an awaitable store that fails on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from referral_engine.engine.driving import require_awaitable
from referral_engine.testing.chaos.faults import STORM
from referral_engine.testing.chaos.forwarding import AsyncForwarding
from referral_engine.testing.chaos.gate import TaskGate
from referral_engine.testing.chaos.storm import Storm
from referral_engine.testing.chaos.switch import Switch
from referral_engine.testing.chaos.weather import Weather

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.ports import NonBlockingStore
    from referral_engine.testing.chaos.faults import Faults

ResultT = TypeVar("ResultT")
AnswerT = TypeVar("AnswerT")


class AsyncChaosStore(Switch, AsyncForwarding):
    """ChaosStore for AsyncReferralEngine, on one event loop; `wait` is awaited, such as `asyncio.sleep`."""

    def __init__(
        self,
        store: NonBlockingStore,
        *,
        seed: int,
        faults: Faults = STORM,
        wait: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        require_awaitable(store)
        self._under = store
        self._storm = Storm(Weather(seed, faults), TaskGate(), wait)

    async def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply, in whatever weather there is."""
        return await self._storm.apply(self._under, wanted, decide)

    async def _forward(self, method: str, call: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
        """Lead a reading call through the weather."""
        return await self._storm.reading(method, call)

    async def create_schema(self) -> None:
        """As StoreAdmin.create_schema."""
        await self._under.create_schema()

    def bind(self, connection: Any) -> AsyncChaosStore:  # type: ignore[override] # see Forwarding
        """As StoreAdmin.bind; nothing is awaited."""
        bound = object.__new__(AsyncChaosStore)
        bound._under = self._under.bind(connection)
        bound._storm = replace(self._storm, host=True)
        return bound

    async def close(self) -> None:
        """As StoreAdmin.close."""
        await self._under.close()
