"""Drift: what the kept figures should be, added up by the database, and those that differ.

Each comparison is one statement, so that it sees one snapshot also inside a host's transaction that reads what is
committed by then. What events added to limits, scores and codes stands in their footprints, which are added up here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.outcomes import Drift
from referral_engine.storage.sqlalchemy.codec import read_footprint
from referral_engine.storage.sqlalchemy.sealing import Sealing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.statements import Query, Row, Sql
    from referral_engine.storage.sqlalchemy.tables import Tables


@dataclass(frozen=True, slots=True)
class Comparison:
    """A kept table beside the records that it sums up.

    `keys` and `figures` map what is kept to how the records give it; a missing row counts as 0 on either side.
    """

    what: str
    kept: str
    records: str
    keys: Mapping[str, str]
    figures: Mapping[str, str]
    which: str = ""

    def template(self) -> str:
        """Write one statement: both tables over each other, summed by key, where a sum differs."""
        names = [f"key{place}" for place in range(len(self.keys))]
        kept = [f"{column} AS kept_{column}, 0 AS sum_{column}" for column in self.figures]
        summed = [f"0, {expression}" for expression in self.figures.values()]
        sums = [f"SUM(kept_{column}), SUM(sum_{column})" for column in self.figures]
        differs = [f"SUM(kept_{column}) <> SUM(sum_{column})" for column in self.figures]
        keys = ", ".join(names)
        named = ", ".join(f"{column} AS {name}" for column, name in zip(self.keys, names, strict=True))
        return (
            f"SELECT {keys}, {', '.join(sums)} FROM ("
            f"SELECT {named}, {', '.join(kept)} FROM {{{self.kept}}} WHERE program = :program UNION ALL "
            f"SELECT {', '.join(self.keys.values())}, {', '.join(summed)} FROM {{{self.records}}} "
            f"WHERE program = :program {self.which}) AS figures "
            f"GROUP BY {keys} HAVING {' OR '.join(differs)} ORDER BY {keys}"
        )

    def drifts(self, row: Row) -> Iterator[Drift]:
        """Name the figures of a row that differ."""
        keys = len(self.keys)
        key, figures = "/".join(row[:keys]), list(map(int, row[keys:]))
        for name, kept, expected in zip(self.figures, figures[::2], figures[1::2], strict=True):
            if kept != expected:
                yield Drift(f"{self.what}.{name}", key, kept, expected)


_LIFETIME = (
    "CASE WHEN kind IN ('grant', 'release') OR debit = 'issuer' THEN amount "
    "WHEN kind = 'reversal' THEN -amount ELSE 0 END"
)


def moved(account: str) -> str:
    """Write by how much a transfer changes an account."""
    return f"CASE '{account}' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END"


def _when(condition: str, expression: str) -> str:
    return f"CASE WHEN {condition} THEN {expression} ELSE 0 END"


_EACH_ITSELF = {"member": "member", "unit": "unit"}
COMPARISONS = (
    Comparison(
        "balance",
        "balances",
        "transfers",
        _EACH_ITSELF,
        {
            "available": moved("available"),
            "held": moved("held"),
            "debt": f"-({moved('debt')})",
            "lifetime": _LIFETIME,
            "redeemed": moved("redeemed"),
            "expired": moved("expired"),
            "paying": moved("paying"),
        },
    ),
    Comparison("balance", "balances", "lots", _EACH_ITSELF, {"expiring": "remaining"}),
    Comparison(
        "payout",
        "balances",
        "payouts",
        _EACH_ITSELF,
        {"paying": _when("state = 'requested'", "amount")},
    ),
    Comparison(
        "budget",
        "spends",
        "grants",
        {"campaign": "campaign", "unit": "unit"},
        {"spent": _when("state = 'posted'", "amount - reversed"), "held": _when("state = 'held'", "amount - reversed")},
    ),
    Comparison(
        "tally",
        "tallies",
        "events",
        {"member": "member", "type": "type"},
        {"count": "1", "sum": "COALESCE(amount, 0)"},
        "AND counted",
    ),
    Comparison(
        "member",
        "members",
        "referrals",
        {"member": "referrer"},
        {"referrals_total": "1", "referrals_qualified": _when("state = 'qualified'", "1")},
    ),
)

_CLEARING = f"""
SELECT unit, reference, SUM({moved("clearing")}) FROM {{transfers}}
WHERE program = :program AND kind = 'transfer' GROUP BY unit, reference HAVING SUM({moved("clearing")}) <> 0
ORDER BY unit, reference
"""
_FOOTPRINTS = """
SELECT 'event', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, footprint
FROM {events} WHERE program = :program AND footprint IS NOT NULL
UNION ALL
SELECT 'limit', holder, rule, per, within, unit, subject, period, count, NULL FROM {limits} WHERE program = :program
UNION ALL
SELECT 'score', board, period, member, NULL, NULL, NULL, NULL, score, NULL FROM {scores} WHERE program = :program
UNION ALL
SELECT 'code.uses', text, NULL, NULL, NULL, NULL, NULL, NULL, uses, NULL FROM {codes} WHERE program = :program
"""


class Audit:
    """Finds drift."""

    def __init__(self, sql: Sql, tables: Tables) -> None:
        self._sealing = Sealing(sql, tables)
        self._clearing = sql.query(_CLEARING)
        self._comparisons: list[tuple[Comparison, Query]] = [
            (comparison, sql.query(comparison.template())) for comparison in COMPARISONS
        ]
        self._footprints = sql.query(_FOOTPRINTS)

    def drift(self, connection: Connection, program: str) -> list[Drift]:
        """As StoreAdmin.drift."""
        found = [
            drift
            for comparison, query in self._comparisons
            for row in query.rows(connection, program=program)
            for drift in comparison.drifts(row)
        ]
        left = self._clearing.rows(connection, program=program)
        return [
            *found,
            *[Drift("clearing", f"{unit}/{reference}", int(amount), 0) for unit, reference, amount in left],
            *self._sealing.broken(connection, program),
            *_drifts(self._footprints.rows(connection, program=program)),
        ]


def _drifts(rows: Iterable[Row]) -> Iterator[Drift]:
    """Add up footprints and compare them with the rows that are kept."""
    kept: defaultdict[tuple[str, ...], int] = defaultdict(int)
    summed: defaultdict[tuple[str, ...], int] = defaultdict(int)
    for what, *parts, number, footprint in rows:
        if footprint is None:
            kept[what, *(part for part in parts if part is not None)] = number
            continue
        trace = read_footprint(footprint)
        for limit, by in trace.limits:
            summed["limit", *limit] += by
        for score, by in trace.scores:
            summed["score", *score] += by
        if trace.code is not None:
            summed["code.uses", trace.code] += 1
    for key in sorted({*kept, *summed}):
        if kept[key] != summed[key]:
            yield Drift(key[0], "/".join(key[1:]), kept[key], summed[key])
