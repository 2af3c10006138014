"""The contract's block on unit-testing a campaign, as it is written there, and what its sentences say beside it."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from referral_engine import Board, Campaign, InvalidInput, Limit, Program, Reward, Rule, Unit, field
from referral_engine.storage import MemoryStore
from referral_engine.testing import FakeClock, Scenario, StoreConformance

program = Program(
    id="acme",
    units={"points": Unit(scale=0), "usd": Unit(scale=2, kind="cash")},
    timezone="Asia/Shanghai",
    campaigns=[
        Campaign(
            id="spring",
            starts_at=datetime(2026, 3, 1, tzinfo=ZoneInfo("Asia/Shanghai")),
            ends_at=datetime(2026, 6, 1, tzinfo=UTC),
            budget={"points": 1_000_000},
            rules=[
                Rule(
                    id="first-order",
                    on="purchase",
                    where=(field("event.amount") >= 2000) & (field("referee.count.purchase") == 1),
                    give=[
                        Reward(to="referrer", unit="points", amount=500, hold=timedelta(days=14)),
                        Reward(to="referee", unit="points", amount=200),
                    ],
                    limits=[Limit(times=10, per="referrer", within="month")],
                ),
            ],
            boards=[Board(id="inviters", metric="referrals.qualified", period="month")],
        ),
    ],
)
MyStore = MemoryStore


# fmt: off
def test_spring(scenario):
    s = scenario(program, start="2026-03-01T00:00:00+08:00")
    s.signup("alice"); s.signup("bob", by="alice")  # noqa: E702 - as in the contract
    s.do("bob", "purchase", amount=2500)
    assert s.balance("alice").held == 500 and s.balance("bob").available == 200  # noqa: PT018 - as in the contract
    s.advance(days=14)                               # releases what is due
    assert s.balance("alice").available == 500
    s.why("alice", rule="first-order")               # text: every decision of that rule about her; shown in failures too  # noqa: E501


class TestMyStore(StoreConformance):                 # third parties prove an adapter with this
    concurrent = True
    @pytest.fixture
    def store(self): return MyStore()
# fmt: on


def test_scenario_is_the_fixtures_class(scenario):
    assert type(scenario(program, start="2026-03-01T00:00:00+08:00")) is Scenario
    kinds = {name: one.kind for name, one in inspect.signature(Scenario).parameters.items()}
    assert kinds == {
        "program": inspect.Parameter.POSITIONAL_OR_KEYWORD,
        "start": inspect.Parameter.KEYWORD_ONLY,
        "store": inspect.Parameter.KEYWORD_ONLY,
    }
    store = MemoryStore()
    assert Scenario(program, start=datetime(2026, 3, 1, tzinfo=UTC), store=store).engine.store is store


def test_why_is_text_of_every_decision_of_the_rule_about_her(scenario):
    s = scenario(program, start="2026-03-01T00:00:00+08:00")
    s.signup("alice")
    s.signup("bob", by="alice")
    s.do("bob", "purchase", amount=2500)
    s.do("bob", "purchase", amount=2500)
    told = s.why("alice", rule="first-order")
    assert told.count("first-order:") == 2
    assert "first-order: matched" in told
    assert "first-order: not_met, referee.count.purchase was 2" in told


def test_fake_clock_has_now_and_advance():
    clock = FakeClock("2026-03-01T00:00:00+08:00")
    clock.advance(timedelta(days=14))
    assert datetime(2026, 3, 14, 16, tzinfo=UTC) == clock.now()
    with pytest.raises(InvalidInput):
        clock.advance(timedelta(days=-1))
