"""Closing the day: what is due by the clock is done, in a fixed order, by as many workers as there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.decisions import decide_expiry, decide_release, want_expiry, want_release
from referral_engine.engine.arguments import require_count
from referral_engine.engine.recording import BATCH_MAX
from referral_engine.facts import Wanted

if TYPE_CHECKING:
    from datetime import datetime

    from referral_engine.engine.core import Core

RELEASE_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Released:
    """What `release_due` did: how many holds were posted, lots expired and boards closed, and whether more is due.

    No board is closed yet, so `boards` is 0.
    """

    holds: int
    lots: int
    boards: int
    more: bool


async def release_due(core: Core, limit: int) -> Released:
    """Post the holds that are due, then let the lots expire, the earliest first, BATCH_MAX to a transaction.

    Holds come first, so that what they post repays debts before anything is lost.
    """
    most = require_count("limit", limit, 1, RELEASE_MAX)
    now = core.now()
    due = await core.store.due(core.program, now, most + 1)
    holds = await _post(core, due[:most], now)
    left = most - min(len(due), most)
    owners = await core.store.due_lots(core.program, now, left + 1)
    lots = await _expire(core, owners[:left], now)
    return Released(holds=holds, lots=lots, boards=0, more=len(due) > most or len(owners) > left)


async def _post(core: Core, due: list[str], now: datetime) -> int:
    compiled, posted = core.compiled, 0
    for start in range(0, len(due), BATCH_MAX):
        ids = due[start : start + BATCH_MAX]
        kept = await core.store.read(Wanted(program=core.program, grants=frozenset(ids)))
        units = frozenset(stored.grant.unit for stored in kept.grants.values())
        decision = await core.store.apply(
            want_release(compiled, ids, units),
            lambda facts, ids=ids: decide_release(compiled, facts, ids, now),  # type: ignore[misc]
        )
        posted += decision.result
    return posted


async def _expire(core: Core, owners: list[tuple[str, str]], now: datetime) -> int:
    compiled, expired = core.compiled, 0
    for start in range(0, len(owners), BATCH_MAX):
        batch = owners[start : start + BATCH_MAX]
        decision = await core.store.apply(
            want_expiry(core.program, batch),
            lambda facts, batch=batch: decide_expiry(compiled, facts, batch, now),  # type: ignore[misc]
        )
        expired += decision.result
    return expired
