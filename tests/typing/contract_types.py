"""What the contract promises to a type checker; mypy --strict reads this file, and nothing in it is run.

An error here, or an ignore that is not needed, is a broken promise.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from referral_engine import (
    AsyncBoardView,
    AsyncReferralEngine,
    Balance,
    Board,
    BoardEntry,
    BoardView,
    Budget,
    Campaign,
    Clock,
    Condition,
    Drift,
    Entry,
    Event,
    Explanation,
    Grant,
    InviteCode,
    Limit,
    Member,
    Message,
    Outcome,
    Program,
    PythonRule,
    Reason,
    Referral,
    ReferralEngine,
    Released,
    Reversal,
    Reward,
    Rule,
    RuleContext,
    SystemClock,
    Transfer,
    Unit,
    field,
    rule,
)
from referral_engine.ports import BlockingStore, NonBlockingStore
from referral_engine.rewards import AllOf, AnyOf, Because, Leaf, Not, PythonAward
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.storage.combining import AsyncCombiner, Combiner
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore
from referral_engine.testing import STORM, AsyncChaosStore, ChaosStore, FakeClock, Faults, Injected

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def positional_forms() -> None:
    """The first arguments of the models may be given by place."""
    assert_type(Reward("referrer", "points", 500), Reward)
    assert_type(Reward("referrer", "points", 500, hold=timedelta(days=14)), Reward)
    assert_type(Campaign("spring", None, None, []), Campaign)
    assert_type(Campaign("spring", NOON, NOON, [], budget={"points": 1}, over_budget="skip", boards=[]), Campaign)
    assert_type(Board("b", "referrals.total", "month"), Board)
    assert_type(Program("acme", {"points": Unit(scale=0)}, []), Program)
    assert_type(Program("acme", {"points": Unit()}, [Campaign(id="c")], timezone="Asia/Shanghai"), Program)


def named_forms() -> None:
    """All the arguments may be given by name."""
    give = [Reward(to="referrer", unit="points", amount=500)]
    limits = [Limit(times=10, per="referrer", within="month"), Limit(amount=5, unit="points", per="pair", over="clamp")]
    assert_type(Rule(id="r", on="purchase", give=give, limits=limits), Rule)
    assert_type(Rule(id="r", on="purchase", where="event.amount >= 2000", give=give), Rule)
    assert_type(Rule(id="r", on="purchase", where=field("event.amount") >= 2000, give=give), Rule)
    assert_type(Campaign(id="spring", rules=[Rule(id="r", on="purchase", give=give), big]), Campaign)
    assert_type(Event(id="e", type="purchase", member="bob", at=NOON, amount=5, attributes={"a": ["b", 1]}), Event)
    assert_type(Program.model_validate_json("{}", context={"rules": [big]}), Program)


def what_is_refused() -> None:
    """A wrong argument is seen before the program runs; an ignore that is not needed is an error."""
    Reward("upline", "points", 500)  # type: ignore[arg-type]
    Reward("referrer", "points", "500")  # type: ignore[arg-type]
    Reward("referrer", "points", 500, timedelta(1))  # type: ignore[call-arg]
    Board("b", "referrals.total", "fortnight")  # type: ignore[arg-type]
    Limit(times=1, per="everybody")  # type: ignore[arg-type]
    Limit(10, per="pair")  # type: ignore[call-arg]
    Event(id="e", type="signup", member="bob", token="x")  # type: ignore[call-arg]
    ReferralEngine(AsyncMemoryStore(), Program("acme", {}, []))  # type: ignore[arg-type]
    AsyncReferralEngine(MemoryStore(), Program("acme", {}, []))  # type: ignore[arg-type]


def conditions() -> None:
    """The builder gives conditions, joined by `& | ~`."""
    leaf = field("event.amount") == 1
    assert_type(leaf, Leaf)
    assert_type(field("event.amount").between(1, 2), Leaf)
    assert_type(leaf & leaf, AllOf)
    assert_type(leaf | leaf, AnyOf)
    assert_type(~leaf, Not)
    joined: Condition = (leaf & ~leaf) | leaf
    assert joined is not None


@rule(on="purchase", version="1", needs=["referee.count.purchase"])
def big(ctx: RuleContext) -> Iterable[PythonAward | Because]:
    """A rule in Python."""
    assert_type(ctx.event, Event)
    assert_type(ctx["referee.count.purchase"], Any)
    yield ctx.award("referrer", points=1000, because="first order over 100.00")
    yield ctx.because("order too small or not the first")


assert_type(big, PythonRule)


def reading(engine: ReferralEngine) -> None:
    """What each method answers."""
    assert_type(engine.member("bob"), Member | None)
    assert_type(engine.referral("bob"), Referral | None)
    assert_type(engine.referrals("bob", state="qualified", after=None, limit=5), list[Referral])
    assert_type(engine.balance("bob"), Balance)
    assert_type(engine.statement("bob", "usd", after=5), list[Entry])
    assert_type(engine.budget("spring", "points"), Budget)
    assert_type(engine.redeem("bob", 5, key="k", memo="m"), Transfer)
    assert_type(engine.messages(), list[Message])
    assert_type(engine.verify(), list[Drift])
    view = engine.board("inviters", period="2026-03")
    assert_type(view, BoardView)
    assert_type(view.top(), list[BoardEntry])
    assert_type(view.rank("bob"), int | None)
    assert_type(view.entry("bob"), BoardEntry | None)
    assert_type(view.around("bob", 5), list[BoardEntry])
    assert_type(view.count(), int)


def recording(engine: ReferralEngine) -> None:
    """What is recorded and what comes of it."""
    event = Event(id="e", type="purchase", member="bob")
    outcome = engine.record(event)
    assert_type(outcome, Outcome)
    assert_type(engine.record({"id": "e", "type": "purchase", "member": "bob", "at": "2026-03-02T12:00:00Z"}), Outcome)
    assert_type(engine.record_many([event, {"id": "f"}]), list[Outcome])
    assert_type(engine.record_many(event for _ in range(5)), list[Outcome])
    with engine.combiner(batch_max=100, waiting_max=500) as combiner:
        assert_type(combiner, Combiner)
        assert_type(combiner.record(event), Outcome)
        assert_type(combiner.record({"id": "f"}), Outcome)
    assert_type(engine.preview(event), Outcome)
    assert_type(engine.explain("e"), Explanation)
    assert_type(engine.explain("e").text(), str)
    assert_type(engine.release_due(limit=5), Released)
    assert_type(outcome.grants, tuple[Grant, ...])
    assert_type(outcome.reversals, tuple[Reversal, ...])
    assert_type(outcome.reasons, tuple[Reason, ...])
    assert_type(outcome.referral, Referral | None)
    assert_type(outcome.event_id, str | None)


def taking_part(engine: ReferralEngine) -> None:
    """Joining and codes."""
    assert_type(engine.join("bob", at=NOON, roles=["seed"], tags={"gold"}), Member)
    assert_type(engine.invite_code("bob", campaign="spring"), InviteCode)
    assert_type(engine.issue_codes(5, owner="bob", max_uses=1, starts_at=NOON), list[InviteCode])
    assert_type(engine.disable_code("ABC"), InviteCode)
    assert_type(engine.bind(object()), ReferralEngine)
    assert_type(engine.program, Program)
    assert_type(engine.clock, Clock)


async def awaiting(engine: AsyncReferralEngine) -> None:
    """The same, awaited."""
    assert_type(await engine.record(Event(id="e", type="purchase", member="bob")), Outcome)
    async with engine.combiner() as combiner:
        assert_type(combiner, AsyncCombiner)
        assert_type(await combiner.record({"id": "f"}), Outcome)
    assert_type(await engine.record_many([]), list[Outcome])
    assert_type(await engine.balance("bob"), Balance)
    assert_type(await engine.invite_code("bob"), InviteCode)
    assert_type(await engine.release_due(), Released)
    assert_type(engine.bind(object()), AsyncReferralEngine)
    view = await engine.board("inviters")
    assert_type(view, AsyncBoardView)
    assert_type(await view.top(3), list[BoardEntry])
    assert_type(await view.rank("bob"), int | None)


def stores() -> None:
    """Every store satisfies the port, and every clock the protocol."""
    memory: BlockingStore = MemoryStore()
    awaited: NonBlockingStore = AsyncMemoryStore()
    database: BlockingStore = SQLAlchemyStore("sqlite:///acme.db")
    database_awaited: NonBlockingStore = AsyncSQLAlchemyStore("sqlite+aiosqlite:///acme.db")
    clocks: list[Clock] = [SystemClock(), FakeClock(NOON)]
    program = Program("acme", {"points": Unit()}, [])
    for store in (memory, database):
        assert_type(ReferralEngine(store, program, clock=clocks[0]), ReferralEngine)
    for waiting in (awaited, database_awaited):
        assert_type(AsyncReferralEngine(waiting, program), AsyncReferralEngine)
    with MemoryStore() as opened:
        assert_type(opened, MemoryStore)
    with SQLAlchemyStore("sqlite:///acme.db") as connected:
        assert_type(connected, SQLAlchemyStore)


def stores_that_fail() -> None:
    """A store that fails on purpose is a store, of the kind that it wraps."""
    chaos = ChaosStore(MemoryStore(), seed=7, faults=Faults(cut_after_commit=0.5), wait=lambda _: None)
    program = Program("acme", {"points": Unit()}, [])
    assert_type(ReferralEngine(chaos, program), ReferralEngine)
    assert_type(AsyncReferralEngine(AsyncChaosStore(AsyncMemoryStore(), seed=7), program), AsyncReferralEngine)
    assert_type(chaos.log, tuple[Injected, ...])
    assert_type(chaos.messages("acme", None, 5), list[Message])
    assert_type(chaos.bind(object()), ChaosStore)
    chaos.calm()
    chaos.storm(STORM)
    ChaosStore(AsyncMemoryStore(), seed=7)  # type: ignore[arg-type]
    ChaosStore(MemoryStore())  # type: ignore[call-arg]
    with chaos as opened:
        assert_type(opened, ChaosStore)
