"""Paying out: a member asks for cash; the money waits until it is said to be paid, or goes back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from referral_engine.decisions.draft import Draft
from referral_engine.decisions.keyed import done_before, require_member
from referral_engine.decisions.purse import Purse
from referral_engine.decisions.redeeming import want_redemption
from referral_engine.errors import InvalidInput
from referral_engine.facts import Facts, Wanted
from referral_engine.ids import derived_id
from referral_engine.ledger import Balance, Payout, Transfer
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from referral_engine.changes import Decision
    from referral_engine.decisions.compiled import Compiled
    from referral_engine.decisions.redeeming import Redemption
    from referral_engine.ledger import Account, TransferKind

FinalState = Literal["paid", "failed", "rejected"]
"""What becomes of a payout that was requested."""

_ENDS: Mapping[TransferKind, tuple[Account, Account]] = {
    "payout": ("available", "paying"),
    "payout_paid": ("paying", "redeemed"),
    "payout_return": ("paying", "available"),
}


def want_payout_request(asked: Redemption) -> Wanted:
    """Name what requesting needs."""
    return replace(want_redemption(asked), payouts=frozenset({_payout_id(asked)}))


def decide_payout_request(compiled: Compiled, facts: Facts, asked: Redemption, now: datetime) -> Decision[Payout]:
    """Set the amount aside, once for a key; the same key again answers the payout as it stands. Pure.

    Raises IdempotencyConflict for a key used with other content, InvalidInput for less than the unit's minimum,
    UnknownMember, InsufficientBalance.
    """
    draft = Draft(facts, chained=compiled.chained)
    id_ = _payout_id(asked)
    made = Payout(id_, asked.member, asked.unit, asked.amount, "requested", asked.key, asked.memo, now)
    aside = payout_transfer(compiled.id, made)
    if done_before(facts, aside, asked.key) is not None:
        return draft.decision(facts.payouts[id_])
    least = compiled.program.units[asked.unit].payout_min
    if asked.amount < least:
        raise InvalidInput("amount", f"a payout is of at least {least} minor units of {asked.unit}")
    require_member(facts, asked.member)
    Purse(compiled, draft, asked.member, asked.unit, now).spend(asked.amount, Balance(paying=asked.amount))
    draft.put_payout(made)
    draft.transfer(aside)
    draft.message("payout.requested", now, _payload(made))
    return draft.decision(made)


def _payout_id(asked: Redemption) -> str:
    return derived_id(asked.program, "payout", asked.key)


def payout_transfer(program: str, payout: Payout) -> Transfer:
    """The transfer by which the amount was set aside; to the keys it is a redemption."""
    id_ = derived_id(program, "redemption", payout.key)
    return _transfer(id_, payout, "payout", payout.memo, payout.requested_at)


@dataclass(frozen=True, slots=True)
class PayoutDecision:
    """What staff says of a payout: its final state, by `actor`, with the words given."""

    payout_id: str
    state: FinalState
    actor: str
    memo: str | None


def want_payout_decision(program: str, asked: PayoutDecision, units: frozenset[str]) -> Wanted:
    """Name what deciding a payout needs."""
    return Wanted(program=program, payouts=frozenset({asked.payout_id}), units=units, lot_units=units)


def decide_payout(compiled: Compiled, facts: Facts, asked: PayoutDecision, now: datetime) -> Decision[Payout]:
    """Let the money leave, or give it back; saying the same again changes nothing. Pure.

    Money that goes back is posted anew: it repays what the member owes, and its lot begins now. Raises InvalidInput
    for a payout that is unknown or was decided otherwise.
    """
    payout = facts.payouts.get(asked.payout_id)
    if payout is None:
        raise InvalidInput("payout_id", "there is no such payout in this program; take it from request_payout")
    draft = Draft(facts, chained=compiled.chained)
    if payout.state == asked.state:
        return draft.decision(payout)
    if payout.state != "requested":
        raise InvalidInput("state", f"the payout is {payout.state} already; a payout is decided once")
    decided = replace(payout, state=asked.state, decided_at=now, actor=asked.actor)
    draft.put_payout(decided)
    purse, amount = Purse(compiled, draft, payout.member, payout.unit, now), payout.amount
    if asked.state == "paid":
        draft.transfer(_transfer(derived_id(payout.id, "paid"), payout, "payout_paid", asked.memo, now))
        draft.adjust_balance(payout.member, payout.unit, Balance(paying=-amount, redeemed=amount))
    else:
        back = _transfer(derived_id(payout.id, "return"), payout, "payout_return", asked.memo, now)
        draft.transfer(back)
        purse.credit(amount, now, back.id, compiled.expiry.get(payout.unit), Balance(paying=-amount))
    draft.audit(
        "payout",
        payout.id,
        now,
        actor=asked.actor,
        before=FrozenDict(state=payout.state),
        after=FrozenDict(state=decided.state, member=payout.member, unit=payout.unit, amount=amount),
        memo=asked.memo,
    )
    draft.message(f"payout.{decided.state}", now, _payload(decided))
    return draft.decision(decided)


def _payload(payout: Payout) -> FrozenDict[str | int]:
    return FrozenDict(payout=payout.id, member=payout.member, unit=payout.unit, amount=payout.amount, key=payout.key)


def _transfer(id_: str, payout: Payout, kind: TransferKind, memo: str | None, now: datetime) -> Transfer:
    debit, credit = _ENDS[kind]
    return Transfer(
        id=id_,
        kind=kind,
        member=payout.member,
        unit=payout.unit,
        amount=payout.amount,
        debit=debit,
        credit=credit,
        campaign=None,
        reference=payout.id,
        memo=memo,
        at=now,
    )
