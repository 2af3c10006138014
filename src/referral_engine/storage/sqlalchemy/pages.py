"""Pages: the lists and places that are read by cursor, by time or by rank, one statement each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.events import microseconds
from referral_engine.leaderboard.standing import Place, Standing
from referral_engine.storage.sqlalchemy import rows

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from referral_engine.outcomes import Message
    from referral_engine.referrals.referral import Referral, ReferralState
    from referral_engine.storage.sqlalchemy.statements import Sql

_REFERRALS = """
FROM {referrals} WHERE program = :program AND referrer = :referrer AND "cursor" > :after
ORDER BY "cursor" LIMIT :most
"""
_REFERRALS_OF_STATE = """
FROM {referrals} WHERE program = :program AND referrer = :referrer AND "cursor" > :after AND state = :state
ORDER BY "cursor" LIMIT :most
"""
_MESSAGES = 'FROM {messages} WHERE program = :program AND "cursor" > :after ORDER BY "cursor" LIMIT :most'
_MESSAGES_TO_COME = """
FROM {messages} WHERE program = :program
AND "cursor" > COALESCE((SELECT acknowledged FROM {counters} WHERE program = :program), 0)
ORDER BY "cursor" LIMIT :most
"""
_DUE = """
SELECT id FROM {grants} WHERE program = :program AND state = 'held' AND held_until <= :now
ORDER BY held_until, id LIMIT :most
"""
_STANDINGS = """
SELECT member, score, reached FROM {scores}
WHERE program = :program AND board = :board AND period = :period AND score > 0
ORDER BY score DESC, reached LIMIT :most OFFSET :skip
"""
_PLACE = """
SELECT score, reached,
  (SELECT COUNT(*) FROM {scores} AS other
   WHERE other.program = :program AND other.board = :board AND other.period = :period
   AND other.score > 0 AND other.score > mine.score),
  (SELECT COUNT(*) FROM {scores} AS other
   WHERE other.program = :program AND other.board = :board AND other.period = :period
   AND other.score > 0 AND other.score = mine.score AND other.reached < mine.reached)
FROM {scores} AS mine
WHERE program = :program AND board = :board AND period = :period AND member = :member AND score > 0
"""
_COUNT = "SELECT COUNT(*) FROM {scores} WHERE program = :program AND board = :board AND period = :period AND score > 0"


def selecting(columns: tuple[str, ...], rest: str) -> str:
    """Write a template that selects columns; the rest names the table."""
    names = ", ".join(f'"{column}"' for column in columns)
    return f"SELECT {names} {rest}"


class Pages:
    """Reads pages."""

    def __init__(self, sql: Sql) -> None:
        self._referrals = sql.query(selecting(rows.REFERRAL_COLUMNS, _REFERRALS))
        self._referrals_of_state = sql.query(selecting(rows.REFERRAL_COLUMNS, _REFERRALS_OF_STATE))
        self._messages = sql.query(selecting(rows.MESSAGE_COLUMNS, _MESSAGES))
        self._messages_to_come = sql.query(selecting(rows.MESSAGE_COLUMNS, _MESSAGES_TO_COME))
        self._due = sql.query(_DUE)
        self._standings = sql.query(_STANDINGS)
        self._place = sql.query(_PLACE)
        self._count = sql.query(_COUNT)

    def referrals(
        self,
        connection: Connection,
        program: str,
        referrer: str,
        state: ReferralState | None,
        after: int | None,
        limit: int,
    ) -> list[Referral]:
        """As StorePages.referrals."""
        given: dict[str, object] = {"program": program, "referrer": referrer, "after": after or 0, "most": limit}
        if state is None:
            found = self._referrals.rows(connection, **given)
        else:
            found = self._referrals_of_state.rows(connection, state=state, **given)
        return [rows.referral_of(row) for row in found]

    def messages(self, connection: Connection, program: str, after: int | None, limit: int) -> list[Message]:
        """As StorePages.messages."""
        if after is None:
            found = self._messages_to_come.rows(connection, program=program, most=limit)
        else:
            found = self._messages.rows(connection, program=program, after=after, most=limit)
        return [rows.message_of(row) for row in found]

    def due(self, connection: Connection, program: str, now: datetime, limit: int) -> list[str]:
        """As StorePages.due."""
        found = self._due.rows(connection, program=program, now=microseconds(now), most=limit)
        return [grant_id for (grant_id,) in found]

    def standings(
        self, connection: Connection, program: str, board: str, period: str, skip: int, limit: int
    ) -> list[Standing]:
        """As StorePages.standings."""
        found = self._standings.rows(connection, program=program, board=board, period=period, most=limit, skip=skip)
        return [Standing(*row) for row in found]

    def place(self, connection: Connection, program: str, board: str, period: str, member: str) -> Place | None:
        """As StorePages.place."""
        found = self._place.rows(connection, program=program, board=board, period=period, member=member)
        for score, reached, above, beside in found:
            return Place(Standing(member, score, reached), above=above, before=above + beside)
        return None

    def count(self, connection: Connection, program: str, board: str, period: str) -> int:
        """As StorePages.count."""
        ((number,),) = self._count.rows(connection, program=program, board=board, period=period)
        return int(number)
