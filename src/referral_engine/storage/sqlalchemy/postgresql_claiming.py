"""Claiming members on PostgreSQL: found, made and locked by one statement, so that it is one round trip.

Those who arrive are made before any row is locked, and rows are locked in the order of their ids, whatever the plan:
each step is fenced, and begins when the one before is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic_core import from_json

from referral_engine.storage.sqlalchemy.attempts import StartAgain
from referral_engine.storage.sqlalchemy.claiming import Claimed
from referral_engine.storage.sqlalchemy.postgresql_driving import Numbered, numbered
from referral_engine.storage.sqlalchemy.postgresql_reading import listed

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.claiming import Led

_GIVEN = "json_array_elements_text(%({name})s::json) AS given (value)"

_CLAIM = """
WITH concerned (member) AS MATERIALIZED ({concerned}), made AS ({made})
SELECT
  (SELECT json_agg(made.member) FROM made)::text,
  (SELECT json_agg(json_build_array(given.member, {cells})) FROM (
    SELECT concerned.member FROM concerned WHERE (SELECT count(*) FROM made) >= 0 ORDER BY 1
  ) AS given LEFT JOIN LATERAL (
    SELECT {columns} FROM {table} WHERE program = %(program)s AND member = given.member OFFSET 0 {lock}
  ) AS kept ON true)::text
"""
_MADE = """
INSERT INTO {table} (program, {stub})
SELECT %(program)s, given.member, given.member, 0, 0, 0 FROM (SELECT member FROM concerned ORDER BY 1) AS given
WHERE given.member IN (SELECT given.value FROM {given})
  AND (SELECT true FROM {table} AS kept WHERE kept.program = %(program)s AND kept.member = given.member) IS NULL
ON CONFLICT DO NOTHING RETURNING member
"""
_NONE_MADE = "SELECT NULL::text AS member WHERE false"


@dataclass(frozen=True, slots=True)
class PostgresClaim:
    """One statement; its texts are few, and kept. `ways` select the members that names lead to."""

    table: str
    stub: str
    columns: str
    cells: str
    ways: Mapping[str, str]
    lock: str = "FOR UPDATE"
    texts: dict[tuple[str, ...], Numbered] = field(default_factory=dict)

    def members(
        self, connection: Connection, program: str, named: Collection[str], led: Led, arriving: Collection[str]
    ) -> Claimed:
        """As Claim.members. One who arrived by another hand in between is there, but not locked: all starts again."""
        lists = {"named": named, **led, "arriving": arriving}
        used = tuple(name for name, values in lists.items() if values)
        if not used:
            return Claimed(frozenset(), (), frozenset())
        text = self.texts.get(used) or self.texts.setdefault(used, self._text(used))
        given: dict[str, object] = {name: listed(sorted(lists[name])) for name in used}
        made, found = text.row(connection, {"program": program, **given})
        rows = [] if found is None else from_json(found)
        ids, there = frozenset(row[0] for row in rows), [row for row in rows if row[1] is not None]
        stubs = frozenset(() if made is None else from_json(made))
        if (ids & set(arriving)) - stubs - {row[0] for row in there}:
            raise StartAgain("a member arrived while it was being locked")
        return Claimed(ids, there, stubs)

    def _text(self, used: tuple[str, ...]) -> Numbered:
        """Write the statement for what is given; the ids compare by their bytes, as in every table."""
        concerned = [
            f'SELECT value COLLATE "C" FROM {_GIVEN.format(name=name)}' if name == "named" else self.ways[name]
            for name in used
            if name != "arriving"
        ]
        given = _GIVEN.format(name="arriving")
        made = _MADE.format(table=self.table, stub=self.stub, given=given) if "arriving" in used else _NONE_MADE
        text = _CLAIM.format(
            concerned=" UNION ".join(concerned),
            made=made,
            cells=self.cells,
            columns=self.columns,
            table=self.table,
            lock=self.lock,
        )
        return numbered(text)
