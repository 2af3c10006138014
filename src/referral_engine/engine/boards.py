"""Reading a board: its top, a member's rank and neighbours, for callers that block and callers that await."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.engine.arguments import require_count
from referral_engine.engine.driving import Records, drive
from referral_engine.errors import InvalidInput
from referral_engine.ids import require_id, shown
from referral_engine.leaderboard import BoardEntry, Place, ranked, window
from referral_engine.periods import parse_period

if TYPE_CHECKING:
    from referral_engine.engine.core import Core

PAGE_MAX = 1_000


@dataclass(frozen=True, slots=True)
class BoardReader:
    """The pages of one board in one period."""

    store: Records
    program: str
    board: str
    period: str

    async def page(self, skip: int, limit: int) -> list[BoardEntry]:
        """Entries after the first `skip`, with their ranks."""
        page = await self.store.standings(self.program, self.board, self.period, skip, limit)
        above = 0
        if skip and page:
            first = await self._place(page[0].member)
            above = skip if first is None else first.above
        return ranked(page, first=skip, above=above)

    async def _place(self, member_id: str) -> Place | None:
        return await self.store.place(self.program, self.board, self.period, member_id)

    async def top(self, n: int) -> list[BoardEntry]:
        """The first entries."""
        return await self.page(0, require_count("n", n, 1, PAGE_MAX))

    async def entry(self, member_id: str) -> BoardEntry | None:
        """One member's entry."""
        place = await self._place(require_id("member_id", member_id))
        if place is None:
            return None
        return BoardEntry(place.standing.member, place.standing.score, place.above + 1)

    async def around(self, member_id: str, size: int) -> list[BoardEntry]:
        """The entries around a member."""
        size = require_count("size", size, 1, PAGE_MAX)
        place = await self._place(require_id("member_id", member_id))
        if place is None:
            return []
        return await self.page(window(place.before, await self.count(), size), size)

    async def count(self) -> int:
        """How many members are on it."""
        return await self.store.count(self.program, self.board, self.period)


def open_board(core: Core, board_id: str, period: str | None) -> BoardReader:
    """Find the board and check the period; None is the one that contains now. Raises InvalidInput."""
    compiled = core.compiled
    found = compiled.boards.get(board_id) if isinstance(board_id, str) else None
    if found is None:
        known = ", ".join(sorted(compiled.boards)) or "none"
        raise InvalidInput("board_id", f"the program has no board {shown(board_id)}; it has: {known}")
    span = found.board.period
    if period is None:
        return BoardReader(core.store, compiled.id, board_id, compiled.calendar.key(span, core.now()))
    if parse_period(period) != span:
        now = compiled.calendar.key(span, core.now())
        raise InvalidInput("period", f"board {board_id!r} goes by {span}; write it as {now!r}")
    return BoardReader(core.store, compiled.id, board_id, period)


class BoardView:
    """One board in one period. Competition ranks: equal scores share a rank, listed by who reached it first."""

    __slots__ = ("_reader",)

    def __init__(self, reader: BoardReader) -> None:
        self._reader = reader

    @property
    def period(self) -> str:
        """The period that is shown."""
        return self._reader.period

    def top(self, n: int = 10) -> list[BoardEntry]:
        """The first `n` entries, 1 to 1,000."""
        return drive(self._reader.top(n))

    def rank(self, member_id: str) -> int | None:
        """The member's rank, None when it is not on the board."""
        entry = self.entry(member_id)
        return None if entry is None else entry.rank

    def entry(self, member_id: str) -> BoardEntry | None:
        """The member's entry, None when it is not on the board."""
        return drive(self._reader.entry(member_id))

    def around(self, member_id: str, size: int = 5) -> list[BoardEntry]:
        """`size` entries, half of them before the member, shifted at the ends; empty when it is not on the board."""
        return drive(self._reader.around(member_id, size))

    def count(self) -> int:
        """How many members are on the board."""
        return drive(self._reader.count())


class AsyncBoardView:
    """BoardView for callers that await."""

    __slots__ = ("_reader",)

    def __init__(self, reader: BoardReader) -> None:
        self._reader = reader

    @property
    def period(self) -> str:
        """The period that is shown."""
        return self._reader.period

    async def top(self, n: int = 10) -> list[BoardEntry]:
        """As BoardView.top."""
        return await self._reader.top(n)

    async def rank(self, member_id: str) -> int | None:
        """As BoardView.rank."""
        entry = await self.entry(member_id)
        return None if entry is None else entry.rank

    async def entry(self, member_id: str) -> BoardEntry | None:
        """As BoardView.entry."""
        return await self._reader.entry(member_id)

    async def around(self, member_id: str, size: int = 5) -> list[BoardEntry]:
        """As BoardView.around."""
        return await self._reader.around(member_id, size)

    async def count(self) -> int:
        """As BoardView.count."""
        return await self._reader.count()
