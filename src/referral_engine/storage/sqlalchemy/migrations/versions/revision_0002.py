"""The whole ledger: lots, payouts, adjustments and transfers, what policies waive, sealed transfers, and the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.storage.sqlalchemy.migrations.frozen import Place, digest, identifier, number, words
from referral_engine.storage.sqlalchemy.migrations.revisions import downgrade
from referral_engine.storage.sqlalchemy.migrations.versions import revision_0001

if TYPE_CHECKING:
    from sqlalchemy import Table

    from referral_engine.storage.sqlalchemy.migrations.steps import Steps

__all__ = ["down_revision", "downgrade", "revision", "tables", "upgrade"]

revision: str = "0002"
down_revision: str | None = "0001"

_FILL = {
    "grants": {"waived": "0", "reversal": "'debt'"},
    "balances": {"expiring": "0", "paying": "0"},
}
"""What the rows of before hold: nothing was waived, a refund left a debt, and there were no lots and no payouts."""


def upgrade(steps: Steps) -> None:
    """Create the tables that are new, and extend grants and balances."""
    place = steps.place
    steps.create(*_created(place))
    before = revision_0001.tables(place)
    for name, fill in _FILL.items():
        steps.extend(before[name], _extended(place)[name], fill)


def tables(place: Place) -> dict[str, Table]:
    """Write the tables as they were, by their names without the prefix."""
    created = {table.name.removeprefix(place.prefix): table for table in _created(place)}
    return revision_0001.tables(place) | _extended(place) | created


def _extended(place: Place) -> dict[str, Table]:
    figures = ("available", "held", "lifetime", "expired", "redeemed", "debt", "expiring", "paying")
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
        number("waived"),
        identifier("reversal"),
        identifier("confirmed_by", optional=True),
        identifier("expiry", optional=True),
        identifier("slot", optional=True),
        place.check("grants", "amount", "amount > 0"),
        place.check("grants", "wanted", "wanted >= amount"),
        place.check("grants", "reversed", "reversed >= 0 AND waived >= 0 AND reversed + waived <= amount"),
        place.index("grants", "event", "event", "program"),
        place.index("grants", "due", "program", "state", "held_until", "id", where="state = 'held'"),
    )
    balances = place.table(
        "balances",
        ("member", "unit"),
        identifier("member"),
        identifier("unit"),
        *map(number, figures),
        *place.floor("balances", *figures),
        place.check("balances", "lots", "expiring <= available"),
        clustered=True,
    )
    return {"grants": grants, "balances": balances}


def _created(place: Place) -> list[Table]:
    return [*_money(place), *_told(place)]


def _money(place: Place) -> list[Table]:
    lots = place.table(
        "lots",
        ("member", "unit", "slot"),
        identifier("member"),
        identifier("unit"),
        identifier("slot"),
        number("expires_at"),
        number("remaining"),
        *place.floor("lots", "remaining"),
        place.index("lots", "due", "program", "expires_at", "member", "unit", "remaining", where="remaining > 0"),
        clustered=True,
    )
    payouts = place.table(
        "payouts",
        ("id",),
        identifier("id"),
        identifier("member"),
        identifier("unit"),
        number("amount"),
        identifier("state"),
        identifier("key"),
        words("memo"),
        number("requested_at"),
        number("decided_at", optional=True),
        identifier("actor", optional=True),
        number("cursor"),
        place.check("payouts", "amount", "amount > 0"),
        place.index("payouts", "order", "cursor", "program"),
    )
    seals = place.table("seals", ("cursor",), number("cursor"), identifier("transfer"), digest("seal"), clustered=True)
    return [lots, payouts, seals]


def _told(place: Place) -> list[Table]:
    audit = place.table(
        "audit",
        ("cursor",),
        number("cursor"),
        identifier("actor"),
        identifier("action"),
        identifier("subject"),
        number("at"),
        words("before"),
        words("after"),
        words("memo"),
        clustered=True,
    )
    revisions = place.table(
        "revisions",
        ("number",),
        number("number"),
        identifier("revision"),
        words("canonical", optional=False),
        identifier("actor"),
        number("at"),
        place.check("revisions", "number", "number > 0"),
    )
    return [audit, revisions]
