"""Schedule: threads that are played in one, and in an order that is given, so that a race can be tried in every order.

Each player is a greenlet, which gives way wherever a thread may: before it takes a lock and after it lets go of one.
Who goes on is chosen by the schedule. When nobody can, somebody was forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlet import GreenletExit, getcurrent, greenlet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Forgotten(AssertionError):
    """Players wait, and nobody is left who could wake them."""


class Stage:
    """Plays functions to their ends; `choices` say who goes on at each point, and run out into the first who can."""

    def __init__(self, choices: Iterable[int]) -> None:
        self._choices = iter(choices)
        self._ready: dict[greenlet, Callable[[], bool]] = {}
        self.over = False

    def play(self, *parts: Callable[[], Any]) -> None:
        """Play all of them; raises Forgotten when some never end."""
        hub = getcurrent()
        self._ready = {greenlet(part, hub): _always for part in parts}
        try:
            while self._ready:
                able = [player for player, ready in self._ready.items() if ready()]
                if not able:
                    raise Forgotten(f"{len(self._ready)} of {len(parts)} wait for ever")
                player = able[next(self._choices, 0) % len(able)]
                player.switch()
                if player.dead:
                    del self._ready[player]
        finally:
            self.over = True
            for player in self._ready:
                player.throw(GreenletExit)

    def give_way(self, until: Callable[[], bool] | None = None) -> None:
        """Let others go on, and go on oneself some time after `until` holds; when the play is over, at once."""
        player = getcurrent()
        if self.over or player.parent is None:
            return
        self._ready[player] = until or _always
        player.parent.switch()

    def lock(self) -> Lock:
        """Stand in for threading.Lock."""
        return Lock(self)

    def condition(self, lock: Lock) -> Condition:
        """Stand in for threading.Condition."""
        return Condition(self, lock)


def _always() -> bool:
    return True


class Lock:
    """As threading.Lock."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._locked = False

    def acquire(self) -> bool:
        """Wait for the lock; outside of a play it must be free."""
        self._stage.give_way(lambda: not self._locked)
        assert self._stage.over or not self._locked
        self._locked = True
        return True

    def release(self) -> None:
        """Let go of the lock."""
        if not self._locked and not self._stage.over:
            raise RuntimeError("release unlocked lock")
        self._locked = False
        self._stage.give_way()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *exc: object) -> None:
        self.release()


class Condition:
    """As threading.Condition, as far as combiners use it: one who is not notified does not look again."""

    def __init__(self, stage: Stage, lock: Lock) -> None:
        self._stage, self._lock = stage, lock
        self._notified = 0

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds, looking whenever notified."""
        while not holds():
            seen = self._notified
            self._lock.release()
            self._stage.give_way(lambda seen=seen: self._notified > seen)  # type: ignore[misc]
            self._lock.acquire()

    def notify_all(self) -> None:
        """Make all who wait look again."""
        self._notified += 1
