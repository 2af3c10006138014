"""Frozen: what revisions write tables of. Its meaning must not change, for it would rewrite what was released.

A new word may be added beside the old ones. `tables.py` tells how the tables are now, this how they came to be so; a
test holds the end of the one to be the same as the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    column,
    text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import SchemaItem, conv

if TYPE_CHECKING:
    from sqlalchemy import UnaryExpression
    from sqlalchemy.types import TypeEngine

    from referral_engine.storage.sqlalchemy.tables import Tables

_ON_MARIADB = ("mysql", "mariadb")
_ASCII = mysql.VARCHAR(300, charset="ascii", collation="ascii_nopad_bin")
ID: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql").with_variant(_ASCII, *_ON_MARIADB)
WORDS: TypeEngine[str] = Text().with_variant(mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin"), *_ON_MARIADB)
DIGEST: TypeEngine[bytes] = LargeBinary().with_variant(mysql.VARBINARY(32), *_ON_MARIADB)
NUMBER: TypeEngine[int] = BigInteger()

_LARGEST = 2**63 - 1


def identifier(name: str, *, optional: bool = False) -> Column[str]:
    """Write a column of identifiers, compared by bytes."""
    return Column(name, ID, nullable=optional)


def words(name: str, *, optional: bool = True) -> Column[str]:
    """Write a column of text."""
    return Column(name, WORDS, nullable=optional)


def number(name: str, *, optional: bool = False) -> Column[int]:
    """Write a column of whole numbers of 64 bits."""
    return Column(name, NUMBER, nullable=optional, autoincrement=False)


def digest(name: str) -> Column[bytes]:
    """Write a column of 32 bytes."""
    return Column(name, DIGEST, nullable=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one set of our tables is, and so what they are called."""

    schema: str | None
    prefix: str

    @classmethod
    def of(cls, tables: Tables) -> Place:
        """Tell where tables are."""
        return cls(tables.schema, tables.members.name[: -len("members")])

    @property
    def version_table(self) -> str:
        """The table that records the revision; without a prefix it must not be taken for the host's own."""
        return f"{self.prefix}alembic_version" if self.prefix else "referral_schema_version"

    def table(self, name: str, key: tuple[str, ...], *items: SchemaItem, clustered: bool = False) -> Table:
        """Write a table whose key begins with the program; `clustered` rows are kept in the order of the key."""
        full = self.prefix + name
        return Table(
            full,
            MetaData(),
            identifier("program"),
            *items,
            PrimaryKeyConstraint("program", *key, name=conv(f"pk_{full}")),
            schema=self.schema,
            sqlite_with_rowid=not clustered,
            mysql_engine="InnoDB",
            mariadb_engine="InnoDB",
        )

    def check(self, table: str, name: str, condition: str) -> CheckConstraint:
        """Write a check."""
        return CheckConstraint(condition, name=conv(f"ck_{self.prefix}{table}_{name}"))

    def floor(self, table: str, *columns: str) -> list[CheckConstraint]:
        """Write checks that figures are between 0 and the largest number."""
        return [self.check(table, name, f"{name} BETWEEN 0 AND {_LARGEST}") for name in columns]

    def index(self, table: str, name: str, *columns: str, where: str | None = None, unique: bool = False) -> Index:
        """Write an index, of the rows that fit `where` alone where the database can; a column may end in ` DESC`."""
        condition = None if where is None else text(where)
        return Index(
            conv(f"{'uq' if unique else 'ix'}_{self.prefix}{table}_{name}"),
            *map(_indexed, columns),
            unique=unique,
            postgresql_where=condition,
            sqlite_where=condition,
        )


def _indexed(name: str) -> str | UnaryExpression[Any]:
    return column(name.removesuffix(" DESC")).desc() if name.endswith(" DESC") else name
