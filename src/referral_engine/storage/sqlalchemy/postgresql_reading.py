"""Reading from PostgreSQL: many look-ups in one statement, whose rows come as JSON.

Each look-up goes by the index, in the order of its list. Left to choose, PostgreSQL reads all rows of a program whose
table it has not analysed yet; the inner select is a fence that it does not look behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from referral_engine.storage.sqlalchemy.postgresql_driving import Numbered, numbered
from referral_engine.storage.sqlalchemy.statements import Ask, Row

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection


def listed(values: Sequence[object]) -> str:
    """Write a column of values as JSON: four times as fast as an array, whose elements psycopg writes one by one."""
    return to_json(values).decode()


@dataclass(frozen=True, slots=True)
class PostgresLookup:
    """Selects each value of a list; values of further lists by `= ANY (…)`.

    `inner` finds the rows of one `given.value`, `cells` are what is taken of them, and `binary` the places of those
    that are bytes, in hexadecimal. In both texts `{place}` is what sets the look-up's values apart from another's.
    """

    inner: str
    cells: str
    among: tuple[str, ...]
    binary: tuple[int, ...]

    def rows(self, connection: Connection, program: str, *among: Collection[str], lock: bool = False) -> Sequence[Row]:
        """As Lookup.rows."""
        return PostgresLookups({"": self}).rows(connection, program, {"": Ask(among, lock)})[""]

    def select(self, place: int, *, lock: bool) -> str:
        """Select the rows as one JSON text, NULL for none."""
        inner = f"{self.inner} FOR UPDATE" if lock else self.inner
        text = (
            f"SELECT json_agg(json_build_array({self.cells})) "
            f"FROM json_array_elements_text(%({{place}}{self.among[0]})s::json) AS given (value) "
            f"CROSS JOIN LATERAL ({inner}) AS kept"
        )
        return text.format(place=f"at{place}_")

    def given(self, place: int, among: Sequence[Collection[str]]) -> dict[str, object]:
        """Name the values of a look-up."""
        return {f"at{place}_{name}": listed(sorted(values)) for name, values in zip(self.among, among, strict=True)}

    def read(self, text: str | None) -> Sequence[Row]:
        """Read the rows."""
        if text is None:
            return ()
        rows: list[Any] = from_json(text)
        for place in self.binary:
            for row in rows:
                row[place] = bytes.fromhex(row[place])
        return rows


@dataclass(frozen=True, slots=True)
class PostgresLookups:
    """Asks all look-ups that are asked for anything by one statement; its texts are few, and kept."""

    lookups: Mapping[str, PostgresLookup]
    texts: dict[tuple[tuple[str, bool], ...], Numbered] = field(default_factory=dict)

    def rows(self, connection: Connection, program: str, asked: Mapping[str, Ask]) -> dict[str, Sequence[Row]]:
        """As Lookups.rows."""
        found: dict[str, Sequence[Row]] = dict.fromkeys(asked, ())
        wanted = tuple((name, ask.lock) for name, ask in asked.items() if all(ask.among))
        if not wanted:
            return found
        text = self.texts.get(wanted) or self.texts.setdefault(wanted, self._text(wanted))
        given: dict[str, object] = {"program": program}
        for place, (name, _) in enumerate(wanted):
            given.update(self.lookups[name].given(place, asked[name].among))
        for (name, _), cells in zip(wanted, text.row(connection, given), strict=True):
            found[name] = self.lookups[name].read(cells)
        return found

    def _text(self, wanted: Sequence[tuple[str, bool]]) -> Numbered:
        selects = [
            f"({self.lookups[name].select(place, lock=lock)})::text" for place, (name, lock) in enumerate(wanted)
        ]
        return numbered(f"SELECT {', '.join(selects)}")
