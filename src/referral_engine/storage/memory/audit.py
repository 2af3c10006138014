"""Audit: what the kept figures of one program should be, added up from its records."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from referral_engine.ledger.chain import FIRST, seal
from referral_engine.ledger.transfer import Transfer, moved
from referral_engine.outcomes import Drift

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from referral_engine.ledger.transfer import Account
    from referral_engine.storage.memory.records import Records

_Key = TypeVar("_Key", bound=tuple[str, ...])
Sums = defaultdict[tuple[str, ...], int]


def audit(records: Records) -> list[Drift]:
    """List every figure that is not what it should be."""
    return [
        *_balances(records),
        *_lots(records),
        *_payouts(records),
        *_clearing(records),
        *_chain(records),
        *_budgets(records),
        *_tallies(records),
        *_members(records),
        *_footprints(records),
    ]


def _compare(what: str, kept: Iterable[tuple[_Key, int]], expected: Sums) -> Iterator[Drift]:
    have: dict[tuple[str, ...], int] = dict(kept)
    for key in sorted({*have, *expected}):
        if have.get(key, 0) != expected.get(key, 0):
            yield Drift(what, "/".join(key), have.get(key, 0), expected.get(key, 0))


def _lifetime(transfer: Transfer) -> int:
    sign = {"grant": 1, "release": 1, "adjustment": transfer.debit == "issuer", "reversal": -1}.get(transfer.kind, 0)
    return sign * transfer.amount


def _balances(records: Records) -> Iterator[Drift]:
    accounts: tuple[Account, ...] = ("available", "held", "redeemed", "expired", "paying")
    sums: dict[str, Sums] = {name: defaultdict(int) for name in (*accounts, "debt", "lifetime")}
    for transfer in records.transfers.values():
        key = (transfer.member, transfer.unit)
        for account in accounts:
            sums[account][key] += moved(transfer, account)
        sums["debt"][key] -= moved(transfer, "debt")
        sums["lifetime"][key] += _lifetime(transfer)
    for name, expected in sums.items():
        kept = [(key, getattr(balance, name)) for key, balance in records.balances.items()]
        yield from _compare(f"balance.{name}", kept, expected)


def _lots(records: Records) -> Iterator[Drift]:
    left = Sums(int, {key: sum(lot.remaining for lot in lots.values()) for key, lots in records.lots.items()})
    kept = [(key, balance.expiring) for key, balance in records.balances.items()]
    yield from _compare("balance.expiring", kept, left)


def _payouts(records: Records) -> Iterator[Drift]:
    asked = Sums(int)
    for payout in records.payouts.values():
        asked[payout.member, payout.unit] += payout.amount * (payout.state == "requested")
    yield from _compare("payout.paying", ((key, one.paying) for key, one in records.balances.items()), asked)


def _clearing(records: Records) -> Iterator[Drift]:
    left = Sums(int)
    for transfer in records.transfers.values():
        left[transfer.unit, transfer.reference] += moved(transfer, "clearing")
    yield from _compare("clearing", left.items(), Sums(int))


def _chain(records: Records) -> Iterator[Drift]:
    """Name the first transfer whose seal is broken; those after it rest on it."""
    rows = {cursor: transfer_id for row in records.statements.values() for cursor, transfer_id in row}
    last = FIRST
    for place, (cursor, kept) in enumerate(records.seals):
        found = records.transfers.get(rows.get(cursor, ""))
        last = FIRST if found is None else seal(last, replace(found, cursor=cursor))
        if last != kept:
            yield Drift("chain", str(cursor), place + 1, place)
            return


def _budgets(records: Records) -> Iterator[Drift]:
    spent, held = Sums(int), Sums(int)
    for stored in records.grants.values():
        key = (stored.campaign, stored.grant.unit)
        spent[key] += stored.left * (stored.state == "posted")
        held[key] += stored.left * (stored.state == "held")
    yield from _compare("budget.spent", ((key, spend.spent) for key, spend in records.spends.items()), spent)
    yield from _compare("budget.held", ((key, spend.held) for key, spend in records.spends.items()), held)


def _tallies(records: Records) -> Iterator[Drift]:
    counts, sums = Sums(int), Sums(int)
    for event in records.events.values():
        if event.counted:
            counts[event.member, event.type] += 1
            sums[event.member, event.type] += event.amount or 0
    yield from _compare("tally.count", ((key, tally.count) for key, tally in records.tallies.items()), counts)
    yield from _compare("tally.sum", ((key, tally.sum) for key, tally in records.tallies.items()), sums)


def _members(records: Records) -> Iterator[Drift]:
    total, qualified = Sums(int), Sums(int)
    for referral in records.referrals.values():
        total[referral.referrer,] += 1
        qualified[referral.referrer,] += referral.state == "qualified"
    kept = records.members.values()
    yield from _compare("member.referrals_total", (((one.id,), one.referrals_total) for one in kept), total)
    yield from _compare("member.referrals_qualified", (((one.id,), one.referrals_qualified) for one in kept), qualified)


def _footprints(records: Records) -> Iterator[Drift]:
    limits, scores, uses = Sums(int), Sums(int), Sums(int)
    for event in records.events.values():
        for limit, by in event.footprint.limits:
            limits[limit] += by
        for score, by in event.footprint.scores:
            scores[score] += by
        if event.footprint.code is not None:
            uses[event.footprint.code,] += 1
    yield from _compare("limit", records.limits.items(), limits)
    kept = [((*table, one.member), one.score) for table, rows in records.scores.items() for one in rows.values()]
    yield from _compare("score", kept, scores)
    yield from _compare("code.uses", (((code.text,), code.uses) for code in records.codes.values()), uses)
