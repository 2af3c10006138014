"""The tables of the first release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Boolean, Column, Table

from referral_engine.storage.sqlalchemy.migrations.frozen import Place, digest, identifier, number, words
from referral_engine.storage.sqlalchemy.migrations.revisions import downgrade

if TYPE_CHECKING:
    from referral_engine.storage.sqlalchemy.migrations.steps import Steps

__all__ = ["down_revision", "downgrade", "revision", "tables", "upgrade"]

revision: str = "0001"
down_revision: str | None = None


def upgrade(steps: Steps) -> None:
    """Create the tables; those that are there were made by a release that recorded no revision yet."""
    steps.create(*tables(steps.place).values())


def tables(place: Place) -> dict[str, Table]:
    """Write the tables as they were, by their names without the prefix."""
    written = [*_people(place), *_happenings(place), *_money(place), *_figures(place), *_order(place)]
    return {table.name.removeprefix(place.prefix): table for table in written}


def _people(place: Place) -> list[Table]:
    members = place.table(
        "members",
        ("member",),
        identifier("member"),
        number("joined_at", optional=True),
        identifier("referrer", optional=True),
        identifier("root"),
        number("depth"),
        words("roles"),
        words("tags"),
        number("referrals_total"),
        number("referrals_qualified"),
        *place.floor("members", "depth", "referrals_total", "referrals_qualified"),
        place.check("members", "referrer", "referrer <> member"),
        clustered=True,
    )
    referrals = place.table(
        "referrals",
        ("referee",),
        identifier("referee"),
        identifier("referrer"),
        identifier("state"),
        identifier("channel", optional=True),
        identifier("campaign", optional=True),
        identifier("code", optional=True),
        identifier("link", optional=True),
        number("at"),
        number("qualified_at", optional=True),
        number("cursor"),
        place.check("referrals", "ends", "referee <> referrer"),
        place.index("referrals", "referrer", "referrer", "program", "cursor"),
        clustered=True,
    )
    codes = place.table(
        "codes",
        ("text",),
        identifier("text"),
        identifier("owner", optional=True),
        identifier("campaign", optional=True),
        identifier("state"),
        number("uses"),
        number("max_uses", optional=True),
        number("starts_at", optional=True),
        number("expires_at", optional=True),
        identifier("lot", optional=True),
        identifier("invite_for", optional=True),
        *place.floor("codes", "uses"),
        place.check("codes", "max_uses", "uses <= max_uses"),
        place.index("codes", "invite", "program", "owner", "invite_for", where="invite_for IS NOT NULL", unique=True),
        clustered=True,
    )
    return [members, referrals, codes]


def _happenings(place: Place) -> list[Table]:
    events = place.table(
        "events",
        ("id",),
        identifier("id"),
        identifier("type"),
        identifier("member"),
        number("at"),
        number("recorded_at"),
        number("amount", optional=True),
        identifier("origin", optional=True),
        words("attributes"),
        digest("digest"),
        identifier("revision"),
        words("outcome"),
        words("verdicts"),
        words("footprint"),
        Column("counted", Boolean(), nullable=False),
        number("cursor"),
        place.check("events", "amount", "amount > 0"),
    )
    refunds = place.table(
        "refunds", ("event",), identifier("event"), number("amount"), *place.floor("refunds", "amount")
    )
    return [events, refunds]


def _money(place: Place) -> list[Table]:
    grants = place.table(
        "grants",
        ("id",),
        identifier("id"),
        identifier("event"),
        identifier("rule"),
        identifier("recipient"),
        identifier("member"),
        identifier("kind"),
        identifier("unit"),
        number("amount"),
        number("wanted"),
        number("held_until", optional=True),
        identifier("campaign"),
        identifier("state"),
        number("reversed"),
        place.check("grants", "amount", "amount > 0"),
        place.check("grants", "wanted", "wanted >= amount"),
        place.check("grants", "reversed", "reversed BETWEEN 0 AND amount"),
        place.index("grants", "event", "event", "program"),
        place.index("grants", "due", "program", "held_until", "id", where="state = 'held'"),
    )
    transfers = place.table(
        "transfers",
        ("id",),
        identifier("id"),
        identifier("kind"),
        identifier("member"),
        identifier("unit"),
        number("amount"),
        identifier("debit"),
        identifier("credit"),
        identifier("campaign", optional=True),
        identifier("reference"),
        words("memo"),
        number("at"),
        number("cursor"),
        place.check("transfers", "amount", "amount > 0"),
        place.check("transfers", "ends", "debit <> credit"),
        place.index("transfers", "member", "member", "program", "unit", "cursor"),
    )
    return [grants, transfers]


def _figures(place: Place) -> list[Table]:
    figures = ("available", "held", "lifetime", "expired", "redeemed", "debt")
    limit = ("holder", "rule", "period", "per", "within", "unit", "subject")
    tallies = place.table(
        "tallies",
        ("member", "type"),
        identifier("member"),
        identifier("type"),
        number("count"),
        number("sum"),
        *place.floor("tallies", "count", "sum"),
        clustered=True,
    )
    balances = place.table(
        "balances",
        ("member", "unit"),
        identifier("member"),
        identifier("unit"),
        *map(number, figures),
        *place.floor("balances", *figures),
        clustered=True,
    )
    limits = place.table(
        "limits", limit, *map(identifier, limit), number("count"), *place.floor("limits", "count"), clustered=True
    )
    spends = place.table(
        "spends",
        ("campaign", "unit"),
        identifier("campaign"),
        identifier("unit"),
        number("spent"),
        number("held"),
        *place.floor("spends", "spent", "held"),
        clustered=True,
    )
    return [tallies, balances, limits, spends]


def _order(place: Place) -> list[Table]:
    scores = place.table(
        "scores",
        ("board", "period", "member"),
        identifier("board"),
        identifier("period"),
        identifier("member"),
        number("score"),
        number("reached"),
        *place.floor("scores", "score"),
        place.index("scores", "order", "program", "board", "period", "score DESC", "reached", where="score > 0"),
        clustered=True,
    )
    messages = place.table(
        "messages",
        ("cursor",),
        number("cursor"),
        identifier("type"),
        number("at"),
        words("payload", optional=False),
        clustered=True,
    )
    counters = place.table(
        "counters",
        (),
        number("position"),
        number("acknowledged"),
        *place.floor("counters", "position", "acknowledged"),
        clustered=True,
    )
    return [scores, messages, counters]
