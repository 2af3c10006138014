"""Watching: what the tests of the combiners share: a small program, and a look at transactions and at the line."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

from referral_engine import Campaign, Event, Program, Reward, Rule, Unit
from referral_engine.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE_S = 60.0
"""How long a test waits for a thread before it takes it for stuck; nothing that goes right waits for it."""

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_program(budget: int = 10**9) -> Program:
    """A hundred points for every purchase, out of a budget."""
    pays = Rule(id="pays", on="purchase", give=[Reward(to="member", unit="points", amount=100)])
    campaign = Campaign(id="spring", budget={"points": budget}, rules=[pays])
    return Program(id="acme", units={"points": Unit()}, campaigns=[campaign])


def a_clock() -> FakeClock:
    return FakeClock(START)


def bought(event_id: str, member: str | None = None, **more: Any) -> Event:
    """A purchase."""
    return Event(**({"id": event_id, "type": "purchase", "member": member or f"of-{event_id}", "amount": 2500} | more))


class Transactions:
    """Counts the transactions of a combiner and looks into each: `ids` are the events of each, in order.

    `before` is called with the ids before a transaction begins, and may wait or raise in its place.
    """

    def __init__(self, combiner: Any) -> None:
        self.ids: list[tuple[str, ...]] = []
        self.before: Callable[[tuple[str, ...]], None] = lambda _: None
        self._commit = combiner._commit
        combiner._commit = self._look

    @property
    def sizes(self) -> list[int]:
        return [len(ids) for ids in self.ids]

    def _look(self, events: list[Event]) -> Any:
        ids = tuple(event.id for event in events)
        self.ids.append(ids)
        self.before(ids)
        return self._commit(events)


class Arrivals:
    """Tells when so many wait in the line of a combiner."""

    def __init__(self, combiner: Any) -> None:
        self._line = combiner._line
        self._enter = self._line.enter
        self._line.enter = self._arrive
        self._awaited: list[tuple[int, Flag]] = []

    def _arrive(self, ticket: Any) -> bool:
        leads = self._enter(ticket)
        for n, flag in self._awaited:
            if len(self._line) >= n:
                flag.set()
        return leads

    def wait_for(self, n: int) -> None:
        """Wait until `n` wait in the line."""
        flag = Flag()
        self._awaited.append((n, flag))
        if len(self._line) < n:
            assert flag.wait(DEADLINE_S), f"{len(self._line)} of {n} came"
