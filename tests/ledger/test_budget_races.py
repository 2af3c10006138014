"""Rules: "Budgets never overspend under any concurrency … alarms at 50, 80 and 100 %".

Each alarm goes off exactly once, over every store, while eight threads draw on the budget at once.
"""

from __future__ import annotations

import pytest

from tests.ledger.racing import TOTAL, race_for_a_budget

LEVELS = {50: 500, 80: 800, 100: 1000}


@pytest.mark.parametrize("batch", [1, 4])
def test_a_budget_that_clamps_is_given_to_the_last_point_with_each_alarm_once(batch, store):
    engine, given, alarms = race_for_a_budget(store, "clamp", batch=batch)
    assert sum(given) == TOTAL
    assert [percent for percent, _ in alarms] == [50, 80, 100]
    assert all(LEVELS[percent] <= reached < LEVELS[percent] + 13 for percent, reached in alarms)
    budget = engine.budget("spring", "points")
    assert (budget.spent + budget.held, budget.remaining) == (TOTAL, 0)
    assert engine.verify() == []


@pytest.mark.parametrize("batch", [1, 4])
def test_a_budget_that_skips_is_never_overspent(batch, store):
    engine, given, alarms = race_for_a_budget(store, "skip", batch=batch)
    assert TOTAL - 13 < sum(given) <= TOTAL, "what was asked for last did not fit, and is 13 at most"
    assert [percent for percent, _ in alarms] == [50, 80, 100][: 3 if sum(given) == TOTAL else 2]
    assert engine.budget("spring", "points").remaining == TOTAL - sum(given)
    assert engine.verify() == []


def test_while_others_give_back_alarms_and_levels_still_fit(store):
    """An alarm of a level that went off before goes off again only where the budget had fallen below it."""
    engine, _, alarms = race_for_a_budget(store, "clamp", takes_back=True)
    assert all(LEVELS[percent] <= reached < LEVELS[percent] + 13 for percent, reached in alarms)
    assert replayed(engine) == [percent for percent, _ in alarms]
    assert engine.verify() == []


def replayed(engine):
    """The alarms that the grants and reversals, in the order of the books, come to."""
    given, found = 0, []
    for message in engine.messages(after=0, limit=1000):
        if message.type in {"grant.posted", "grant.held"}:
            before, given = given, given + message.payload["amount"]
            found += [percent for percent, level in LEVELS.items() if before < level <= given]
        elif message.type == "grant.reversed":
            given -= message.payload["amount"]
    return found
