"""View: the facts that a rule sees for one event, and how each named fact is read from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from referral_engine.events import Event
from referral_engine.facts import Tally
from referral_engine.members import Member
from referral_engine.referrals import Referral

if TYPE_CHECKING:
    from referral_engine.rewards.vocabulary import Fact


@dataclass(slots=True)
class View:
    """One event with the members concerned, as they are after attribution and with the event itself counted.

    `referral` and `referrer` are None for a campaign that does not see the referral. `tally` answers by member and
    type.
    """

    event: Event
    at: datetime
    member: Member
    referral: Referral | None
    referrer: Member | None
    tally: Callable[[str, str], Tally]


Getter = Callable[[View], Any]

_EVENT: dict[str, Getter] = {
    "id": lambda view: view.event.id,
    "type": lambda view: view.event.type,
    "member": lambda view: view.event.member,
    "at": lambda view: view.at,
    "amount": lambda view: view.event.amount,
}
_REFERRAL: dict[str, Callable[[Referral, datetime], object]] = {
    "campaign": lambda referral, _: referral.campaign,
    "age_days": lambda referral, at: (at - referral.at).days,
    "state": lambda referral, _: referral.state,
}


def getter(fact: Fact) -> Getter:
    """Say how a fact is read; it answers None where the fact is missing."""
    if fact.scope == "event":
        key = fact.key
        return _EVENT[fact.kind] if key is None else lambda view: view.event.attributes.get(key)
    if fact.scope == "referral":
        read = _REFERRAL[fact.kind]
        return lambda view: None if view.referral is None else read(view.referral, view.at)
    of_member = _of_member(fact)
    if fact.scope == "referee":
        return lambda view: of_member(view, view.member)
    return lambda view: None if view.referrer is None else of_member(view, view.referrer)


def _of_member(fact: Fact) -> Callable[[View, Member], object]:
    key = fact.key or ""
    readers: dict[str, Callable[[View, Member], object]] = {
        "count": lambda view, member: view.tally(member.id, key).count,
        "sum": lambda view, member: view.tally(member.id, key).sum,
        "referrals.total": lambda _, member: member.referrals_total,
        "referrals.qualified": lambda _, member: member.referrals_qualified,
        "role": lambda _, member: key in member.roles,
        "tag": lambda _, member: key in member.tags,
        "age_days": lambda view, member: (view.at - member.joined_at).days,
    }
    return readers[fact.kind]
