"""A spring campaign from the first invitation to the last point, on a SQLite file: `python examples/quickstart.py`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from referral_engine import (
    Board,
    Campaign,
    Event,
    InsufficientBalance,
    Limit,
    Program,
    ReferralEngine,
    Reward,
    Rule,
    Unit,
    field,
)
from referral_engine.storage.sqlalchemy import SQLAlchemyStore

SPRING = Program(
    id="acme",
    units={"points": Unit(scale=0)},
    timezone="Asia/Shanghai",
    campaigns=[
        Campaign(
            id="spring",
            starts_at=datetime(2026, 3, 1, tzinfo=UTC),
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


class StoryClock:
    """Stands still until the story moves it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """The time of the story."""
        return self.moment

    def advance(self, **span: float) -> None:
        """Go on by a timedelta, such as `days=14`."""
        self.moment += timedelta(**span)


def heading(number: int, text: str) -> None:
    """Open a chapter."""
    print(f"\n{number}. {text}\n{'-' * (len(text) + 3)}")


def tell(engine: ReferralEngine, sentence: str, event: Event) -> None:
    """Record an event, and print what came of it under a sentence that says what happened."""
    outcome = engine.record(event)
    print(f"{sentence}  [{outcome.status}]")
    if outcome.status == "duplicate":
        print("    the first outcome is answered again; nothing is paid twice")
        return
    if outcome.referral is not None:
        print(f"    credited to {outcome.referral.referrer}")
    for grant in outcome.grants:
        until = "" if grant.held_until is None else f", held until {grant.held_until:%d %B}"
        print(f"    {grant.member:<6} gets {grant.amount:>5} {grant.unit}{until}")
    for back in outcome.reversals:
        source = "the hold" if back.from_held else "the balance"
        print(f"    {back.member:<6} gives back {back.amount:>5} {back.unit} from {source}")
    for reason in outcome.reasons:
        print(f"    reason: {reason.code}")


def show_balances(engine: ReferralEngine, *members: str) -> None:
    """Print what members have, in columns."""
    print(f"\n    {'member':<8}{'available':>10}{'held':>7}{'redeemed':>10}{'lifetime':>10}")
    for member in members:
        has = engine.balance(member)
        print(f"    {member:<8}{has.available:>10}{has.held:>7}{has.redeemed:>10}{has.lifetime:>10}")


def invite(engine: ReferralEngine) -> None:
    """Who invited whom."""
    heading(1, "Alice and Bob invite")
    code = engine.invite_code("alice").text
    print(f"Alice is a customer already. Her invite code is {code}; it is the same whenever she asks.\n")
    tell(engine, "Bob signs up with it.", Event(id="evt-1", type="signup", member="bob", code=code.lower()))
    tell(engine, "Carol signs up with it too.", Event(id="evt-2", type="signup", member="carol", code=code))
    tell(engine, "Dave was sent by Bob.", Event(id="evt-3", type="signup", member="dave", referrer="bob"))
    tell(engine, "Erin names herself.", Event(id="evt-4", type="signup", member="erin", referrer="erin"))
    typed = code[:-1] + ("3" if code.endswith("2") else "2")
    tell(engine, "Frank mistypes a code.", Event(id="evt-5", type="signup", member="frank", code=typed))
    print("\nErin and Frank did sign up, so their events are accepted; but nobody is credited for them.")


def buy(engine: ReferralEngine) -> None:
    """What was paid and why, and what was not paid and why."""
    heading(2, "First orders are rewarded")
    print("The rule: a friend's first order of at least 20.00 gives the referrer 500 points after")
    print("14 days, and the friend 200 at once. Amounts of money are whole cents.\n")
    order = Event(id="ord-1", type="purchase", member="bob", amount=4999)
    tell(engine, "Bob orders for 49.99.", order)
    tell(engine, "The network is slow, and the shop sends the same event again.", order)
    tell(engine, "Carol orders for 12.00.", Event(id="ord-2", type="purchase", member="carol", amount=1200))
    tell(engine, "Carol orders again, for 30.00.", Event(id="ord-3", type="purchase", member="carol", amount=3000))
    tell(engine, "Frank orders for 25.00.", Event(id="ord-4", type="purchase", member="frank", amount=2500))
    print("\nWhy was each order paid, or not? The engine keeps the reasons with the event:\n")
    for event_id in ("ord-1", "ord-2", "ord-3", "ord-4"):
        print(engine.explain(event_id).text())
    show_balances(engine, "alice", "bob", "carol")


def give_back(engine: ReferralEngine) -> None:
    """A part refund takes back its part of the rewards."""
    heading(3, "Bob returns a part of his order")
    refund = Event(id="ref-1", type="refund", member="bob", of="ord-1", amount=1999)
    tell(engine, "Bob is refunded 19.99 of the 49.99, two fifths.", refund)
    show_balances(engine, "alice", "bob")


def release_and_redeem(engine: ReferralEngine, clock: StoryClock) -> None:
    """Holds are released when they are due; what is available may be spent."""
    heading(4, "Fourteen days later")
    print(f"Before: {engine.release_due().holds} holds are due.")
    clock.advance(days=14)
    print(f"After:  {engine.release_due().holds} hold is due, and released.")
    engine.redeem("alice", 250, key="voucher-1", memo="a voucher")
    print("Alice redeems 250 points for a voucher. Then she tries to redeem 100 more:")
    try:
        engine.redeem("alice", 100, key="voucher-2")
    except InsufficientBalance as exc:
        print(f"    refused: {exc}")
    show_balances(engine, "alice", "bob")
    print("\nAlice's statement:")
    for entry in engine.statement("alice"):
        print(
            f"    {entry.at:%d %B}  {entry.kind:<11}{entry.available:>+6} available{entry.held:>+6} held"
            f"   {entry.memo or ''}".rstrip()
        )


def look_around(engine: ReferralEngine) -> None:
    """The board, the budget, the outbox and the health check."""
    heading(5, "The leaderboard of March")
    print(f"    {'rank':<6}{'member':<8}{'friends':>7}")
    for entry in engine.board("inviters", period="2026-03").top(10):
        print(f"    {entry.rank:<6}{entry.member:<8}{entry.score:>7}")
    heading(6, "The budget of the campaign")
    budget = engine.budget("spring", "points")
    for name in ("total", "spent", "held", "remaining"):
        print(f"    {name:<10}{getattr(budget, name):>10,} points")
    heading(7, "The outbox: what other systems may want to know")
    messages = engine.messages()
    for message in messages:
        about = message.payload.get("member") or f"{message.payload['referrer']} brought {message.payload['referee']}"
        print(f"    {message.at:%d %B}  {message.type:<20}{about:<20}{message.payload.get('amount', ''):>5}".rstrip())
    engine.acknowledge(messages[-1].cursor)
    print(f"    acknowledged; {len(engine.messages())} messages are left to read")
    heading(8, "The health check")
    drifts = engine.verify()
    print("    every balance, budget, board and counter adds up" if not drifts else f"    drift: {drifts}")


def main() -> None:
    """Tell the story on a database that is thrown away afterwards."""
    with TemporaryDirectory() as folder, SQLAlchemyStore(f"sqlite:///{Path(folder, 'acme.db')}") as store:
        store.create_schema()
        clock = StoryClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
        engine = ReferralEngine(store, SPRING, clock=clock)
        print("The spring campaign of a shop, told by referral_engine on a SQLite file.")
        invite(engine)
        clock.advance(days=1)
        buy(engine)
        clock.advance(days=2)
        give_back(engine)
        release_and_redeem(engine, clock)
        look_around(engine)


if __name__ == "__main__":
    main()
