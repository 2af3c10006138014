"""A crowded little world for properties of decisions: few members, tight limits and budgets, colliding events."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from referral_engine import (
    Board,
    Campaign,
    CodeSpec,
    Event,
    Expiry,
    Limit,
    Program,
    ReferralEngine,
    ReferralEngineError,
    Reward,
    Rule,
    Unit,
    rule,
)
from referral_engine.codes import generate
from referral_engine.decisions import (
    CodeLot,
    decide_code_lot,
    decide_invite,
    decide_join,
    fresh_code,
    want_code_lot,
    want_invite,
    want_member,
)
from referral_engine.ids import derived_id
from referral_engine.storage import MemoryStore
from tests.contract.stage import HandClock, plain

NOW = datetime(2026, 3, 31, 15, tzinfo=UTC)
MEMBERS = ("alice", "bob", "carol", "dave", "erin")
CODES = generate(CodeSpec(), 5, entropy=random.Random(7).randbytes)
TIMES = [NOW + timedelta(hours=hours) for hours in (-24 * 40, -48, -1, 0, 1, 24, 24 * 70)]
AMOUNTS = (1, 3, 5, 13, 20, 2500)
BOARDS = [
    Board("good", "referrals.qualified", "month"),
    Board("all", "referrals.total", "lifetime"),
    Board("points", "granted.points", "month"),
    Board("cash", "granted.usd", "lifetime"),
    Board("buyers", "count.purchase", "month"),
    Board("refunds", "count.refund", "lifetime"),
]


@rule("purchase", "1", ["referrer.count.purchase", "referee.sum.purchase"], limits=[Limit(times=3, per="referee")])
def generous(ctx: Any) -> Any:
    """Fails at 13, pays those who spent much or whose referrer bought."""
    if ctx.event.amount == 13:
        raise KeyError("unlucky")
    if ctx["referrer.count.purchase"]:
        yield ctx.award("referrer", points=4, usd=2, because="the referrer buys too")
    if ctx["referee.sum.purchase"] > 20:
        yield ctx.award("member", usd=3, hold=timedelta(days=1))
    yield ctx.because("judged")


def hold(days: int, to: str, unit: str, amount: int) -> Reward:
    return Reward(to, unit, amount, hold=timedelta(days=days))  # type: ignore[arg-type]


EAST = Campaign(
    id="east",
    starts_at=datetime(2026, 3, 1, tzinfo=UTC),
    budget={"points": 400, "usd": 60},
    over_budget="clamp",
    reversal="within_balance",
    rules=[
        Rule(
            id="welcome",
            on="signup",
            give=[hold(2, "referrer", "points", 50), Reward("referee", "points", 20)],
            limits=[Limit(times=2, per="referrer", within="month")],
        ),
        Rule(
            id="first",
            on="purchase",
            where="referee.count.purchase == 1 and event.amount >= 5",
            give=[Reward("referrer", "points", 70), Reward("referee", "usd", 30)],
        ),
        Rule(
            id="clamped",
            on="purchase",
            give=[Reward("member", "points", 45)],
            limits=[Limit(amount=100, unit="points", per="referee", over="clamp")],
            priority=-1,
        ),
        generous,
    ],
    boards=BOARDS,
)
WEST = Campaign(
    id="west",
    ends_at=datetime(2026, 4, 5, tzinfo=UTC),
    rules=[
        Rule(
            id="pairs",
            on="purchase",
            where="referrer.referrals.qualified >= 2 or referrer.tag.gold == true",
            give=[Reward("referee", "usd", 11)],
            limits=[
                Limit(times=2, per="pair", within="week"),
                Limit(amount=40, unit="usd", per="referrer", within="day"),
            ],
        ),
        Rule(
            id="active",
            on="checkin",
            where="referee.count.purchase >= 1 and referee.count.refund < 3",
            give=[
                hold(1, "member", "points", 5),
                Reward("member", "points", 6, confirmed_by="delivery"),
                Reward("member", "points", 7, hold=timedelta(days=2), confirmed_by="delivery"),
            ],
        ),
    ],
    boards=[Board("west", "granted.points", "lifetime")],
)
EXPIRING = {
    "points": Unit(expires=Expiry(kind="rolling", days=60), transferable=True),
    "usd": Unit(scale=2, kind="cash", expires=Expiry(kind="inactivity", days=30)),
}
PROGRAM = Program("crowd", EXPIRING, [EAST, WEST], timezone="Asia/Shanghai", ledger_chain=True)


@dataclass(frozen=True)
class Act:
    """One thing that a host does; `given` are its arguments."""

    kind: str
    given: tuple[Any, ...]


def seed(store: MemoryStore) -> None:
    """Alice, and codes of every kind, with texts that are the same in every store."""
    alice = want_member(PROGRAM.id, "alice")
    store.apply(alice, lambda facts: decide_join(facts, "alice", NOW, frozenset(), frozenset({"gold"})))
    model = replace(fresh_code("", "alice", None), lot="lot")
    lots = [
        replace(model, max_uses=2),
        replace(model, owner=None, max_uses=1),
        replace(model, campaign="east", expires_at=NOW),
        replace(model, state="disabled"),
    ]
    for text, kind in zip(CODES, lots, strict=False):
        lot = CodeLot(1, kind)
        store.apply(
            want_code_lot(PROGRAM.id, lot, [text]),
            lambda facts, lot=lot, text=text: decide_code_lot(facts, lot, [text]),
        )


class Player:
    """Carries out acts on one store; `alone` records every event in a transaction of its own."""

    def __init__(self, store: MemoryStore, *, alone: bool = False, program: Program = PROGRAM) -> None:
        self.store, self.alone, self.clock = store, alone, HandClock(NOW)
        self.engine = ReferralEngine(store, program, clock=self.clock)

    def play(self, acts: Sequence[Act]) -> list[Any]:
        """Answer what each act answered, errors of the tree included."""
        return [self._answer(act) for act in acts]

    def _answer(self, act: Act) -> Any:
        try:
            return plain(getattr(self, f"_{act.kind}")(*act.given))
        except ReferralEngineError as exc:
            return type(exc).__name__, str(exc)

    def _events(self, *events: Event) -> object:
        if self.alone:
            return [self.engine.record(event) for event in events]
        return self.engine.record_many(events)

    def _preview(self, event: Event) -> object:
        return self.engine.preview(event)

    def _redeem(self, member: str, amount: int, key: str) -> object:
        return self.engine.redeem(member, amount, key=key)

    def _transfer(self, member: str, to: str, amount: int, key: str) -> object:
        return self.engine.transfer(member, to, amount, key=key)

    def _adjust(self, member: str, amount: int, key: str) -> object:
        return self.engine.adjust(member, amount, key=key, actor="staff-1", memo="a test")

    def _payout(self, member: str, amount: int, key: str) -> object:
        return self.engine.request_payout(member, amount, "usd", key=key)

    def _settle(self, key: str, state: Any) -> object:
        payout = derived_id(self.engine.program.id, "payout", key)
        return self.engine.settle_payout(payout, state, actor="staff-1")

    def _publish(self) -> object:
        return self.engine.publish(actor="staff-1")

    def _release(self, days: int) -> object:
        self.clock.advance(timedelta(days=days))
        return self.engine.release_due(limit=3)

    def _join(self, member: str, tag: str) -> object:
        return self.engine.join(member, tags=[tag])

    def _disable(self, code: str) -> object:
        return self.engine.disable_code(code)

    def _invite(self, member: str) -> object:
        text, program = CODES[4], self.engine.program.id
        wanted = want_invite(program, member, None, [text])
        return self.store.apply(wanted, lambda facts: decide_invite(facts, member, None, [text], NOW)).result


members = st.sampled_from(MEMBERS)
ids = st.integers(0, 25).map("e-{}".format)
times = st.none() | st.sampled_from(TIMES)
common = {"id": ids, "member": members, "at": times}
events = st.one_of(
    st.builds(Event, **common, type=st.just("purchase"), amount=st.sampled_from(AMOUNTS)),
    st.builds(Event, **common, type=st.just("signup"), referrer=members),
    st.builds(Event, **common, type=st.just("signup"), code=st.sampled_from([*CODES, "nonsense"])),
    st.builds(Event, **common, type=st.just("checkin")),
    st.builds(Event, **common, type=st.just("delivery"), of=st.integers(26, 40).map("e-{}".format)),
    st.builds(Event, id=st.integers(26, 40).map("e-{}".format), member=members, at=times, type=st.just("checkin")),
    st.builds(
        Event,
        id=st.integers(0, 25).map("r-{}".format),
        member=members,
        at=times,
        type=st.just("refund"),
        of=ids,
        amount=st.none() | st.sampled_from(AMOUNTS),
    ),
)
batches = st.lists(events, min_size=1, max_size=12).map(lambda made: Act("events", tuple(made)))
acts = st.lists(
    batches
    | st.builds(lambda *given: Act("redeem", given), members, st.sampled_from((1, 20, 45)), st.sampled_from("jkl"))
    | st.builds(
        lambda *given: Act("transfer", given), members, members, st.sampled_from((1, 20)), st.sampled_from("mn")
    )
    | st.builds(lambda *given: Act("adjust", given), members, st.sampled_from((-20, 30)), st.sampled_from("op"))
    | st.builds(lambda *given: Act("payout", given), members, st.sampled_from((2, 30)), st.sampled_from("jqr"))
    | st.builds(
        lambda *given: Act("settle", given), st.sampled_from("jqr"), st.sampled_from(("paid", "failed", "rejected"))
    )
    | st.just(Act("publish", ()))
    | st.sampled_from((0, 1, 3, 61)).map(lambda days: Act("release", (days,)))
    | events.map(lambda event: Act("preview", (event,)))
    | st.builds(lambda *given: Act("join", given), members, st.sampled_from(("gold", "blue")))
    | st.sampled_from(CODES).map(lambda code: Act("disable", (code,)))
    | members.map(lambda member: Act("invite", (member,))),
    max_size=8,
)
