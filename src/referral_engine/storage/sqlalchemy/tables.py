"""The tables, as SQLAlchemy Core metadata that a host may put beside its own.

Every primary and unique key begins with the program, so that programs may live on different shards. Identifiers compare
by bytes. Times are microseconds since 1970 in UTC. The checks repeat the invariants, so that a fault of ours is an
error and never a wrong figure. There are no foreign keys between the tables: a decision writes them as one unit, an
erased member leaves rows behind, and the locks that foreign keys take would be out of order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.schema import SchemaItem, conv

from referral_engine.errors import InvalidInput
from referral_engine.validation import TOTAL_MAX

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

_PREFIX = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,29})?", re.ASCII)
_ID: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
_WORDS: TypeEngine[str] = Text()
_INT: TypeEngine[int] = BigInteger()


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
    limits: Table
    spends: Table
    scores: Table
    messages: Table
    counters: Table

    def all(self) -> list[Table]:
        """List every table."""
        return [getattr(self, field.name) for field in fields(self)]

    @property
    def schema(self) -> str | None:
        """The database schema they are in, None for the default one."""
        return self.members.schema


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes tables with the names of our convention, whatever the convention of the host's metadata."""

    metadata: MetaData
    schema: str | None
    prefix: str

    def table(self, name: str, key: tuple[str, ...], *items: SchemaItem, clustered: bool = False) -> Table:
        """Make a table; `clustered` rows are kept in the order of their key where the database can choose."""
        full = self.prefix + name
        return Table(
            full,
            self.metadata,
            Column("program", _ID, nullable=False),
            *items,
            PrimaryKeyConstraint("program", *key, name=conv(f"pk_{full}")),
            schema=self.schema,
            sqlite_with_rowid=not clustered,
        )

    def check(self, table: str, name: str, condition: str) -> CheckConstraint:
        return CheckConstraint(condition, name=conv(f"ck_{self.prefix}{table}_{name}"))

    def floor(self, table: str, *columns: str) -> list[CheckConstraint]:
        """Keep figures between 0 and what 64 bits hold; SQLite would turn a larger one into a float."""
        return [self.check(table, column, f"{column} BETWEEN 0 AND {TOTAL_MAX}") for column in columns]

    def index(self, table: str, name: str, *columns: str, where: str | None = None, unique: bool = False) -> Index:
        """Make an index, of the rows that fit `where` alone where the database can.

        A full index that is not unique does not begin with the program: PostgreSQL, before it has analysed a table,
        would take it for as good as the primary key, and read a whole program for one row.
        """
        condition = None if where is None else text(where)
        return Index(
            conv(f"{'uq' if unique else 'ix'}_{self.prefix}{table}_{name}"),
            *(text(column) if " " in column else column for column in columns),
            unique=unique,
            postgresql_where=condition,
            sqlite_where=condition,
        )


def _id(name: str) -> Column[str]:
    return Column(name, _ID, nullable=False)


def _maybe_id(name: str) -> Column[str]:
    return Column(name, _ID, nullable=True)


def _words(name: str) -> Column[str]:
    return Column(name, _WORDS, nullable=True)


def _int(name: str) -> Column[int]:
    return Column(name, _INT, nullable=False, autoincrement=False)


def _maybe_int(name: str) -> Column[int]:
    return Column(name, _INT, nullable=True)


def define_tables(metadata: MetaData | None = None, schema: str | None = None, prefix: str = "referral_") -> Tables:
    """Define the tables in the host's metadata, or in metadata of their own.

    `schema` is the database schema they go to and `prefix` begins each of their names. Raises InvalidInput for a prefix
    that is no name, and for metadata that has such tables already.
    """
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise InvalidInput("prefix", "must be at most 30 of A-Z a-z 0-9 _ and not begin with a digit")
    make = _Maker(MetaData() if metadata is None else metadata, schema, prefix)
    try:
        return Tables(
            members=_members(make),
            referrals=_referrals(make),
            codes=_codes(make),
            events=_events(make),
            refunds=make.table("refunds", ("event",), _id("event"), _int("amount"), *make.floor("refunds", "amount")),
            grants=_grants(make),
            transfers=_transfers(make),
            tallies=_tallies(make),
            balances=_balances(make),
            limits=_limits(make),
            spends=_spends(make),
            scores=_scores(make),
            messages=_messages(make),
            counters=_counters(make),
        )
    except InvalidRequestError as exc:
        raise InvalidInput("metadata", f"has tables beginning with {prefix!r} already; define them once") from exc


def _members(make: _Maker) -> Table:
    """A member without `joined_at` is a stub: made to be locked, and gone again before the commit."""
    return make.table(
        "members",
        ("member",),
        _id("member"),
        _maybe_int("joined_at"),
        _maybe_id("referrer"),
        _id("root"),
        _int("depth"),
        _words("roles"),
        _words("tags"),
        _int("referrals_total"),
        _int("referrals_qualified"),
        *make.floor("members", "depth", "referrals_total", "referrals_qualified"),
        make.check("members", "referrer", "referrer <> member"),
        clustered=True,
    )


def _referrals(make: _Maker) -> Table:
    return make.table(
        "referrals",
        ("referee",),
        _id("referee"),
        _id("referrer"),
        _id("state"),
        _maybe_id("channel"),
        _maybe_id("campaign"),
        _maybe_id("code"),
        _maybe_id("link"),
        _int("at"),
        _maybe_int("qualified_at"),
        _int("cursor"),
        make.check("referrals", "ends", "referee <> referrer"),
        make.index("referrals", "referrer", "referrer", "program", "cursor"),
        clustered=True,
    )


def _codes(make: _Maker) -> Table:
    """`invite_for` is the campaign, or nothing for every campaign, of a member's own code; NULL for any other code."""
    return make.table(
        "codes",
        ("text",),
        _id("text"),
        _maybe_id("owner"),
        _maybe_id("campaign"),
        _id("state"),
        _int("uses"),
        _maybe_int("max_uses"),
        _maybe_int("starts_at"),
        _maybe_int("expires_at"),
        _maybe_id("lot"),
        _maybe_id("invite_for"),
        *make.floor("codes", "uses"),
        make.check("codes", "max_uses", "uses <= max_uses"),
        make.index("codes", "invite", "program", "owner", "invite_for", where="invite_for IS NOT NULL", unique=True),
        clustered=True,
    )


def _events(make: _Maker) -> Table:
    """`outcome`, `verdicts`, `footprint` and `attributes` are NULL where there is nothing to say."""
    return make.table(
        "events",
        ("id",),
        _id("id"),
        _id("type"),
        _id("member"),
        _int("at"),
        _int("recorded_at"),
        _maybe_int("amount"),
        _maybe_id("origin"),
        _words("attributes"),
        Column("digest", LargeBinary(), nullable=False),
        _id("revision"),
        _words("outcome"),
        _words("verdicts"),
        _words("footprint"),
        Column("counted", Boolean(), nullable=False),
        _int("cursor"),
        make.check("events", "amount", "amount > 0"),
    )


def _grants(make: _Maker) -> Table:
    return make.table(
        "grants",
        ("id",),
        _id("id"),
        _id("event"),
        _id("rule"),
        _id("recipient"),
        _id("member"),
        _id("kind"),
        _id("unit"),
        _int("amount"),
        _int("wanted"),
        _maybe_int("held_until"),
        _id("campaign"),
        _id("state"),
        _int("reversed"),
        make.check("grants", "amount", "amount > 0"),
        make.check("grants", "wanted", "wanted >= amount"),
        make.check("grants", "reversed", "reversed BETWEEN 0 AND amount"),
        make.index("grants", "event", "event", "program"),
        make.index("grants", "due", "program", "held_until", "id", where="state = 'held'"),
    )


def _transfers(make: _Maker) -> Table:
    return make.table(
        "transfers",
        ("id",),
        _id("id"),
        _id("kind"),
        _id("member"),
        _id("unit"),
        _int("amount"),
        _id("debit"),
        _id("credit"),
        _maybe_id("campaign"),
        _id("reference"),
        _words("memo"),
        _int("at"),
        _int("cursor"),
        make.check("transfers", "amount", "amount > 0"),
        make.check("transfers", "ends", "debit <> credit"),
        make.index("transfers", "member", "member", "program", "unit", "cursor"),
    )


def _tallies(make: _Maker) -> Table:
    return make.table(
        "tallies",
        ("member", "type"),
        _id("member"),
        _id("type"),
        _int("count"),
        _int("sum"),
        *make.floor("tallies", "count", "sum"),
        clustered=True,
    )


def _balances(make: _Maker) -> Table:
    figures = ("available", "held", "lifetime", "expired", "redeemed", "debt")
    return make.table(
        "balances",
        ("member", "unit"),
        _id("member"),
        _id("unit"),
        *map(_int, figures),
        *make.floor("balances", *figures),
        clustered=True,
    )


def _limits(make: _Maker) -> Table:
    key = ("holder", "rule", "period", "per", "within", "unit", "subject")
    return make.table("limits", key, *map(_id, key), _int("count"), *make.floor("limits", "count"), clustered=True)


def _spends(make: _Maker) -> Table:
    return make.table(
        "spends",
        ("campaign", "unit"),
        _id("campaign"),
        _id("unit"),
        _int("spent"),
        _int("held"),
        *make.floor("spends", "spent", "held"),
        clustered=True,
    )


def _scores(make: _Maker) -> Table:
    return make.table(
        "scores",
        ("board", "period", "member"),
        _id("board"),
        _id("period"),
        _id("member"),
        _int("score"),
        _int("reached"),
        *make.floor("scores", "score"),
        make.index("scores", "order", "program", "board", "period", "score DESC", "reached", where="score > 0"),
        clustered=True,
    )


def _messages(make: _Maker) -> Table:
    return make.table(
        "messages",
        ("cursor",),
        _int("cursor"),
        _id("type"),
        _int("at"),
        Column("payload", _WORDS, nullable=False),
        clustered=True,
    )


def _counters(make: _Maker) -> Table:
    """`position` is how far the program has come; the row is the last lock of a transaction, and gives its order."""
    return make.table(
        "counters",
        (),
        _int("position"),
        _int("acknowledged"),
        *make.floor("counters", "position", "acknowledged"),
        clustered=True,
    )
