"""The floor of single events: what each one changes, as SQL written by hand, with the library's guards and locks.

An event is one transaction: lock the members it concerns, in the order of their ids; write what their locks guard; the
guarded updates of what everybody shares; move the program's position; and append at it. Rows of one table go in one
statement. The values are there before the clock starts, since nothing is read to decide, decided or explained: what
remains is what any program has to do that keeps the same rows and the same promises.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from referral_engine import changes as c
from referral_engine.events import microseconds
from referral_engine.storage.sqlalchemy import rows
from referral_engine.storage.sqlalchemy.codec import write_payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from referral_engine.decisions import Decision

Statement = tuple[str, list[Any], int]
"""A text, its values, and how many rows it must find or write."""

_CURSOR = "(SELECT position FROM referral_counters WHERE program = %s) - %s"
_FIGURES = rows.BALANCE_COLUMNS[2:]


def written_by_hand(program: str, decision: Decision[Any]) -> list[Statement]:
    """The statements of one event, in the order in which they are sent."""
    found: dict[type, list[Any]] = defaultdict(list)
    for change in decision.changes:
        found[type(change)].append(change)
    unknown = found.keys() - _KNOWN
    assert not unknown, f"no statement is written for {unknown}"
    statements = [*_members(program, found), *_guarded(program, found), *_shared(program, found)]
    if decision.ordinals:
        move = "UPDATE referral_counters SET position = position + %s WHERE program = %s"
        statements.append((move, [decision.ordinals, program], 1))
        statements += _appended(program, found, decision.ordinals)
    return statements


_KNOWN = {
    c.PutMember, c.AddReferral, c.UseCode, c.AddEvent, c.AdjustTally, c.AdjustBalance, c.AddGrant, c.AddTransfer,
    c.AdjustLimit, c.AdjustSpend, c.AdjustScore, c.AddMessage,
}  # fmt: skip


def _members(program: str, found: dict[type, list[Any]]) -> list[Statement]:
    """Lock the members that are there, in their order, make those that arrive, and count what they refer."""
    put = found[c.PutMember]
    arriving = {one.member.id for one in put if one.fresh}
    concerned = {one.member.id for one in put} | {one.member for one in found[c.AdjustTally]}
    concerned |= {one.member for one in found[c.AdjustBalance]}
    statements: list[Statement] = []
    if there := sorted(concerned - arriving):
        among = ", ".join(["%s"] * len(there))
        lock = f"SELECT member, referrer FROM referral_members WHERE program = %s AND member IN ({among})"  # noqa: S608 - placeholders
        statements.append((f"{lock} ORDER BY member FOR UPDATE", [program, *there], len(there)))
    for one in put:
        if one.fresh:
            statements.append(_insert("members", rows.MEMBER_COLUMNS, [rows.member_row(program, one.member)]))
        else:
            count = "SET referrals_total = referrals_total + 1, referrals_qualified = referrals_qualified + 1"
            text = f"UPDATE referral_members {count} WHERE program = %s AND member = %s"
            statements.append((text, [program, one.member.id], 1))
    return statements


def _guarded(program: str, found: dict[type, list[Any]]) -> list[Statement]:
    """What the locks of the members guard."""
    tallies = [(program, one.member, one.type, one.count, one.sum) for one in found[c.AdjustTally]]
    balances = sorted(rows.balance_row(program, one.member, one.unit, one.by) for one in found[c.AdjustBalance])
    limits = [(program, *one.key, one.by) for one in found[c.AdjustLimit]]
    grants = [rows.grant_row(program, one.stored) for one in found[c.AddGrant]]
    key = ("holder", "rule", "per", "within", "unit", "subject", "period")
    return [
        *_upserts("tallies", ("member", "type"), ("count", "sum"), tallies),
        *_upserts("balances", ("member", "unit"), _FIGURES, balances),
        *_upserts("limits", key, ("count",), limits),
        *([_insert("grants", rows.GRANT_COLUMNS, sorted(grants))] if grants else []),
    ]


def _shared(program: str, found: dict[type, list[Any]]) -> list[Statement]:
    """Guarded updates of what no member's lock guards."""
    use = (
        "UPDATE referral_codes SET uses = uses + %s WHERE program = %s AND text = %s AND state = 'active' "
        "AND (max_uses IS NULL OR uses + %s <= max_uses)"
    )
    spend = (
        "UPDATE referral_spends SET spent = spent + %s, held = held + %s WHERE program = %s AND campaign = %s "
        "AND unit = %s AND spent + held BETWEEN %s AND %s"
    )
    used = [(use, [one.uses, program, one.text, one.uses], 1) for one in found[c.UseCode]]
    spent = [
        (spend, [one.spent, one.held, program, one.campaign, one.unit, one.low, one.high], 1)
        for one in found[c.AdjustSpend]
    ]
    return [*used, *spent]


def _appended(program: str, found: dict[type, list[Any]], ordinals: int) -> list[Statement]:
    """What is appended at the position; the cursor of an ordinal is counted back from it."""

    def back(one: Any) -> int:
        return ordinals - 1 - int(one.ordinal)

    referrals = [(rows.referral_row(program, one.referral, 0)[:-1], back(one)) for one in found[c.AddReferral]]
    events = [(rows.event_row(program, one.event, 0)[:-1], back(one)) for one in found[c.AddEvent]]
    transfers = [(rows.transfer_row(program, one.transfer, 0)[:-1], back(one)) for one in found[c.AddTransfer]]
    scores = [((program, *one.key, one.by), back(one)) for one in found[c.AdjustScore]]
    messages = [
        ((program, one.type, microseconds(one.at), write_payload(one.payload)), back(one))
        for one in found[c.AddMessage]
    ]
    score = ("board", "period", "member", "score", "reached")
    return [
        *_at_cursor("referrals", rows.REFERRAL_COLUMNS, referrals),
        *_at_cursor("events", rows.EVENT_COLUMNS, events),
        *_at_cursor("transfers", rows.TRANSFER_COLUMNS, transfers),
        *_at_cursor("scores", score, sorted(scores), _conflict(score[:3], score[3:4], "reached = excluded.reached")),
        *_at_cursor("messages", ("type", "at", "payload", "cursor"), messages),
    ]


def _upserts(table: str, key: Sequence[str], sums: Sequence[str], given: Sequence[Sequence[Any]]) -> list[Statement]:
    return [_insert(table, (*key, *sums), given, _conflict(key, sums))] if given else []


def _conflict(key: Sequence[str], sums: Sequence[str], *more: str) -> str:
    sets = ", ".join([*(f"{name} = kept.{name} + excluded.{name}" for name in sums), *more])
    return f" ON CONFLICT (program, {', '.join(key)}) DO UPDATE SET {sets}"


def _insert(table: str, columns: Sequence[str], given: Sequence[Sequence[Any]], conflict: str = "") -> Statement:
    values = ", ".join([f"(%s{', %s' * len(columns)})"] * len(given))
    text = f"INSERT INTO referral_{table} AS kept (program, {', '.join(columns)}) VALUES {values}{conflict}"  # noqa: S608 - own names
    return text, [value for row in given for value in row], len(given)


def _at_cursor(
    table: str, columns: Sequence[str], given: Sequence[tuple[Sequence[Any], int]], conflict: str = ""
) -> list[Statement]:
    """Insert rows whose last column is the cursor."""
    if not given:
        return []
    values = ", ".join([f"(%s{', %s' * (len(columns) - 1)}, {_CURSOR})"] * len(given))
    text = f"INSERT INTO referral_{table} AS kept (program, {', '.join(columns)}) VALUES {values}{conflict}"  # noqa: S608 - own names
    return [(text, [value for row, back in given for value in (*row, row[0], back)], len(given))]


def send(connection: psycopg.Connection[Any], statements: list[Statement]) -> None:
    """Carry out an event, one statement after the other."""
    with connection.transaction(), connection.cursor() as cursor:
        for text, values, expected in statements:
            cursor.execute(text, values)
            assert cursor.rowcount == expected, f"{cursor.rowcount} rows, not {expected}: {text}"


def send_together(connection: psycopg.Connection[Any], statements: list[Statement]) -> None:
    """Carry out an event in two round trips: all its statements, and the commit once their row counts are right."""
    with connection.transaction():
        with connection.pipeline():
            sent = [(connection.execute(text, values), text, expected) for text, values, expected in statements]
        for cursor, text, expected in sent:
            assert cursor.rowcount == expected, f"{cursor.rowcount} rows, not {expected}: {text}"
