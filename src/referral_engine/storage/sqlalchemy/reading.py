"""Reading: resolving what is wanted into members, and gathering the facts about them, one statement for each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.codes.code import InviteCode
from referral_engine.facts import Facts, LimitKey, StoredEvent, Tally
from referral_engine.ledger.balance import Balance
from referral_engine.ledger.budget import Spend
from referral_engine.ledger.expiry import IDLE
from referral_engine.ledger.grant import StoredGrant
from referral_engine.ledger.payout import Payout
from referral_engine.members.member import Member
from referral_engine.storage.sqlalchemy import rows
from referral_engine.storage.sqlalchemy.attempts import Attempt, StartAgain
from referral_engine.storage.sqlalchemy.statements import Ask

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from referral_engine.facts import Wanted
    from referral_engine.ledger.lot import Lot
    from referral_engine.outcomes import Revision
    from referral_engine.storage.sqlalchemy.statements import Row, Sql
    from referral_engine.storage.sqlalchemy.tables import Tables

_REVISION = "SELECT {columns} FROM {table} WHERE program = :program ORDER BY number DESC LIMIT 1"
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
    payouts: dict[str, Payout]

    def concerned(self, wanted: Wanted) -> set[str]:
        """Name the members that are wanted or led to, but for the referrers of actors."""
        found = {*wanted.actors, *wanted.members}
        found.update(code.owner for text, code in self.codes.items() if text in wanted.codes and code.owner is not None)
        found.update(event.member for id_, event in self.events.items() if id_ in wanted.origins)
        found.update(stored.grant.member for stored in self.grants.values())
        found.update(payout.member for payout in self.payouts.values())
        return found


_PLAIN = Attempt()


class Reader:
    """Gathers facts."""

    def __init__(self, sql: Sql, tables: Tables) -> None:
        limit = [*_LIMIT, "count"]
        self._lookups = sql.lookups(
            {
                "codes": (tables.codes, rows.CODE_COLUMNS, ["text"]),
                "own_codes": (tables.codes, rows.CODE_COLUMNS, ["owner", "invite_for"]),
                "events": (tables.events, rows.EVENT_COLUMNS, ["id"]),
                "grants": (tables.grants, rows.GRANT_COLUMNS, ["id"]),
                "grants_of": (tables.grants, rows.GRANT_COLUMNS, ["event"]),
                "payouts": (tables.payouts, rows.PAYOUT_COLUMNS, ["id"]),
                "refunds": (tables.refunds, ["event", "amount"], ["event"]),
                "transfers": (tables.transfers, rows.TRANSFER_COLUMNS, ["id"]),
                "spends": (tables.spends, ["campaign", "unit", "spent", "held"], ["campaign", "unit"]),
                "members": (tables.members, rows.MEMBER_COLUMNS, ["member"]),
                "referrals": (tables.referrals, rows.REFERRAL_COLUMNS, ["referee"]),
                "tallies": (tables.tallies, ["member", "type", "count", "sum"], ["member", "type"]),
                "balances": (tables.balances, rows.BALANCE_COLUMNS, ["member", "unit"]),
                "limits": (tables.limits, limit, ["holder", "rule", "period"]),
                "lots": (tables.lots, rows.LOT_COLUMNS, ["member", "unit"]),
            }
        )
        revision = _REVISION.format(columns=", ".join(rows.REVISION_COLUMNS), table="{revisions}")
        self._revision, self._newest_revision = sql.query(revision), sql.query(revision, lock=True)

    def gather(self, connection: Connection, wanted: Wanted, held: Held | None, attempt: Attempt = _PLAIN) -> Facts:
        """Read the facts that are wanted.

        With `held`, the members that are locked, raises StartAgain when others are concerned by now. In the host's
        transaction the reads of what a member's lock guards see, and keep, the newest rows, whatever its isolation;
        where it would show old rows to the other reads, these do so too.

        Members that are locked are known, so all is asked at once; else each answer says whom to ask for next.
        """
        asked = self._by_name(wanted, attempt)
        if held is not None:
            asked |= self._by_member(wanted, held.ids, attempt)
            asked["referrals"] = Ask((held.ids,), attempt.host)
        found = self._lookups.rows(connection, wanted.program, asked)
        named = _named(wanted, found)
        if held is None:
            members = self._concerned(connection, wanted, named, found)
        else:
            members = held.members
            if others := (named.concerned(wanted) | _referrers(wanted, found)) - held.ids:
                raise StartAgain("the members concerned changed while they were being locked", also=frozenset(others))
        balances = {(member, unit): Balance(*figures) for member, unit, *figures in found["balances"]}
        return Facts(
            members=members,
            referrals={row[0]: rows.referral_of(row) for row in found["referrals"]},
            codes=named.codes,
            own_codes=named.own_codes,
            events=named.events,
            grants=named.grants,
            refunded={event: amount for event, amount in found["refunds"]},  # noqa: C416 - dict() of rows is no mapping of text
            transfers={row[0]: rows.transfer_of(row) for row in found["transfers"]},
            tallies={(member, kind): Tally(count, total) for member, kind, count, total in found["tallies"]},
            payouts=named.payouts,
            balances=balances,
            lots=self._lots_of(connection, wanted, balances, lock=attempt.host),
            limits={LimitKey(*key): count for *key, count in found["limits"]},
            spends={(campaign, unit): Spend(spent, held_) for campaign, unit, spent, held_ in found["spends"]},
            revision=self._latest(connection, wanted.program, newest=attempt.stale) if wanted.revision else None,
        )

    def _by_name(self, wanted: Wanted, attempt: Attempt) -> dict[str, Ask]:
        """What is wanted by its own name."""
        lock, newest = attempt.host, attempt.stale
        return {
            "codes": Ask((wanted.codes,), newest),
            "own_codes": Ask(
                _sides((owner, rows.invite_for(campaign)) for owner, campaign in wanted.own_codes), newest
            ),
            "events": Ask((wanted.events | wanted.origins,), newest),
            "grants_of": Ask((wanted.origins,), lock),
            "grants": Ask((wanted.grants,), lock),
            "payouts": Ask((wanted.payouts,), lock),
            "refunds": Ask((wanted.origins,), lock),
            "transfers": Ask((wanted.transfers,), newest),
            "spends": Ask(_sides(wanted.spends), newest),
        }

    def _by_member(self, wanted: Wanted, ids: Collection[str], attempt: Attempt) -> dict[str, Ask]:
        """What is wanted of the members concerned."""
        lock = attempt.host
        return {
            "tallies": Ask((ids, wanted.tally_types), lock),
            "balances": Ask((ids, wanted.units), lock),
            "limits": Ask((ids, wanted.limit_rules, wanted.limit_periods), lock),
        }

    def _concerned(
        self, connection: Connection, wanted: Wanted, named: Named, found: dict[str, Sequence[Row]]
    ) -> dict[str, Member]:
        """Find the members concerned, the referrers of actors among them, and what is wanted of them."""
        program, ids = wanted.program, named.concerned(wanted)
        found |= self._lookups.rows(connection, program, {"referrals": Ask((ids,))})
        referrers = _referrers(wanted, found)
        more = {
            "referrals": Ask((referrers - ids,)),
            "members": Ask((ids | referrers,)),
        }
        answers = self._lookups.rows(connection, program, self._by_member(wanted, ids | referrers, _PLAIN) | more)
        found.update(answers, referrals=[*found["referrals"], *answers["referrals"]])
        return {row[0]: rows.member_of(row) for row in found["members"]}

    def _lots_of(
        self, connection: Connection, wanted: Wanted, balances: Mapping[tuple[str, str], Balance], *, lock: bool
    ) -> dict[tuple[str, str], dict[str, Lot]]:
        """Read the lots that have something left; where a balance says that there are none, nothing is asked.

        An emptied lot by inactivity still tells how long the member was active.
        """
        left = {key for key, balance in balances.items() if balance.expiring and key[1] in wanted.lot_units}
        idle = {key for key in balances if key[1] in wanted.idle_units}
        found: dict[tuple[str, str], dict[str, Lot]] = {}
        if left or idle:
            asked = {"lots": Ask(_sides(left | idle), lock)}
            for row in self._lookups.rows(connection, wanted.program, asked)["lots"]:
                lot = rows.lot_of(row)
                if lot.remaining or (lot.slot == IDLE and (lot.member, lot.unit) in idle):
                    found.setdefault((lot.member, lot.unit), {})[lot.slot] = lot
        return found

    def _latest(self, connection: Connection, program: str, *, newest: bool) -> Revision | None:
        query = self._newest_revision if newest else self._revision
        return next(map(rows.revision_of, query.rows(connection, program=program)), None)

    def members(self, connection: Connection, program: str, ids: Collection[str]) -> dict[str, Member]:
        """Read members by id."""
        found = self._lookups.rows(connection, program, {"members": Ask((ids,))})
        return {row[0]: rows.member_of(row) for row in found["members"]}


def _named(wanted: Wanted, found: Mapping[str, Sequence[Row]]) -> Named:
    codes = {row[0]: rows.code_of(row) for row in found["codes"]}
    own_codes = {}
    for row in found["own_codes"]:
        code = rows.code_of(row)
        if (key := (row[1], code.campaign)) in wanted.own_codes:
            codes[code.text], own_codes[key] = code, code.text
    events = {row[0]: rows.event_of(row) for row in found["events"]}
    grants = {row[0]: rows.grant_of(row) for row in (*found["grants_of"], *found["grants"])}
    return Named(codes, own_codes, events, grants, {row[0]: rows.payout_of(row) for row in found["payouts"]})


def _referrers(wanted: Wanted, found: Mapping[str, Sequence[Row]]) -> set[str]:
    """Name the referrers of the actors, whose referrals were found."""
    return {row[1] for row in found["referrals"] if row[0] in wanted.actors}


def _sides(pairs: Iterable[tuple[str, str]]) -> tuple[set[str], set[str]]:
    """Split pairs into their first and their second parts; together these cover the pairs and perhaps more."""
    listed = list(pairs)
    return {first for first, _ in listed}, {second for _, second in listed}
