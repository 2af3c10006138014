"""Moving money that is available: redeeming it, passing it on, and adjusting it by staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.decisions import (
    Adjustment,
    MemberTransfer,
    Redemption,
    decide_adjustment,
    decide_redemption,
    decide_transfer,
    payout_transfer,
    want_adjustment,
    want_redemption,
    want_transfer,
)
from referral_engine.engine.arguments import (
    MEMO_LENGTH_MAX,
    require_amount,
    require_memo,
    require_signed_amount,
    require_text,
)
from referral_engine.engine.payouts import request_payout
from referral_engine.errors import InvalidInput
from referral_engine.ids import require_id

if TYPE_CHECKING:
    from referral_engine.engine.core import Core
    from referral_engine.ledger import Transfer


async def redeem(core: Core, member_id: str, amount: int, unit: str, *, key: str, memo: str | None) -> Transfer:
    """Spend what a member has available; cash is asked for as a payout, whose transfer is the answer."""
    kind = core.unit(unit)
    if core.compiled.program.units[kind].kind == "cash":
        return payout_transfer(core.program, await request_payout(core, member_id, amount, kind, key=key, memo=memo))
    asked = Redemption(
        program=core.program,
        member=require_id("member_id", member_id),
        amount=require_amount("amount", amount),
        unit=kind,
        key=require_id("key", key),
        memo=require_memo(memo),
    )
    compiled, now = core.compiled, core.now()
    decision = await core.store.apply(
        want_redemption(asked), lambda facts: decide_redemption(compiled, facts, asked, now)
    )
    return decision.result


async def transfer(
    core: Core, member_id: str, to: str, amount: int, unit: str, *, key: str, memo: str | None
) -> Transfer:
    """Pass on what a member has available to another one."""
    asked = MemberTransfer(
        program=core.program,
        member=require_id("member_id", member_id),
        to=require_id("to", to),
        amount=require_amount("amount", amount),
        unit=core.unit(unit),
        key=require_id("key", key),
        memo=require_memo(memo),
    )
    if asked.member == asked.to:
        raise InvalidInput("to", "must be another member")
    compiled, now = core.compiled, core.now()
    decision = await core.store.apply(want_transfer(asked), lambda facts: decide_transfer(compiled, facts, asked, now))
    return decision.result


async def adjust(core: Core, member_id: str, amount: int, unit: str, *, key: str, actor: str, memo: str) -> Transfer:
    """Give to a member by staff, or take what it has available."""
    asked = Adjustment(
        program=core.program,
        member=require_id("member_id", member_id),
        amount=require_signed_amount("amount", amount),
        unit=core.unit(unit),
        key=require_id("key", key),
        actor=require_id("actor", actor),
        memo=require_text("memo", memo, MEMO_LENGTH_MAX),
    )
    compiled, now = core.compiled, core.now()
    decision = await core.store.apply(
        want_adjustment(asked), lambda facts: decide_adjustment(compiled, facts, asked, now)
    )
    return decision.result
