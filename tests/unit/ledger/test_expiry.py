"""An expiry that cannot be is refused with what it takes instead."""

import pytest

from referral_engine import Expiry, InvalidProgram
from referral_engine.ledger import expiry_named


@pytest.mark.parametrize("kind", ["rolling", "inactivity"])
@pytest.mark.parametrize("terms", [{}, {"months": 0}, {"months": 1, "days": 1}, {"days": 1, "period": "month"}])
def test_what_lives_for_a_time_takes_one_measure_of_it(kind, terms):
    with pytest.raises(InvalidProgram) as refused:
        Expiry(kind=kind, **terms)
    assert f"{kind} expiry takes months= or days=" in str(refused.value)


@pytest.mark.parametrize("terms", [{}, {"months": 1}, {"period": "month", "days": 1}])
def test_what_lives_to_the_end_of_a_period_takes_that(terms):
    with pytest.raises(InvalidProgram) as refused:
        Expiry(kind="calendar", **terms)
    assert "calendar expiry takes period=" in str(refused.value)


@pytest.mark.parametrize("text", ["", "never", "rolling", "rolling:", "rolling:12", "calendar:12m", "rolling:1m:2d"])
def test_other_text_is_no_expiry_and_is_repeated(text):
    with pytest.raises(ValueError, match="is no expiry") as refused:
        expiry_named(text)
    assert repr(text) in str(refused.value)
