"""The tables, as SQLAlchemy Core metadata that a host may put beside its own.

Every primary and unique key begins with the program, so that programs may live on different shards. Identifiers compare
by bytes; on MariaDB they are ASCII, as all are that the engine lets in. Times are microseconds since 1970 in UTC. The
checks repeat the invariants, so that a fault of ours is an error and never a wrong figure. There are no foreign keys
between the tables: a decision writes them as one unit, an erased member leaves rows behind, and the locks that foreign
keys take would be out of order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from sqlalchemy import Boolean, Column, MetaData, Table
from sqlalchemy.exc import InvalidRequestError

from referral_engine.errors import InvalidInput
from referral_engine.storage.sqlalchemy import ledger_tables
from referral_engine.storage.sqlalchemy.columns import (
    DIGEST,
    WORDS,
    Maker,
    id_column,
    maybe_id,
    maybe_number,
    number,
    words,
)

_PREFIX = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,29})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one schema and prefix."""

    members: Table
    referrals: Table
    codes: Table
    events: Table
    refunds: Table
    grants: Table
    transfers: Table
    tallies: Table
    balances: Table
    lots: Table
    payouts: Table
    limits: Table
    spends: Table
    scores: Table
    messages: Table
    audit: Table
    revisions: Table
    seals: Table
    counters: Table

    def all(self) -> list[Table]:
        """List every table."""
        return [getattr(self, field.name) for field in fields(self)]

    @property
    def schema(self) -> str | None:
        """The database schema they are in, None for the default one."""
        return self.members.schema


def define_tables(metadata: MetaData | None = None, schema: str | None = None, prefix: str = "referral_") -> Tables:
    """Define the tables in the host's metadata, or in metadata of their own.

    `schema` is the database schema they go to and `prefix` begins each of their names. Raises InvalidInput for a prefix
    that is no name, and for metadata that has such tables already.
    """
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise InvalidInput("prefix", "must be at most 30 of A-Z a-z 0-9 _ and not begin with a digit")
    make = Maker(MetaData() if metadata is None else metadata, schema, prefix)
    try:
        return Tables(
            members=_members(make),
            referrals=_referrals(make),
            codes=_codes(make),
            events=_events(make),
            refunds=make.table(
                "refunds", ("event",), id_column("event"), number("amount"), *make.floor("refunds", "amount")
            ),
            grants=ledger_tables.grants(make),
            transfers=ledger_tables.transfers(make),
            tallies=_tallies(make),
            balances=ledger_tables.balances(make),
            lots=ledger_tables.lots(make),
            payouts=ledger_tables.payouts(make),
            limits=_limits(make),
            spends=ledger_tables.spends(make),
            scores=_scores(make),
            messages=_messages(make),
            audit=_audit(make),
            revisions=_revisions(make),
            seals=ledger_tables.seals(make),
            counters=_counters(make),
        )
    except InvalidRequestError as exc:
        raise InvalidInput("metadata", f"has tables beginning with {prefix!r} already; define them once") from exc


def _members(make: Maker) -> Table:
    """A member without `joined_at` is a stub: made to be locked, and gone again before the commit."""
    return make.table(
        "members",
        ("member",),
        id_column("member"),
        maybe_number("joined_at"),
        maybe_id("referrer"),
        id_column("root"),
        number("depth"),
        words("roles"),
        words("tags"),
        number("referrals_total"),
        number("referrals_qualified"),
        *make.floor("members", "depth", "referrals_total", "referrals_qualified"),
        make.check("members", "referrer", "referrer <> member"),
        clustered=True,
    )


def _referrals(make: Maker) -> Table:
    return make.table(
        "referrals",
        ("referee",),
        id_column("referee"),
        id_column("referrer"),
        id_column("state"),
        maybe_id("channel"),
        maybe_id("campaign"),
        maybe_id("code"),
        maybe_id("link"),
        number("at"),
        maybe_number("qualified_at"),
        number("cursor"),
        make.check("referrals", "ends", "referee <> referrer"),
        make.index("referrals", "referrer", "referrer", "program", "cursor"),
        clustered=True,
    )


def _codes(make: Maker) -> Table:
    """`invite_for` is the campaign, or nothing for every campaign, of a member's own code; NULL for any other code."""
    return make.table(
        "codes",
        ("text",),
        id_column("text"),
        maybe_id("owner"),
        maybe_id("campaign"),
        id_column("state"),
        number("uses"),
        maybe_number("max_uses"),
        maybe_number("starts_at"),
        maybe_number("expires_at"),
        maybe_id("lot"),
        maybe_id("invite_for"),
        *make.floor("codes", "uses"),
        make.check("codes", "max_uses", "uses <= max_uses"),
        make.index("codes", "invite", "program", "owner", "invite_for", where="invite_for IS NOT NULL", unique=True),
        clustered=True,
    )


def _events(make: Maker) -> Table:
    """`outcome`, `verdicts`, `footprint` and `attributes` are NULL where there is nothing to say."""
    return make.table(
        "events",
        ("id",),
        id_column("id"),
        id_column("type"),
        id_column("member"),
        number("at"),
        number("recorded_at"),
        maybe_number("amount"),
        maybe_id("origin"),
        words("attributes"),
        Column("digest", DIGEST, nullable=False),
        id_column("revision"),
        words("outcome"),
        words("verdicts"),
        words("footprint"),
        Column("counted", Boolean(), nullable=False),
        number("cursor"),
        make.check("events", "amount", "amount > 0"),
    )


def _tallies(make: Maker) -> Table:
    return make.table(
        "tallies",
        ("member", "type"),
        id_column("member"),
        id_column("type"),
        number("count"),
        number("sum"),
        *make.floor("tallies", "count", "sum"),
        clustered=True,
    )


def _limits(make: Maker) -> Table:
    key = ("holder", "rule", "period", "per", "within", "unit", "subject")
    return make.table(
        "limits", key, *map(id_column, key), number("count"), *make.floor("limits", "count"), clustered=True
    )


def _scores(make: Maker) -> Table:
    return make.table(
        "scores",
        ("board", "period", "member"),
        id_column("board"),
        id_column("period"),
        id_column("member"),
        number("score"),
        number("reached"),
        *make.floor("scores", "score"),
        make.index("scores", "order", "program", "board", "period", "score DESC", "reached", where="score > 0"),
        clustered=True,
    )


def _messages(make: Maker) -> Table:
    return make.table(
        "messages",
        ("cursor",),
        number("cursor"),
        id_column("type"),
        number("at"),
        Column("payload", WORDS, nullable=False),
        clustered=True,
    )


def _audit(make: Maker) -> Table:
    return make.table(
        "audit",
        ("cursor",),
        number("cursor"),
        id_column("actor"),
        id_column("action"),
        id_column("subject"),
        number("at"),
        words("before"),
        words("after"),
        words("memo"),
        clustered=True,
    )


def _revisions(make: Maker) -> Table:
    """The programs that were published, in their canonical text."""
    return make.table(
        "revisions",
        ("number",),
        number("number"),
        id_column("revision"),
        Column("canonical", WORDS, nullable=False),
        id_column("actor"),
        number("at"),
        make.check("revisions", "number", "number > 0"),
    )


def _counters(make: Maker) -> Table:
    """`position` is how far the program has come; the row is the last lock of a transaction, and gives its order."""
    return make.table(
        "counters",
        (),
        number("position"),
        number("acknowledged"),
        *make.floor("counters", "position", "acknowledged"),
        clustered=True,
    )
