"""Hypothesis strategies for property tests of a campaign: values, events, histories, conditions, rules and programs.

    @given(histories(program))
    def test_nothing_drifts(history):
        s = Scenario(program, start="2026-03-01T00:00:00Z")
        for event in history:
            s.record(event)
        assert s.engine.verify() == []

All that is drawn is valid where it is meant for: an `Event`, `Rule` or `Program` that can be built, an id that is
accepted. What becomes of an event is another matter: histories hold self-referrals, unknown codes and refunds of too
much as well. Build the scenario inside the property: a fixture would be shared by all of its examples.
"""

from referral_engine.testing.strategies.conditions import conditions
from referral_engine.testing.strategies.histories import histories
from referral_engine.testing.strategies.programs import programs, rules
from referral_engine.testing.strategies.values import (
    MEMBERS,
    TYPES,
    amounts,
    attributes,
    event_ids,
    events,
    invite_codes,
    member_ids,
    names,
    times,
)

__all__ = [
    "MEMBERS",
    "TYPES",
    "amounts",
    "attributes",
    "conditions",
    "event_ids",
    "events",
    "histories",
    "invite_codes",
    "member_ids",
    "names",
    "programs",
    "rules",
    "times",
]
