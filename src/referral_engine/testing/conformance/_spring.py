"""Spring: the small program that random histories and races are played on, with everything a store can get wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from referral_engine.engine import ReferralEngine
from referral_engine.leaderboard import Board
from referral_engine.ledger import Expiry, Unit
from referral_engine.program import Campaign, Program
from referral_engine.rewards import Limit, PythonRule, Reward, Rule, RuleContext, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from referral_engine.ports import BlockingStore
    from referral_engine.rewards.context import Because, PythonAward

STARTS = datetime(2026, 3, 1, tzinfo=UTC)
ENDS = datetime(2026, 6, 1, tzinfo=UTC)
HOLD = timedelta(days=14)
LIFE_DAYS = 20
CASHBACK = 120
UNITS = ("points", "usd")
BUDGET = 1_800
CASH_BUDGET = 300
MOST = {"daily": 200, "first-order": 2}
"""What the limits allow, by rule: points of a member in a month, and times for a referrer in a month."""


@rule(on="purchase", version="1", needs=["referee.count.purchase"])
def every_third(ctx: RuleContext) -> Iterator[PythonAward | Because]:
    """A hundredth of every third purchase for who made it; it fails on a purchase that is marked as poison."""
    if ctx.event.attributes.get("poison"):
        problem = "poison"
        raise ValueError(problem)
    if ctx["referee.count.purchase"] % 3 == 0:
        yield ctx.award("member", points=1 + (ctx.event.amount or 0) // 100)
    else:
        yield ctx.because("not a third one")


first_order = Rule(
    id="first-order",
    on="purchase",
    where="event.amount >= 2000 and referee.count.purchase == 1",
    give=[Reward(to="referrer", unit="points", amount=500, hold=HOLD), Reward(to="referee", unit="points", amount=200)],
    limits=[Limit(times=MOST["first-order"], per="referrer", within="month")],
)
daily = Rule(
    id="daily",
    on="checkin",
    give=[Reward(to="member", unit="points", amount=70)],
    limits=[Limit(amount=MOST["daily"], unit="points", per="referee", within="month", over="clamp")],
)
cashback = Rule(
    id="cashback",
    on="booking",
    give=[Reward(to="member", unit="usd", amount=CASHBACK, hold=HOLD, confirmed_by="stay")],
)


def spring(
    program_id: str, *, budget: int = BUDGET, beside: Sequence[PythonRule] = (), expiring: bool = True
) -> Program:
    """The program; its campaign runs in March, April and May of 2026, counted in UTC, its calendar goes by Shanghai.

    Another campaign has no end and pays cash, the last of its budget in part. `beside` are rules of a third one. It
    was the same before points expired, but for that.
    """
    expires = Expiry(kind="rolling", days=LIFE_DAYS) if expiring else None
    return Program(
        id=program_id,
        units={"points": Unit(expires=expires, transferable=True), "usd": Unit(scale=2, kind="cash")},
        timezone="Asia/Shanghai",
        ledger_chain=True,
        campaigns=[
            Campaign(
                id="spring",
                starts_at=STARTS,
                ends_at=ENDS,
                budget={"points": budget},
                rules=[first_order, daily, every_third],
                boards=[
                    Board(id="inviters", metric="referrals.qualified", period="month"),
                    Board(id="earners", metric="granted.points", period="lifetime"),
                ],
            ),
            Campaign(
                id="cashback",
                budget={"usd": CASH_BUDGET},
                over_budget="clamp",
                reversal="within_balance",
                rules=[cashback],
            ),
            Campaign(id="beside", rules=beside),
        ],
    )


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """The time it was set to."""
        return self.at


def an_engine(
    store: BlockingStore,
    program_id: str = "acme",
    *,
    budget: int = BUDGET,
    beside: Sequence[PythonRule] = (),
    expiring: bool = True,
) -> ReferralEngine:
    """An engine for the program, on the tenth of March."""
    program = spring(program_id, budget=budget, beside=beside, expiring=expiring)
    return ReferralEngine(store, program, clock=HandClock(STARTS + timedelta(days=9)))
