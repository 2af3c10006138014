"""When an invite code may be used."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta

import pytest

from referral_engine.codes import InviteCode, usable

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
TICK = timedelta(microseconds=1)
CODE = InviteCode(
    text="7K3MQ9TZB2C",
    owner="alice",
    campaign=None,
    state="active",
    uses=0,
    max_uses=None,
    starts_at=None,
    expires_at=None,
    lot=None,
)


@pytest.mark.parametrize(
    ("changes", "at", "reason"),
    [
        ({}, NOW, None),
        ({"uses": 10**9}, NOW, None),
        ({"state": "disabled"}, NOW, "code_disabled"),
        ({"starts_at": NOW}, NOW, None),
        ({"starts_at": NOW}, NOW - TICK, "code_not_started"),
        ({"expires_at": NOW}, NOW - TICK, None),
        ({"expires_at": NOW}, NOW, "code_expired"),
        ({"expires_at": NOW}, LATER, "code_expired"),
        ({"starts_at": NOW, "expires_at": LATER}, LATER - TICK, None),
        ({"max_uses": 0}, NOW, "code_used_up"),
        ({"max_uses": 1}, NOW, None),
        ({"max_uses": 1, "uses": 1}, NOW, "code_used_up"),
        ({"max_uses": 2, "uses": 1}, NOW, None),
        ({"max_uses": 2, "uses": 3}, NOW, "code_used_up"),
    ],
)
def test_windows_are_half_open_and_none_is_unlimited(changes, at, reason):
    assert usable(replace(CODE, **changes), at) == reason


def test_the_first_of_several_reasons_counts():
    spent = replace(CODE, max_uses=0)
    assert usable(replace(spent, state="disabled", expires_at=NOW), NOW) == "code_disabled"
    assert usable(replace(spent, starts_at=LATER), NOW) == "code_not_started"
    assert usable(replace(spent, expires_at=NOW), NOW) == "code_expired"


def test_a_code_is_frozen_and_can_be_sent():
    with pytest.raises(FrozenInstanceError):
        CODE.uses = 1  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(CODE)) == CODE  # noqa: S301
