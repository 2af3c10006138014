"""Boards: standings, places and counts agree with each other and with a plain sort."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from referral_engine.leaderboard.standing import Place
from referral_engine.testing.conformance.samples import PROGRAM, Desk, raising

if TYPE_CHECKING:
    from referral_engine.ports import BlockingStore

MEMBERS = 40
COMMITS = 30


class Boards:
    """What a store promises about scores."""

    def test_scores_are_listed_highest_first(self, store: BlockingStore) -> None:
        """Higher scores come first, whatever the order in which they were reached."""
        desk = Desk(store)
        for name, score in (("alice", 2), ("bob", 9), ("carol", 10), ("dave", 1)):
            desk.write(raising(name, score))
        assert [row.member for row in desk.standings()] == ["carol", "bob", "alice", "dave"]
        assert [row.score for row in desk.standings()] == [10, 9, 2, 1]

    def test_ties_go_to_who_was_first(self, store: BlockingStore) -> None:
        """Equal scores are listed by who reached them first, across commits and within one decision."""
        desk = Desk(store)
        desk.write(raising("dave", 1))
        desk.write(raising("bob", 3), raising("carol", 3), raising("alice", 3))
        desk.write(raising("erin", 3))
        desk.write(raising("dave", 2))
        assert [row.member for row in desk.standings()] == ["bob", "carol", "alice", "erin", "dave"]

    def test_a_score_regained_was_reached_later(self, store: BlockingStore) -> None:
        """Who lost a point and won it back stands behind those who reached the score in between."""
        desk = Desk(store)
        desk.write(raising("alice", 2))
        desk.write(raising("bob", 2))
        desk.write(raising("alice", -1))
        assert [row.member for row in desk.standings()] == ["bob", "alice"]
        desk.write(raising("alice", 1))
        assert [(row.member, row.score) for row in desk.standings()] == [("bob", 2), ("alice", 2)]

    def test_a_change_by_nothing_counts_as_reached_now(self, store: BlockingStore) -> None:
        """A score that a decision lowered and raised again was reached now, though it is what it was."""
        desk = Desk(store)
        desk.write(raising("alice", 2))
        desk.write(raising("bob", 2))
        desk.write(raising("alice", 0))
        assert [row.member for row in desk.standings()] == ["bob", "alice"]

    def test_a_score_of_nothing_is_not_listed(self, store: BlockingStore) -> None:
        """A score that is 0, or was never reached, has no standing, no place and is not counted."""
        desk = Desk(store)
        desk.write(raising("alice", 2), raising("bob", 1), raising("carol", 0))
        desk.write(raising("alice", -2))
        assert ([row.member for row in desk.standings()], store.count(PROGRAM, "inviters", "2026-03")) == (["bob"], 1)
        for nobody in ("alice", "carol", "dave"):
            assert store.place(PROGRAM, "inviters", "2026-03", nobody) is None

    def test_boards_and_periods_are_apart(self, store: BlockingStore) -> None:
        """A score belongs to one board in one period."""
        desk = Desk(store)
        desk.write(
            raising("alice", 1),
            raising("bob", 2, period="2026-04"),
            raising("carol", 3, board="Inviters", period="2026-03"),
        )
        assert [row.member for row in desk.standings()] == ["alice"]
        assert [row.member for row in desk.standings(period="2026-04")] == ["bob"]
        assert desk.standings(period="2026-0") == []
        assert (store.count(PROGRAM, "Inviters", "2026-03"), store.count(PROGRAM, "Inviters", "2026-04")) == (1, 0)
        assert store.place(PROGRAM, "inviters", "2026-04", "alice") is None

    def test_pages_places_and_counts_agree_with_a_plain_sort(self, store: BlockingStore) -> None:
        """After many changes with many ties, every page and every place is what sorting the scores gives."""
        desk, random = Desk(store), Random(7)  # noqa: S311 - repeatable data
        scores: dict[str, tuple[int, int]] = {}
        tick = 0
        for _ in range(COMMITS):
            changed = random.sample(range(MEMBERS), 5)
            steps = []
            for name in (f"m{n}" for n in changed):
                tick += 1
                score = scores.get(name, (0, 0))[0]
                by = random.randint(-min(score, 2), 2)
                scores[name] = (score + by, tick)
                steps.append(raising(name, by))
            desk.write(*steps)
        listed = sorted((one for one in scores if scores[one][0]), key=lambda one: (-scores[one][0], scores[one][1]))
        rows = desk.standings()
        assert [(one, scores[one][0]) for one in listed] == [(row.member, row.score) for row in rows]
        assert len(listed) == store.count(PROGRAM, "inviters", "2026-03")
        for skip, limit in ((0, 1), (0, 7), (7, 7), (len(listed) - 2, 7), (len(listed), 7)):
            assert rows[skip : skip + limit] == desk.standings(skip, limit)
        for before, row in enumerate(rows):
            above = sum(other.score > row.score for other in rows)
            assert Place(row, above, before) == store.place(PROGRAM, "inviters", "2026-03", row.member)
