"""Persistence: what a caller does who must lose nothing, and who sees what was carried out though it was not told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from referral_engine.errors import Conflict, OutcomeUnknown, StoreError
from referral_engine.testing.chaos.forwarding import Forwarding

if TYPE_CHECKING:
    from collections.abc import Callable

    from referral_engine.changes import Decision
    from referral_engine.engine import ReferralEngine
    from referral_engine.facts import Facts, Wanted
    from referral_engine.ports import BlockingStore

ATTEMPTS_OF_A_CALLER_MAX = 200

AskedP = ParamSpec("AskedP")
ResultT = TypeVar("ResultT")


def through(call: Callable[AskedP, ResultT], *args: AskedP.args, **kwargs: AskedP.kwargs) -> ResultT:
    """Make a call again, with the same ids and keys, until there is an answer to it."""
    for _ in range(ATTEMPTS_OF_A_CALLER_MAX - 1):
        try:
            return call(*args, **kwargs)
        except (Conflict, StoreError, OutcomeUnknown):
            continue
    return call(*args, **kwargs)


class Persistent:
    """An engine whose methods are called again until there is an answer."""

    def __init__(self, engine: ReferralEngine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        """A method of the engine, or what else it has."""
        value = getattr(self._engine, name)
        return (lambda *args, **kwargs: through(value, *args, **kwargs)) if callable(value) else value


class Witness(Forwarding):
    """A store over another one, directly: notes the results of the decisions that it carried out, in order."""

    def __init__(self, store: BlockingStore) -> None:
        self._under = store
        self.results: list[Any] = []

    def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[ResultT]]) -> Decision[ResultT]:
        """As Store.apply."""
        decision = self._under.apply(wanted, decide)
        self.results.append(decision.result)
        return decision
