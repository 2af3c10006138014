"""Settling: what a rule that matched may really give, under its limits and its campaign's budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.decisions.paying import pay, recipient
from referral_engine.facts import LimitKey
from referral_engine.ledger import fullest
from referral_engine.outcomes import Reason
from referral_engine.validation import TOTAL_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.decisions.case import Case
    from referral_engine.decisions.compiled import CompiledRule
    from referral_engine.decisions.view import View
    from referral_engine.rewards.limit import Limit
    from referral_engine.rewards.reward import Award


def settle(case: Case, rule: CompiledRule, view: View, awards: Sequence[Award]) -> Reason | None:
    """Give the awards, all or none, or say why not. Every limit is checked before any is charged."""
    if view.referral is None and _needs_referral(rule, awards):
        return Reason("no_referrer", rule.id)
    amounts = [award.amount for award in awards]
    keys = [_limit_key(case, rule, limit, view) for limit in rule.limits]
    for limit, key in zip(rule.limits, keys, strict=True):
        left = _cap(limit) - case.draft.limit(key)
        if not _fits(limit, awards, amounts, left):
            return Reason.of("limited", rule.id, per=limit.per, within=limit.within, max=_cap(limit), left=max(left, 0))
    for unit in sorted({award.unit for award in awards}):
        if (reason := _beyond_means(case, rule, view, (awards, amounts), unit)) is not None:
            return reason
    for limit, key in zip(rule.limits, keys, strict=True):
        if n := _charge(limit, awards, amounts):
            case.charge(key, n)
    pay(case, rule, view, awards, amounts)
    return None


def _needs_referral(rule: CompiledRule, awards: Sequence[Award]) -> bool:
    """Whether the rule pays, or is limited by, an end of the referral."""
    return any(award.to != "member" for award in awards) or any(limit.per != "referee" for limit in rule.limits)


def _limit_key(case: Case, rule: CompiledRule, limit: Limit, view: View) -> LimitKey:
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
        period=case.compiled.calendar.key(limit.within, view.at),
    )


def _cap(limit: Limit) -> int:
    return limit.times if limit.times is not None else limit.amount or 0


def _charge(limit: Limit, awards: Sequence[Award], amounts: Sequence[int]) -> int:
    if limit.unit is None:
        return 1
    return _total(awards, amounts, limit.unit)


def _fits(limit: Limit, awards: Sequence[Award], amounts: list[int], left: int) -> bool:
    """Whether the firing fits what is left; a clamping limit cuts `amounts` to it."""
    over = _charge(limit, awards, amounts) - left
    if over <= 0:
        return True
    if limit.unit is None or limit.over == "skip" or left <= 0:
        return False
    _cut(awards, amounts, limit.unit, over)
    return True


def _cut(awards: Sequence[Award], amounts: list[int], unit: str, over: int) -> None:
    """Take `over` off the amounts of a unit, the last award first."""
    for place in range(len(awards) - 1, -1, -1):
        if awards[place].unit == unit:
            cut = min(over, amounts[place])
            amounts[place] -= cut
            over -= cut


def _beyond_means(
    case: Case, rule: CompiledRule, view: View, wants: tuple[Sequence[Award], list[int]], unit: str
) -> Reason | None:
    """Refuse what the budget does not cover, and what would pass the largest total that is kept.

    A campaign that clamps cuts the amounts that are wanted to what is left of its budget.
    """
    awards, amounts = wants
    wanted = _total(awards, amounts, unit)
    total = rule.campaign.total(unit)
    committed = case.draft.committed(rule.campaign.id, unit)
    if total is not None and committed + wanted > total:
        remaining = max(total - committed, 0)
        if rule.campaign.over_budget == "skip" or not remaining:
            return Reason.of("budget_exhausted", rule.id, unit=unit, wanted=wanted, remaining=remaining)
        _cut(awards, amounts, unit, wanted - remaining)
        wanted = remaining
    members = {recipient(view, award) for award in awards if award.unit == unit}
    most = max(committed, *(fullest(case.draft.balance(member, unit)) for member in members))
    if most + wanted > TOTAL_MAX:
        return Reason.of("limited", rule.id, unit=unit, wanted=wanted, total_max=TOTAL_MAX)
    return None


def _total(awards: Sequence[Award], amounts: Sequence[int], unit: str) -> int:
    return sum(amount for award, amount in zip(awards, amounts, strict=True) if award.unit == unit)
