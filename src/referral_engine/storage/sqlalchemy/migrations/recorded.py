"""Recorded: the table that tells the revision of the others. It is as Alembic has it, and needs no Alembic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, inspect, select

from referral_engine.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.migrations.frozen import Place


def version_table(place: Place) -> Table:
    """Write the table, in metadata of its own: a host that merges our tables into its own does without it."""
    name = place.version_table
    key = PrimaryKeyConstraint("version_num", name=f"{name}_pkc")
    return Table(name, MetaData(), Column("version_num", String(32), nullable=False), key, schema=place.schema)


def is_recording(connection: Connection, place: Place) -> bool:
    """Tell whether the table is there; it may be empty."""
    return inspect(connection).has_table(place.version_table, place.schema)


def recorded(connection: Connection, place: Place) -> str | None:
    """Read the revision; None where none is recorded."""
    if not is_recording(connection, place):
        return None
    revisions: list[str] = sorted(connection.scalars(select(version_table(place).c.version_num)))
    if len(revisions) > 1:
        said = ", ".join(map(repr, revisions))
        raise StoreError(f"the table {place.version_table!r} names several revisions ({said}); leave the right one")
    return revisions[0] if revisions else None


def record(connection: Connection, place: Place, revision: str) -> None:
    """Write the revision, in the place of the one before."""
    table = version_table(place)
    table.create(connection, checkfirst=True)
    connection.execute(table.delete())
    connection.execute(table.insert().values(version_num=revision))
