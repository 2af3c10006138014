"""The tables of the ledger: grants, transfers, balances, lots, payouts, what campaigns have spent, and the seals."""

from __future__ import annotations

from sqlalchemy import Column, Table

from referral_engine.storage.sqlalchemy.columns import DIGEST, Maker, id_column, maybe_id, maybe_number, number, words


def grants(make: Maker) -> Table:
    """A grant, with what was fixed for it when it was given, and how it stands."""
    return make.table(
        "grants",
        ("id",),
        id_column("id"),
        id_column("event"),
        id_column("rule"),
        id_column("recipient"),
        id_column("member"),
        id_column("kind"),
        id_column("unit"),
        number("amount"),
        number("wanted"),
        maybe_number("held_until"),
        id_column("campaign"),
        id_column("state"),
        number("reversed"),
        number("waived"),
        id_column("reversal"),
        maybe_id("confirmed_by"),
        maybe_id("expiry"),
        maybe_id("slot"),
        make.check("grants", "amount", "amount > 0"),
        make.check("grants", "wanted", "wanted >= amount"),
        make.check("grants", "reversed", "reversed >= 0 AND waived >= 0 AND reversed + waived <= amount"),
        make.index("grants", "event", "event", "program"),
        make.index("grants", "due", "program", "state", "held_until", "id", where="state = 'held'"),
    )


def transfers(make: Maker) -> Table:
    """One movement between two accounts; never changed."""
    return make.table(
        "transfers",
        ("id",),
        id_column("id"),
        id_column("kind"),
        id_column("member"),
        id_column("unit"),
        number("amount"),
        id_column("debit"),
        id_column("credit"),
        maybe_id("campaign"),
        id_column("reference"),
        words("memo"),
        number("at"),
        number("cursor"),
        make.check("transfers", "amount", "amount > 0"),
        make.check("transfers", "ends", "debit <> credit"),
        make.index("transfers", "member", "member", "program", "unit", "cursor"),
    )


def balances(make: Maker) -> Table:
    """What a member has in a unit."""
    figures = ("available", "held", "lifetime", "expired", "redeemed", "debt", "expiring", "paying")
    return make.table(
        "balances",
        ("member", "unit"),
        id_column("member"),
        id_column("unit"),
        *map(number, figures),
        *make.floor("balances", *figures),
        make.check("balances", "lots", "expiring <= available"),
        clustered=True,
    )


def lots(make: Maker) -> Table:
    """`slot` names a lot among those of its member and unit; one with nothing left stays, and costs nothing."""
    return make.table(
        "lots",
        ("member", "unit", "slot"),
        id_column("member"),
        id_column("unit"),
        id_column("slot"),
        number("expires_at"),
        number("remaining"),
        *make.floor("lots", "remaining"),
        make.index("lots", "due", "program", "expires_at", "member", "unit", "remaining", where="remaining > 0"),
        clustered=True,
    )


def payouts(make: Maker) -> Table:
    """A payout is requested once and decided once."""
    return make.table(
        "payouts",
        ("id",),
        id_column("id"),
        id_column("member"),
        id_column("unit"),
        number("amount"),
        id_column("state"),
        id_column("key"),
        words("memo"),
        number("requested_at"),
        maybe_number("decided_at"),
        maybe_id("actor"),
        number("cursor"),
        make.check("payouts", "amount", "amount > 0"),
        make.index("payouts", "order", "cursor", "program"),
    )


def spends(make: Maker) -> Table:
    """What a campaign has given in a unit."""
    return make.table(
        "spends",
        ("campaign", "unit"),
        id_column("campaign"),
        id_column("unit"),
        number("spent"),
        number("held"),
        *make.floor("spends", "spent", "held"),
        clustered=True,
    )


def seals(make: Maker) -> Table:
    """The seal of each transfer of a program that chains them, by the transfer's cursor."""
    return make.table(
        "seals",
        ("cursor",),
        number("cursor"),
        id_column("transfer"),
        Column("seal", DIGEST, nullable=False),
        clustered=True,
    )
