"""Competition ranks and pages around a member."""

from hypothesis import given
from hypothesis import strategies as st

from referral_engine.leaderboard import BoardEntry, Standing, ranked, window


def listed(scores):
    rows = [Standing(f"m{place}", score, place) for place, score in enumerate(scores)]
    return sorted(rows, key=lambda row: (-row.score, row.reached))


def test_equal_scores_share_a_rank_and_the_next_rank_counts_all_above():
    assert ranked(listed([9, 9, 7]), first=0, above=0) == [
        BoardEntry("m0", 9, 1),
        BoardEntry("m1", 9, 1),
        BoardEntry("m2", 7, 3),
    ]


@given(st.lists(st.integers(1, 6), max_size=30), st.integers(0, 30), st.integers(1, 10))
def test_a_page_has_the_ranks_that_the_whole_board_has(scores, skip, size):
    board = listed(scores)
    page = board[skip : skip + size]
    above = sum(row.score > page[0].score for row in board) if page else 0
    whole = [BoardEntry(row.member, row.score, 1 + sum(o.score > row.score for o in board)) for row in board]
    assert ranked(page, first=skip, above=above) == whole[skip : skip + size]


def test_half_of_the_page_stands_before_the_member():
    assert window(before=10, count=100, size=5) == 8


def test_the_page_is_shifted_at_the_ends():
    assert (window(before=0, count=100, size=5), window(before=99, count=100, size=5)) == (0, 95)


def test_a_short_board_is_shown_whole():
    assert window(before=1, count=3, size=5) == 0
