"""Settling: what a rule that matched may really give, under its limits and its campaign's budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from referral_engine.decisions.compiled import Compiled, CompiledRule
from referral_engine.decisions.draft import Draft
from referral_engine.decisions.paying import pay
from referral_engine.decisions.view import View
from referral_engine.facts import LimitKey
from referral_engine.ledger.grant import Grant
from referral_engine.outcomes import Reason, ReasonCode
from referral_engine.rewards.limit import Limit
from referral_engine.rewards.reward import Award
from referral_engine.validation import TOTAL_MAX, FrozenDict


class Settlement(NamedTuple):
    """What was granted and charged, or why nothing was."""

    grants: tuple[Grant, ...] = ()
    charged: tuple[tuple[LimitKey, int], ...] = ()
    reason: Reason | None = None


def settle(
    draft: Draft, compiled: Compiled, rule: CompiledRule, view: View, awards: Sequence[Award]
) -> Settlement:
    """Give the awards, all or none, or say why not. Every limit is checked before any is charged."""
    if view.referral is None and needs_referral(rule, awards):
        return Settlement(reason=Reason("no_referrer", rule.id))
    amounts = [award.amount for award in awards]
    charges: list[tuple[Limit, LimitKey]] = []
    for limit in rule.limits:
        key = limit_key(compiled, rule, limit, view)
        left = _cap(limit) - draft.limit(key)
        if not _fits(limit, awards, amounts, left):
            return Settlement(reason=_limited(rule, limit, left))
        charges.append((limit, key))
    if (reason := _beyond_means(draft, rule, view, awards, amounts)) is not None:
        return Settlement(reason=reason)
    charged = tuple((key, n) for limit, key in charges if (n := _charge(limit, awards, amounts)))
    for key, n in charged:
        draft.adjust_limit(key, n)
    return Settlement(tuple(pay(draft, compiled, rule, view, awards, amounts)), charged)


def needs_referral(rule: CompiledRule, awards: Sequence[Award]) -> bool:
    """Whether the rule pays, or is limited by, an end of the referral."""
    return any(award.to != "member" for award in awards) or any(limit.per != "referee" for limit in rule.limits)


def limit_key(compiled: Compiled, rule: CompiledRule, limit: Limit, view: View) -> LimitKey:
    """Name the counter of a limit for this event."""
    referee, referrer = view.member.id, "" if view.referrer is None else view.referrer.id
    subject = {"referrer": referrer, "referee": referee, "pair": f"{referrer} {referee}"}[limit.per]
    return LimitKey(
        holder=referrer if limit.per == "referrer" else referee,
        rule=rule.id,
        per=limit.per,
        within=limit.within,
        unit=limit.unit or "",
        subject=subject,
        period=compiled.calendar.key(limit.within, view.at),
    )


def _charge(limit: Limit, awards: Sequence[Award], amounts: Sequence[int]) -> int:
    if limit.unit is None:
        return 1
    return sum(amount for award, amount in zip(awards, amounts, strict=True) if award.unit == limit.unit)


def _fits(limit: Limit, awards: Sequence[Award], amounts: list[int], left: int) -> bool:
    """Whether the firing fits what is left; a clamping limit cuts `amounts` to it, in the order of giving."""
    over = _charge(limit, awards, amounts) - left
    if over <= 0:
        return True
    if limit.over == "skip" or left <= 0:
        return False
    for place in range(len(awards) - 1, -1, -1):
        if awards[place].unit == limit.unit:
            cut = min(over, amounts[place])
            amounts[place] -= cut
            over -= cut
    return True


def _cap(limit: Limit) -> int:
    return limit.times if limit.times is not None else limit.amount or 0


def _limited(rule: CompiledRule, limit: Limit, left: int) -> Reason:
    return _refused("limited", rule, per=limit.per, within=limit.within, max=_cap(limit), left=max(left, 0))


def _beyond_means(
    draft: Draft, rule: CompiledRule, view: View, awards: Sequence[Award], amounts: Sequence[int]
) -> Reason | None:
    """Refuse what the budget does not cover, and what would pass the largest total that is kept."""
    for unit in sorted({award.unit for award in awards}):
        wanted = sum(amount for award, amount in zip(awards, amounts, strict=True) if award.unit == unit)
        total = rule.campaign.total(unit)
        committed = draft.committed(rule.campaign.id, unit)
        if total is not None and committed + wanted > total:
            return _refused("budget_exhausted", rule, unit=unit, wanted=wanted, remaining=total - committed)
        held_most = max(_fullest(draft, member_of(view, award), unit) for award in awards if award.unit == unit)
        if max(committed, held_most) + wanted > TOTAL_MAX:
            return _refused("limited", rule, unit=unit, wanted=wanted, total_max=TOTAL_MAX)
    return None


def _refused(code: ReasonCode, rule: CompiledRule, **values: str | int) -> Reason:
    return Reason(code, rule.id, FrozenDict(values))


def _fullest(draft: Draft, member: str, unit: str) -> int:
    balance = draft.balance(member, unit)
    return balance.lifetime + balance.held


def member_of(view: View, award: Award) -> str:
    """Who an award goes to."""
    return view.referrer.id if award.to == "referrer" and view.referrer is not None else view.member.id
