"""ChaosStore: a blocking store that fails on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from referral_engine.engine.driving import Dressed, drive, require_blocking
from referral_engine.testing.chaos.faults import STORM
from referral_engine.testing.chaos.forwarding import Forwarding
from referral_engine.testing.chaos.gate import ThreadGate
from referral_engine.testing.chaos.storm import Storm
from referral_engine.testing.chaos.switch import Switch
from referral_engine.testing.chaos.weather import Weather

if TYPE_CHECKING:
    from collections.abc import Callable

    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted
    from referral_engine.ports import BlockingStore
    from referral_engine.testing.chaos.faults import Faults

ResultT = TypeVar("ResultT")
AnswerT = TypeVar("AnswerT")


class ChaosStore(Switch, Forwarding):
    """Stands before another store and does to its calls what networks and databases do. Safe for threads.

    Every fault is one that the port allows: what the caller is told is true, and its part is to send the same ids and
    keys again until it gets an answer. A test does that, calls `calm()`, and then everything must be there once. The
    faults of a call are a function of `seed` and of how many calls of its method came before, and of nothing else;
    `log` tells which of them struck. With several threads, which caller makes which call is up to them.

    `faults` says how often which fault strikes; the default is STORM. `wait` is called with the seconds of a delay,
    such as `time.sleep`; without it nothing is delayed. Setting up, binding and closing go through as they are. The
    store that `bind` answers shares seed, count and log; as the transaction is the host's, it is never cut, nobody is
    held back, and a Conflict says `host_must_retry`.
    """

    def __init__(
        self,
        store: BlockingStore,
        *,
        seed: int,
        faults: Faults = STORM,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        require_blocking(store)
        self._under = store
        self._storm = Storm(Weather(seed, faults), ThreadGate(), None if wait is None else _awaitable(wait))

    def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply, in whatever weather there is."""
        return drive(self._storm.apply(Dressed(self._under), wanted, decide))

    def _forward(self, method: str, call: Callable[[], AnswerT]) -> AnswerT:
        """Lead a reading call through the weather."""

        async def called() -> AnswerT:
            return call()

        return drive(self._storm.reading(method, called))

    def create_schema(self) -> None:
        """As StoreAdmin.create_schema."""
        self._under.create_schema()

    def bind(self, connection: Any) -> ChaosStore:  # type: ignore[override] # see Forwarding
        """As StoreAdmin.bind."""
        bound = object.__new__(ChaosStore)
        bound._under = self._under.bind(connection)
        bound._storm = replace(self._storm, host=True)
        return bound

    def close(self) -> None:
        """As StoreAdmin.close."""
        self._under.close()


def _awaitable(wait: Callable[[float], object]) -> Callable[[float], Any]:
    async def waiting(seconds: float) -> object:
        return wait(seconds)

    return waiting
