"""A race for a budget and its alarms, over any store that threads may share."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, Any

from referral_engine import Event, ReferralEngine, rule
from referral_engine.testing import FakeClock
from referral_engine.testing.conformance.races import THREADS, patiently, together
from tests.ledger.stage import DAY, PAGE, START, program_of

if TYPE_CHECKING:
    from referral_engine.ports import BlockingStore

TOTAL = 1_000
PAUSE_S = 0.001


@rule("visit", "1")
def slowly(ctx: Any) -> Any:
    """As many points as were said, after a moment in which other threads decide on the same facts."""
    sleep(PAUSE_S)
    yield ctx.award("member", points=ctx.event.amount, hold=None if ctx.event.amount % 2 else DAY)


def race_for_a_budget(store: BlockingStore, over_budget: str, *, batch: int = 1, takes_back: bool = False) -> Any:
    """Let eight threads give amounts of 7 to 13 out of 1000 points, 128 times in all, until nothing is left.

    Answers the engine, the amounts given, and the alarms with what was given when they went off.
    """
    program = program_of(slowly, budget={"points": TOTAL}, over_budget=over_budget)
    engine = ReferralEngine(store, program, clock=FakeClock(START))

    def work(place: int) -> list[int]:
        given: list[int] = []
        for start in range(0, 16, batch):
            events = [
                Event(id=f"v-{place}-{n}", type="visit", member=f"m-{place}-{n}", amount=7 + (place + n) % 7)
                for n in range(start, start + batch)
            ]
            outcomes = patiently(lambda events=events: engine.record_many(events))
            given += [grant.amount for outcome in outcomes for grant in outcome.grants]
            if takes_back and place % 2:
                refund = Event(id=f"r-{events[0].id}", type="refund", member=events[0].member, of=events[0].id)
                patiently(lambda refund=refund: engine.record(refund))
        return given

    given = [amount for amounts in together(work, THREADS) for amount in amounts]
    told = [one.payload for one in engine.messages(after=0, limit=PAGE) if one.type == "budget.alarm"]
    return engine, given, [(said["percent"], said["given"]) for said in told]
