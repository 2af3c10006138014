"""Redeeming what is available, and releasing what was held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.decisions import Redemption, decide_redemption, decide_release, want_redemption, want_release
from referral_engine.engine.arguments import MEMO_LENGTH_MAX, require_amount, require_count, require_text
from referral_engine.engine.recording import BATCH_MAX
from referral_engine.ids import require_id

if TYPE_CHECKING:
    from referral_engine.engine.core import Core
    from referral_engine.ledger import Transfer

RELEASE_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Released:
    """What `release_due` did: how many holds were posted, lots expired and boards closed, and whether more is due."""

    holds: int
    lots: int
    boards: int
    more: bool


async def redeem(core: Core, member_id: str, amount: int, unit: str, *, key: str, memo: str | None) -> Transfer:
    """Spend what a member has available."""
    asked = Redemption(
        program=core.program,
        member=require_id("member_id", member_id),
        amount=require_amount("amount", amount),
        unit=core.unit(unit),
        key=require_id("key", key),
        memo=None if memo is None else require_text("memo", memo, MEMO_LENGTH_MAX),
    )
    now = core.now()
    decision = await core.store.apply(want_redemption(asked), lambda facts: decide_redemption(facts, asked, now))
    return decision.result


async def release_due(core: Core, limit: int) -> Released:
    """Post the holds that are due, the earliest first, BATCH_MAX to a transaction."""
    most = require_count("limit", limit, 1, RELEASE_MAX)
    now = core.now()
    due = await core.store.due(core.program, now, most + 1)
    holds = 0
    for start in range(0, min(len(due), most), BATCH_MAX):
        batch = due[start : min(start + BATCH_MAX, most)]
        decision = await core.store.apply(
            want_release(core.compiled, batch),
            lambda facts, ids=batch: decide_release(facts, ids, now),  # type: ignore[misc]
        )
        holds += decision.result
    return Released(holds=holds, lots=0, boards=0, more=len(due) > most)
