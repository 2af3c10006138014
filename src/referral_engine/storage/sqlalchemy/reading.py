"""Reading: resolving what is wanted into members, and gathering the facts about them, one statement for each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.codes.code import InviteCode
from referral_engine.facts import Facts, LimitKey, StoredEvent, Tally
from referral_engine.ledger.balance import Balance, Spend
from referral_engine.ledger.grant import StoredGrant
from referral_engine.members.member import Member
from referral_engine.storage.sqlalchemy import rows
from referral_engine.storage.sqlalchemy.attempts import StartAgain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection

    from referral_engine.facts import Wanted
    from referral_engine.referrals.referral import Referral
    from referral_engine.storage.sqlalchemy.statements import Sql
    from referral_engine.storage.sqlalchemy.tables import Tables

_FIGURES = ("available", "held", "lifetime", "expired", "redeemed", "debt")
_LIMIT = ("holder", "rule", "per", "within", "unit", "subject", "period")


@dataclass(frozen=True, slots=True)
class Held:
    """Members that are locked: `ids` are all that were asked for, `members` those of them that exist.

    `stubs` were made to be locked and have to be put or taken away.
    """

    ids: frozenset[str]
    members: dict[str, Member]
    stubs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Named:
    """The records that are wanted by name; they lead to members."""

    codes: dict[str, InviteCode]
    own_codes: dict[tuple[str, str | None], str]
    events: dict[str, StoredEvent]
    grants: dict[str, StoredGrant]

    def concerned(self, wanted: Wanted) -> set[str]:
        """Name the members that are wanted or led to, but for the referrers of actors."""
        found = {*wanted.actors, *wanted.members}
        found.update(code.owner for text, code in self.codes.items() if text in wanted.codes and code.owner is not None)
        found.update(event.member for id_, event in self.events.items() if id_ in wanted.origins)
        found.update(stored.grant.member for stored in self.grants.values())
        return found


class Reader:
    """Gathers facts."""

    def __init__(self, sql: Sql, tables: Tables) -> None:
        self._codes = sql.lookup(tables.codes, rows.CODE_COLUMNS, ["text"])
        self._own_codes = sql.lookup(tables.codes, rows.CODE_COLUMNS, ["owner", "invite_for"])
        self._events = sql.lookup(tables.events, rows.EVENT_COLUMNS, ["id"])
        self._grants = sql.lookup(tables.grants, rows.GRANT_COLUMNS, ["id"])
        self._grants_of = sql.lookup(tables.grants, rows.GRANT_COLUMNS, ["event"])
        self._refunds = sql.lookup(tables.refunds, ["event", "amount"], ["event"])
        self._transfers = sql.lookup(tables.transfers, rows.TRANSFER_COLUMNS, ["id"])
        self._members = sql.lookup(tables.members, rows.MEMBER_COLUMNS, ["member"])
        self._referrals = sql.lookup(tables.referrals, rows.REFERRAL_COLUMNS, ["referee"])
        self._tallies = sql.lookup(tables.tallies, ["member", "type", "count", "sum"], ["member", "type"])
        self._balances = sql.lookup(tables.balances, ["member", "unit", *_FIGURES], ["member", "unit"])
        self._limits = sql.lookup(tables.limits, [*_LIMIT, "count"], ["holder", "rule", "period"])
        self._spends = sql.lookup(tables.spends, ["campaign", "unit", "spent", "held"], ["campaign", "unit"])

    def gather(self, connection: Connection, wanted: Wanted, held: Held | None, *, lock: bool = False) -> Facts:
        """Read the facts that are wanted.

        With `held`, the members that are locked, raises StartAgain when others are concerned by now. `lock` makes the
        reads of what a member's lock guards see, and keep, the newest rows, whatever the host's isolation.
        """
        named = self._named(connection, wanted, lock=lock)
        program, (ids, referrals) = wanted.program, self._referred(connection, wanted, named, held, lock=lock)
        members = self.members(connection, program, ids) if held is None else held.members
        tallies = self._tallies.rows(connection, program, ids, wanted.tally_types, lock=lock)
        balances = self._balances.rows(connection, program, ids, wanted.units, lock=lock)
        limits = self._limits.rows(connection, program, ids, wanted.limit_rules, wanted.limit_periods, lock=lock)
        spends = self._spends.rows(connection, program, *_sides(wanted.spends))
        refunds = self._refunds.rows(connection, program, wanted.origins, lock=lock)
        transfers = self._transfers.rows(connection, program, wanted.transfers)
        return Facts(
            members=members,
            referrals=referrals,
            codes=named.codes,
            own_codes=named.own_codes,
            events=named.events,
            grants=named.grants,
            refunded={event: amount for event, amount in refunds},  # noqa: C416 - dict() of rows is no mapping of text
            transfers={row[0]: rows.transfer_of(row) for row in transfers},
            tallies={(member, kind): Tally(count, total) for member, kind, count, total in tallies},
            balances={(member, unit): Balance(*figures) for member, unit, *figures in balances},
            limits={LimitKey(*key): count for *key, count in limits},
            spends={(campaign, unit): Spend(spent, held_) for campaign, unit, spent, held_ in spends},
        )

    def _named(self, connection: Connection, wanted: Wanted, *, lock: bool) -> Named:
        program = wanted.program
        codes = {row[0]: rows.code_of(row) for row in self._codes.rows(connection, program, wanted.codes)}
        own_codes = {}
        sides = _sides((owner, rows.invite_for(campaign)) for owner, campaign in wanted.own_codes)
        for row in self._own_codes.rows(connection, program, *sides):
            code = rows.code_of(row)
            if (key := (row[1], code.campaign)) in wanted.own_codes:
                codes[code.text], own_codes[key] = code, code.text
        found = self._events.rows(connection, program, wanted.events | wanted.origins)
        events = {row[0]: rows.event_of(row) for row in found}
        by_event = self._grants_of.rows(connection, program, wanted.origins, lock=lock)
        by_id = self._grants.rows(connection, program, wanted.grants, lock=lock)
        grants = {row[0]: rows.grant_of(row) for row in (*by_event, *by_id)}
        return Named(codes, own_codes, events, grants)

    def _referred(
        self, connection: Connection, wanted: Wanted, named: Named, held: Held | None, *, lock: bool
    ) -> tuple[set[str], dict[str, Referral]]:
        """Name the members concerned, the referrers of actors among them, and answer their referrals."""
        ids = named.concerned(wanted)
        found = self._referrals.rows(connection, wanted.program, ids if held is None else held.ids, lock=lock)
        referrals = {row[0]: rows.referral_of(row) for row in found}
        referrers = {one.referrer for actor in wanted.actors if (one := referrals.get(actor)) is not None}
        if held is None:
            more = self._referrals.rows(connection, wanted.program, referrers - ids)
            referrals.update((row[0], rows.referral_of(row)) for row in more)
        elif not ids | referrers <= held.ids:
            raise StartAgain("the members concerned changed while they were being locked")
        return ids | referrers, referrals

    def members(self, connection: Connection, program: str, ids: Collection[str]) -> dict[str, Member]:
        """Read members by id."""
        return {row[0]: rows.member_of(row) for row in self._members.rows(connection, program, ids)}


def _sides(pairs: Iterable[tuple[str, str]]) -> tuple[set[str], set[str]]:
    """Split pairs into their first and their second parts; together these cover the pairs and perhaps more."""
    listed = list(pairs)
    return {first for first, _ in listed}, {second for _, second in listed}
