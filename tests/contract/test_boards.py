"""Contract, "Reading", and domain, "Leaderboard": scores, ranks, ties, pages, periods."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from referral_engine import Board, BoardEntry, InvalidInput
from tests.contract.stage import START, HandClock, Stage, pays, program_of, spring_program

BUYERS = Board("buyers", "count.purchase", "lifetime")


def scored(*scores: tuple[str, int], boards: tuple[Board, ...] = (BUYERS,)) -> Stage:
    """A stage where members bought, one after the other, as often as told."""
    stage = Stage(program_of(pays(), boards=boards))
    for member, times in scores:
        for _ in range(times):
            stage.buy(member)
    return stage


def ranks(entries: list[BoardEntry]) -> list[tuple[str, int, int]]:
    return [(entry.member, entry.score, entry.rank) for entry in entries]


def test_competition_ranks_are_1_1_3():
    board = scored(("alice", 3), ("bob", 3), ("carol", 2), ("dave", 2), ("erin", 2), ("frank", 1)).engine.board(
        "buyers"
    )
    assert ranks(board.top()) == [
        ("alice", 3, 1), ("bob", 3, 1), ("carol", 2, 3), ("dave", 2, 3), ("erin", 2, 3), ("frank", 1, 6),
    ]  # fmt: skip
    assert [board.rank(name) for name in ("alice", "bob", "carol", "frank")] == [1, 1, 3, 6]
    assert board.entry("dave") == BoardEntry("dave", 2, 3)
    assert board.count() == 6


def test_ties_are_listed_by_who_reached_the_score_first_and_not_by_at():
    stage = scored(("bob", 1), ("alice", 1))
    stage.buy("alice", at=START)
    stage.buy("bob", at=datetime(2026, 1, 1, tzinfo=UTC))
    assert ranks(stage.engine.board("buyers").top()) == [("alice", 2, 1), ("bob", 2, 1)]


def test_a_score_regained_counts_as_reached_later():
    stage = Stage(program_of(pays(5), boards=[Board("granted", "granted.points", "lifetime")]))
    stage.buy("alice", 9, id="p-1")
    stage.buy("bob", 9)
    stage.refund("alice", "p-1")
    stage.buy("alice", 9)
    assert ranks(stage.engine.board("granted").top()) == [("bob", 5, 1), ("alice", 5, 1)]


def test_top_takes_n_and_is_10_by_default():
    board = scored(*((f"m{n:02}", 1) for n in range(12))).engine.board("buyers")
    assert len(board.top()) == 10
    assert [entry.member for entry in board.top(3)] == ["m00", "m01", "m02"]
    assert len(board.top(1_000)) == board.count() == 12


@pytest.mark.parametrize(
    ("member", "size", "expected"),
    [
        ("m3", 3, "m2 m3 m4"),
        ("m3", 5, "m1 m2 m3 m4 m5"),
        ("m3", 4, "m1 m2 m3 m4"),
        ("m3", 1, "m3"),
        ("m0", 5, "m0 m1 m2 m3 m4"),
        ("m1", 5, "m0 m1 m2 m3 m4"),
        ("m6", 5, "m2 m3 m4 m5 m6"),
        ("m5", 4, "m3 m4 m5 m6"),
        ("m6", 2, "m5 m6"),
        ("m2", 100, "m0 m1 m2 m3 m4 m5 m6"),
    ],
)
def test_around_has_size_entries_half_of_them_before_shifted_at_the_ends(member, size, expected):
    board = scored(*((f"m{n}", 7 - n) for n in range(7))).engine.board("buyers")
    entries = board.around(member, size)
    assert [entry.member for entry in entries] == expected.split()
    assert [entry.rank for entry in entries] == [int(entry.member[1]) + 1 for entry in entries]


def test_around_is_5_by_default_and_keeps_the_ranks_of_ties_that_began_before_the_page():
    board = scored(*((f"m{n}", 2) for n in range(6)), ("z", 1)).engine.board("buyers")
    assert ranks(board.around("m4")) == [("m2", 2, 1), ("m3", 2, 1), ("m4", 2, 1), ("m5", 2, 1), ("z", 1, 7)]


def test_one_who_is_not_on_the_board_has_no_rank_no_entry_and_nobody_around():
    board = scored(("alice", 1)).engine.board("buyers")
    assert (board.rank("ghost"), board.entry("ghost"), board.around("ghost", 5)) == (None, None, [])


def test_an_empty_board():
    board = scored().engine.board("buyers")
    assert (board.top(), board.count()) == ([], 0)


def test_the_metrics_of_this_issue():
    boards = (
        Board("good", "referrals.qualified", "lifetime"),
        Board("all", "referrals.total", "lifetime"),
        Board("points", "granted.points", "lifetime"),
        Board("cash", "granted.usd", "lifetime"),
        BUYERS,
    )
    stage = Stage(program_of(pays(30, to="referrer"), boards=boards))
    stage.signup("alice")
    stage.signup("bob", by="alice")
    stage.buy("bob")
    found = {board.id: ranks(stage.engine.board(board.id).top()) for board in boards}
    assert found == {
        "good": [("alice", 1, 1)],
        "all": [("alice", 1, 1)],
        "points": [("alice", 30, 1)],
        "cash": [],
        "buyers": [("bob", 1, 1)],
    }


def test_period_none_is_that_of_now_in_the_programs_zone():
    """At 16:00 UTC on the last of March it is April in Shanghai."""
    clock = HandClock(datetime(2026, 3, 31, 15, 30, tzinfo=UTC))
    stage = Stage(spring_program(), clock=clock)
    stage.signup("alice")
    stage.signup("bob", by="alice")
    assert (stage.engine.board("inviters").period, stage.engine.board("inviters").count()) == ("2026-03", 1)
    clock.time = datetime(2026, 3, 31, 16, tzinfo=UTC)
    assert (stage.engine.board("inviters").period, stage.engine.board("inviters").count()) == ("2026-04", 0)
    assert stage.engine.board("inviters", period="2026-03").rank("alice") == 1


def test_a_signup_at_half_past_eleven_of_the_last_evening_counts_for_that_month(spring):
    spring.signup("carol", by="alice", at="2026-03-31T23:30:00+08:00")
    spring.signup("dave", by="alice", at="2026-04-01T00:00:00+08:00")
    assert spring.engine.board("inviters", period="2026-03").entry("alice").score == 2
    assert spring.engine.board("inviters", period="2026-04").entry("alice").score == 1


def test_a_late_event_lands_in_its_period(spring):
    spring.clock.time = datetime(2026, 5, 20, tzinfo=UTC)
    spring.signup("carol", by="alice", at="2026-03-09T00:00:00Z")
    assert spring.engine.board("inviters", period="2026-03").entry("alice").score == 2


def test_a_board_sees_events_inside_its_campaign_only(spring):
    spring.signup("carol", by="alice", at="2026-02-27T00:00:00Z")
    spring.signup("dave", by="alice", at="2026-06-01T00:00:00Z")
    assert spring.engine.board("inviters", period="2026-02").count() == 0
    assert spring.engine.board("inviters", period="2026-06").count() == 0


def test_a_lifetime_board_has_just_that_one_period():
    engine = scored(("alice", 1)).engine
    assert engine.board("buyers").period == engine.board("buyers", period="lifetime").period == "lifetime"
    for other in ("2026-03", "2026"):
        with pytest.raises(InvalidInput):
            engine.board("buyers", period=other)


@pytest.mark.parametrize(
    "period", ["2026-W10", "2026-03-01", "2026-Q1", "2026", "lifetime", "2026-13", "", "2026-3", 5]
)
def test_a_month_board_goes_by_months(period, spring):
    with pytest.raises(InvalidInput) as refused:
        spring.engine.board("inviters", period=period)
    assert refused.value.name == "period"


@pytest.mark.parametrize("board", ["ghost", "", None, 5, "inviters "])
def test_an_unknown_board_is_refused(board, spring):
    with pytest.raises(InvalidInput) as refused:
        spring.engine.board(board)
    assert refused.value.name == "board_id"


def test_a_view_shows_the_board_as_it_is_when_asked(spring):
    view = spring.engine.board("inviters")
    spring.signup("carol", by="alice")
    assert view.entry("alice").score == 2
