"""Columns: the types of what is kept, and the maker of tables with the names of our convention."""

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

from referral_engine.validation import TOTAL_MAX

if TYPE_CHECKING:
    from sqlalchemy import UnaryExpression
    from sqlalchemy.types import TypeEngine

ID_LENGTH_MAX = 300
"""The longest identifier that MariaDB keeps: two members in one, for the counter of a pair, and to spare.

Eight of them are a key that it can still index.
"""

_ON_MARIADB = ("mysql", "mariadb")  # the database has two names, as the URL spells it
_ASCII = mysql.VARCHAR(ID_LENGTH_MAX, charset="ascii", collation="ascii_nopad_bin")
ID: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql").with_variant(_ASCII, *_ON_MARIADB)
WORDS: TypeEngine[str] = Text().with_variant(mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin"), *_ON_MARIADB)
DIGEST: TypeEngine[bytes] = LargeBinary().with_variant(mysql.VARBINARY(32), *_ON_MARIADB)
INT: TypeEngine[int] = BigInteger()


@dataclass(frozen=True, slots=True)
class Maker:
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
            Column("program", ID, nullable=False),
            *items,
            PrimaryKeyConstraint("program", *key, name=conv(f"pk_{full}")),
            schema=self.schema,
            sqlite_with_rowid=not clustered,
            mysql_engine="InnoDB",
            mariadb_engine="InnoDB",
        )

    def check(self, table: str, name: str, condition: str) -> CheckConstraint:
        """Make a check with the name of our convention."""
        return CheckConstraint(condition, name=conv(f"ck_{self.prefix}{table}_{name}"))

    def floor(self, table: str, *columns: str) -> list[CheckConstraint]:
        """Keep figures between 0 and what 64 bits hold; SQLite would turn a larger one into a float."""
        return [self.check(table, column, f"{column} BETWEEN 0 AND {TOTAL_MAX}") for column in columns]

    def index(self, table: str, name: str, *columns: str, where: str | None = None, unique: bool = False) -> Index:
        """Make an index, of the rows that fit `where` alone where the database can.

        MariaDB indexes all rows, so the columns that `where` looks at are among those of the index.

        A full index that is not unique does not begin with the program: PostgreSQL, before it has analysed a table,
        would take it for as good as the primary key, and read a whole program for one row.
        """
        condition = None if where is None else text(where)
        return Index(
            conv(f"{'uq' if unique else 'ix'}_{self.prefix}{table}_{name}"),
            *map(_indexed, columns),
            unique=unique,
            postgresql_where=condition,
            sqlite_where=condition,
        )


def _indexed(name: str) -> str | UnaryExpression[Any]:
    """Name a column of an index; as text, ` DESC` would be an expression that Alembic cannot compare."""
    return column(name.removesuffix(" DESC")).desc() if name.endswith(" DESC") else name


def id_column(name: str) -> Column[str]:
    """An identifier."""
    return Column(name, ID, nullable=False)


def maybe_id(name: str) -> Column[str]:
    """An identifier, or NULL."""
    return Column(name, ID, nullable=True)


def words(name: str) -> Column[str]:
    """Text, or NULL."""
    return Column(name, WORDS, nullable=True)


def number(name: str) -> Column[int]:
    """A whole number."""
    return Column(name, INT, nullable=False, autoincrement=False)


def maybe_number(name: str) -> Column[int]:
    """A whole number, or NULL."""
    return Column(name, INT, nullable=True)
