"""Forging: changing what a store keeps behind its back, as somebody with access to the database could."""

from __future__ import annotations

from dataclasses import replace

from referral_engine.storage.sqlalchemy import SQLAlchemyStore, define_tables


def forge_in_memory(store, program, transfer_id):
    """Add 1 to the amount of a transfer that a memory store keeps."""
    kept = store._programs[program].transfers
    kept[transfer_id] = replace(kept[transfer_id], amount=kept[transfer_id].amount + 1)


def forge_over_sql(url, program, transfer_id):
    """Add 1 to the amount of a transfer that a database keeps."""
    table = define_tables().transfers
    found = (table.c.program == program) & (table.c.id == transfer_id)
    with SQLAlchemyStore(url) as store, store._engine.begin() as connection:
        connection.execute(table.update().where(found).values(amount=table.c.amount + 1))
