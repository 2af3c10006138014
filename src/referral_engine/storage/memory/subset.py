"""Subset: a copy of just the wanted facts, which stays as it is when the records move on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from referral_engine.facts import Facts, Wanted
from referral_engine.ledger import IDLE

if TYPE_CHECKING:
    from referral_engine.ledger import StoredGrant
    from referral_engine.storage.memory.records import Records

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


def _pick(kept: Mapping[_Key, _Value], keys: Iterable[_Key]) -> dict[_Key, _Value]:
    return {key: kept[key] for key in keys if key in kept}


def concerned(records: Records, wanted: Wanted) -> frozenset[str]:
    """Step 1: the members that a decision is about."""
    found = set(wanted.actors | wanted.members)
    found.update(r.referrer for member in wanted.actors if (r := records.referrals.get(member)) is not None)
    found.update(code.owner for code in _pick(records.codes, wanted.codes).values() if code.owner is not None)
    found.update(event.member for event in _pick(records.events, wanted.origins).values())
    found.update(stored.grant.member for stored in _grants(records, wanted).values())
    found.update(payout.member for payout in _pick(records.payouts, wanted.payouts).values())
    return frozenset(found)


def _grants(records: Records, wanted: Wanted) -> dict[str, StoredGrant]:
    made = {grant_id for event_id in wanted.origins for grant_id in records.grants_of.get(event_id, ())}
    return _pick(records.grants, made | wanted.grants)


def subset(records: Records, wanted: Wanted) -> Facts:
    """Copy the wanted facts; the values themselves are frozen."""
    members = concerned(records, wanted)
    own_codes = _pick(records.own_codes, wanted.own_codes)
    limits = {
        key: count
        for key, count in records.limits.items()
        if key.holder in members and key.rule in wanted.limit_rules and key.period in wanted.limit_periods
    }
    return Facts(
        members=_pick(records.members, members),
        referrals=_pick(records.referrals, members),
        codes=_pick(records.codes, wanted.codes | set(own_codes.values())),
        own_codes=own_codes,
        events=_pick(records.events, wanted.events | wanted.origins),
        grants=_grants(records, wanted),
        refunded=_pick(records.refunded, wanted.origins),
        transfers=_pick(records.transfers, wanted.transfers),
        tallies=_pick(records.tallies, ((member, kind) for member in members for kind in wanted.tally_types)),
        payouts=_pick(records.payouts, wanted.payouts),
        balances=_pick(records.balances, ((member, unit) for member in members for unit in wanted.units)),
        lots={
            key: {
                slot: lot
                for slot, lot in records.lots[key].items()
                if (lot.remaining and key[1] in wanted.lot_units) or (slot == IDLE and key[1] in wanted.idle_units)
            }
            for key in ((member, unit) for member in members for unit in wanted.lot_units | wanted.idle_units)
            if key in records.lots
        },
        limits=limits,
        spends=_pick(records.spends, wanted.spends),
        revision=records.revisions[-1] if wanted.revision and records.revisions else None,
    )
