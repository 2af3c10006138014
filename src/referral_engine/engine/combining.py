"""Combining: one transaction for the single events of many threads or tasks; the only door from here to storage.

A combiner waits for others, by threads or by an event loop, which the engine does not know. It lives in storage, is
written against two functions that are made here, and is loaded when one is opened.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from referral_engine.engine.arguments import require_count
from referral_engine.engine.driving import drive
from referral_engine.engine.recording import BATCH_MAX, read_event, transact
from referral_engine.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.engine.core import Core
    from referral_engine.events import Event
    from referral_engine.outcomes import Outcome
    from referral_engine.storage.combining import AsyncCombiner as AsyncCombiner  # noqa: PLC0414 - for the two faces
    from referral_engine.storage.combining import Combiner as Combiner  # noqa: PLC0414 - as above

WAITING_MAX = 10_000
"""How many events wait at most for the next transactions of a combiner, unless it is told otherwise."""

WAITING_LIMIT = 1_000_000
"""What it may be told at most."""


def open_combiner(core: Core, batch_max: int, waiting_max: int) -> Combiner:
    """Open a combiner for threads. Raises InvalidInput."""
    from referral_engine.storage.combining import Combiner  # noqa: PLC0415 - loaded with the first one

    def commit(events: Sequence[Event]) -> list[Outcome]:
        return drive(transact(core, events))

    _check(core, batch_max, waiting_max)
    return Combiner(partial(read_event, core.compiled), commit, batch_max=batch_max, waiting_max=waiting_max)


def open_async_combiner(core: Core, batch_max: int, waiting_max: int) -> AsyncCombiner:
    """Open a combiner for tasks. Raises InvalidInput."""
    from referral_engine.storage.combining import AsyncCombiner  # noqa: PLC0415 - loaded with the first one

    _check(core, batch_max, waiting_max)
    return AsyncCombiner(
        partial(read_event, core.compiled), partial(transact, core), batch_max=batch_max, waiting_max=waiting_max
    )


def _check(core: Core, batch_max: object, waiting_max: object) -> None:
    if core.bound:
        problem = "is of one caller, so nothing can be combined in it; open the combiner on the engine that was bound"
        raise InvalidInput("connection", problem)
    require_count("batch_max", batch_max, 1, BATCH_MAX)
    require_count("waiting_max", waiting_max, 1, WAITING_LIMIT)
