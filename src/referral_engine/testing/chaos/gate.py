"""Gates: let callers in, some of them behind others that came later.

Nobody waits for callers that may never come. Who is held back goes in when it was overtaken often enough, or when no
other one is on its way, so there is always one that moves. And should the others wait for something that the held one
has, it goes in after HELD_MAX_S all the same.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import Condition
from time import sleep
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD_MAX_S = 1.0


class Gate(Protocol):
    """Lets callers in."""

    def visiting(self) -> AbstractContextManager[None]:
        """Be on one's way until the end of the block."""
        ...

    async def enter(self, behind: int) -> int:
        """Go in, after `behind` others where so many come; answers how many went in since it came."""
        ...


class ThreadGate:
    """A gate for threads; it blocks, and never awaits."""

    def __init__(self) -> None:
        self._moved = Condition()
        self._moving = self._entered = 0

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """As Gate.visiting."""
        with self._moved:
            self._moving += 1
        try:
            yield
        finally:
            self._step(-1)

    async def enter(self, behind: int) -> int:
        """As Gate.enter."""
        before = self._entered
        if behind:
            self._hold_back(before + behind)
        with self._moved:
            overtaken = self._entered - before
            self._entered += 1
            self._moved.notify_all()
        return overtaken

    def _hold_back(self, until: int) -> None:
        sleep(0)  # others that are about to come may do so
        self._step(-1)
        with self._moved:
            self._moved.wait_for(lambda: self._moving == 0 or self._entered >= until, HELD_MAX_S)
            self._moving += 1

    def _step(self, by: int) -> None:
        with self._moved:
            self._moving += by
            self._moved.notify_all()


class TaskGate:
    """A gate for the tasks of one event loop; between two awaits nobody else moves."""

    def __init__(self) -> None:
        self._moved = asyncio.Event()
        self._moving = self._entered = 0

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """As Gate.visiting."""
        self._moving += 1
        try:
            yield
        finally:
            self._step(-1)

    async def enter(self, behind: int) -> int:
        """As Gate.enter."""
        before = self._entered
        if behind:
            await asyncio.sleep(0)  # others that are about to come may do so
            self._step(-1)
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HELD_MAX_S):
                        while self._moving > 0 and self._entered < before + behind:
                            await self._moved.wait()
            finally:
                self._moving += 1
        overtaken = self._entered - before
        self._entered += 1
        self._step(0)
        return overtaken

    def _step(self, by: int) -> None:
        """Let those who wait look again."""
        self._moving += by
        self._moved.set()
        self._moved = asyncio.Event()
