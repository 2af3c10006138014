"""How much a refund takes back, and from where."""

from hypothesis import given
from hypothesis import strategies as st

from referral_engine.ledger import Sources, due_back, sources


def test_three_thirds_of_a_thousand_come_back_as_334_333_333():
    taken = 0
    parts = []
    for refunded in (1000, 2000, 3000):
        back = due_back(1000, taken, refunded, 3000)
        parts.append(back)
        taken += back
    assert parts == [334, 333, 333]


def test_a_full_refund_takes_back_the_whole_grant():
    assert due_back(500, 0, 4999, 4999) == 500


def test_never_more_than_the_grant_nor_less_than_nothing():
    assert due_back(10, 10, 100, 100) == 0


@given(
    granted=st.integers(1, 10**15),
    paid=st.integers(1, 10**15),
    cuts=st.lists(st.integers(1, 10**15), max_size=12),
)
def test_parts_are_cumulative_proportional_and_end_at_the_grant(granted, paid, cuts):
    steps = sorted({min(cut, paid) for cut in cuts} | {paid})
    taken = 0
    for refunded in steps:
        back = due_back(granted, taken, refunded, paid)
        assert back >= 0
        taken += back
        assert taken == min(granted, -(-granted * refunded // paid))
    assert taken == granted


def test_a_held_grant_gives_it_back_from_the_hold():
    assert sources(300, 1000, "debt", held=True) == Sources(held=300, available=0, debt=0)


def test_a_posted_grant_gives_what_is_available_and_the_rest_is_owed():
    assert sources(300, 120, "debt", held=False) == Sources(held=0, available=120, debt=180)
