"""Payouts: a member asks for cash, staff says what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from referral_engine.decisions import (
    FinalState,
    PayoutDecision,
    Redemption,
    decide_payout,
    decide_payout_request,
    want_payout_decision,
    want_payout_request,
)
from referral_engine.engine.arguments import require_amount, require_count, require_cursor, require_memo
from referral_engine.engine.reading import PAGE_MAX
from referral_engine.errors import InvalidInput
from referral_engine.facts import Wanted
from referral_engine.ids import require_id
from referral_engine.ledger import Payout, PayoutState

if TYPE_CHECKING:
    from referral_engine.engine.core import Core

_STATES = get_args(PayoutState)
_FINAL_STATES = get_args(FinalState)


async def request_payout(core: Core, member_id: str, amount: int, unit: str, *, key: str, memo: str | None) -> Payout:
    """Set an amount of cash aside to be paid out."""
    member, name, kind = require_id("member_id", member_id), require_id("key", key), core.unit(unit)
    whole, words = require_amount("amount", amount), require_memo(memo)
    terms = core.compiled.program.units[kind]
    if terms.kind != "cash":
        raise InvalidInput("unit", f"{kind} is no cash; use redeem, or Unit(kind='cash')")
    asked = Redemption(core.program, member, whole, kind, name, words)
    compiled, now = core.compiled, core.now()
    decision = await core.store.apply(
        want_payout_request(asked), lambda facts: decide_payout_request(compiled, facts, asked, now)
    )
    return decision.result


async def settle_payout(core: Core, payout_id: str, state: FinalState, *, actor: str, memo: str | None) -> Payout:
    """Note what became of a payout."""
    if state not in _FINAL_STATES:
        raise InvalidInput("state", f"must be one of {', '.join(_FINAL_STATES)}")
    asked = PayoutDecision(
        payout_id=require_id("payout_id", payout_id),
        state=state,
        actor=require_id("actor", actor),
        memo=require_memo(memo),
    )
    compiled, now = core.compiled, core.now()
    known = await payout(core, asked.payout_id)
    units = frozenset(() if known is None else (known.unit,))
    decision = await core.store.apply(
        want_payout_decision(core.program, asked, units),
        lambda facts: decide_payout(compiled, facts, asked, now),
    )
    return decision.result


async def payout(core: Core, payout_id: str) -> Payout | None:
    """A payout by its id, or None."""
    name = require_id("payout_id", payout_id)
    facts = await core.store.read(Wanted(program=core.program, payouts=frozenset({name})))
    return facts.payouts.get(name)


async def payouts(core: Core, state: PayoutState | None, after: int | None, limit: int) -> list[Payout]:
    """A page of payouts."""
    if state is not None and state not in _STATES:
        raise InvalidInput("state", f"must be one of {', '.join(_STATES)}")
    since = require_cursor("after", after)
    return await core.store.payouts(core.program, state, since, require_count("limit", limit, 1, PAGE_MAX))
