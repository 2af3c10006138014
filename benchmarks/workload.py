"""The workload that recording is measured with: a program, founders with invite codes, and mixed events, all seeded.

Of the events 30 % are sign-ups, half of them by the code of a founder and half naming an earlier member as referrer;
50 % are check-ins, some with attributes; 20 % are purchases of referred members, each of which pays both ends of the
referral and holds the referrer's part. Who refers is skewed, as it is in life: early members bring most of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from referral_engine import (
    BATCH_MAX,
    Board,
    Campaign,
    CodeSpec,
    Event,
    Limit,
    Member,
    Program,
    ReferralEngine,
    Reward,
    Rule,
    Unit,
    field,
)
from referral_engine.changes import AddCode, Change, Decision, PutMember
from referral_engine.codes import generate
from referral_engine.codes.code import InviteCode
from referral_engine.facts import Wanted

if TYPE_CHECKING:
    from referral_engine.ports import BlockingStore

EVENTS = 100_000
SEED = 20_260_301

STARTS = datetime(2026, 3, 1, tzinfo=UTC)
ENDS = datetime(2026, 6, 1, tzinfo=UTC)
SHARES = {"signup": 0.3, "checkin": 0.5, "purchase": 0.2}
"""What part of the events is of which type."""

PAID = 700
"""What a purchase pays in all, in points: 500 to the referrer and 200 to the referee."""


def make_program(budget: int = 10**12) -> Program:
    """One campaign whose only rule pays both ends of a referral for each purchase; two boards."""
    order = Rule(
        id="order",
        on="purchase",
        where=(field("event.amount") >= 2000) & (field("referee.count.purchase") <= 100_000),
        give=[
            Reward(to="referrer", unit="points", amount=500, hold=timedelta(days=14)),
            Reward(to="referee", unit="points", amount=PAID - 500),
        ],
        limits=[Limit(times=1_000_000, per="referrer", within="month")],
    )
    boards = [
        Board(id="inviters", metric="referrals.qualified", period="month"),
        Board(id="earners", metric="granted.points", period="lifetime"),
    ]
    spring = Campaign(
        id="spring", starts_at=STARTS, ends_at=ENDS, budget={"points": budget}, rules=[order], boards=boards
    )
    return Program(id="bench", units={"points": Unit(scale=0)}, timezone="Asia/Shanghai", campaigns=[spring])


class StoppedClock:
    """A clock that stands at the end of the campaign, so that every run records the same."""

    def now(self) -> datetime:
        """The end of the campaign."""
        return ENDS


@dataclass(frozen=True, slots=True)
class Workload:
    """A program, the members it begins with by their codes, and the events to record."""

    program: Program
    founders: dict[str, str]
    events: list[Event]

    def engine(self, store: BlockingStore) -> ReferralEngine:
        """Make an engine over an empty store, with the founders in it."""
        engine = self.engine_again(store)
        store.create_schema()
        members, codes = frozenset(self.founders.values()), frozenset(self.founders)
        wanted = Wanted(program=self.program.id, members=members, arriving=members, codes=codes)
        decision = Decision(None, (*map(_founder, members), *map(_code, codes, map(self.founders.get, codes))))
        store.apply(wanted, lambda _: decision)
        return engine

    def engine_again(self, store: BlockingStore) -> ReferralEngine:
        """Make an engine over a store that has its members already."""
        return ReferralEngine(store, self.program, clock=StoppedClock())

    def batches(self) -> list[list[Event]]:
        """The events as they are recorded, BATCH_MAX to a transaction."""
        return [self.events[start : start + BATCH_MAX] for start in range(0, len(self.events), BATCH_MAX)]

    def mappings(self) -> list[dict[str, Any]]:
        """The events as the dictionaries that a web framework hands over; only what was given."""
        return [{name: getattr(event, name) for name in event.model_fields_set} for event in self.events]


def _founder(member: str) -> Change:
    return PutMember(Member(member, STARTS, None, member, 0), fresh=True)


def _code(text: str, owner: str | None) -> Change:
    return AddCode(InviteCode(text, owner, None, "active", 0, None, None, None, None), invite=True)


def make(n: int = EVENTS, seed: int = SEED) -> Workload:
    """Make a workload of `n` events; the same `n` and `seed` make the same one."""
    return _begin(n, seed)[0]


def make_with_singles(n: int, singles: int, seed: int = SEED) -> tuple[Workload, list[Event]]:
    """Make a workload of `n` events, and more events as mixed, for after it, that may come in any order.

    Those who sign up in them are in no other of them, so that each event has the same outcome whatever came before.
    """
    made, crowd = _begin(n, seed)
    return made, [crowd.single(place) for place in range(singles)]


def make_purchases(n: int, unpaid: int) -> tuple[Workload, list[Event]]:
    """Make a workload of `n` referrals whose ends are nobody else's, and for after it a purchase of each referee.

    The budget is spent, but for a rest that pays nothing, when all but `unpaid` of them are paid.
    """
    pairs = [(f"friend-{place}", f"host-{place}") for place in range(n)]
    hosts = [Event(id=f"h-{host}", type="signup", member=host, at=STARTS) for _, host in pairs]
    friends = [Event(id=f"f-{one}", type="signup", member=one, at=STARTS, referrer=host) for one, host in pairs]
    purchases = [Event(id=f"p-{one}", type="purchase", member=one, at=STARTS, amount=5000) for one, _ in pairs]
    return Workload(make_program(PAID * (n - unpaid) + PAID // 2), {}, [*hosts, *friends]), purchases


def _begin(n: int, seed: int) -> tuple[Workload, _Crowd]:
    draw = Random(seed)
    founders = [f"founder-{place}" for place in range(max(10, n // 100))]
    codes = generate(CodeSpec(), len(founders), entropy=draw.randbytes)
    signups, checkins = round(n * SHARES["signup"]), round(n * SHARES["checkin"])
    kinds = ["signup"] * signups + ["checkin"] * checkins + ["purchase"] * (n - signups - checkins)
    draw.shuffle(kinds)
    first = kinds.index("signup")
    kinds[0], kinds[first] = kinds[first], kinds[0]
    crowd = _Crowd(draw, founders, codes)
    step = (ENDS - STARTS) / n
    events = [crowd.event(place, kind, STARTS + place * step) for place, kind in enumerate(kinds)]
    return Workload(make_program(), dict(zip(codes, founders, strict=True)), events), crowd


class _Crowd:
    """The members so far, and what one of them does next."""

    def __init__(self, draw: Random, founders: list[str], codes: list[str]) -> None:
        self._draw = draw
        self._codes = codes
        self._members = list(founders)
        self._referred: list[str] = []

    def event(self, place: int, kind: str, at: datetime) -> Event:
        """Make the next event."""
        return {"signup": self._signup, "checkin": self._checkin, "purchase": self._purchase}[kind](f"e-{place}", at)

    def _early(self, among: list[str]) -> str:
        return among[int(len(among) * self._draw.random() ** 2)]

    def single(self, place: int) -> Event:
        """Make an event that no later one builds on."""
        kind = self._draw.choices(list(SHARES), list(SHARES.values()))[0]
        at = ENDS - timedelta(seconds=1)
        if kind == "signup":
            return self._newcomer(f"single-{place}", f"newcomer-{place}", at)
        return self.event(place, kind, at).model_copy(update={"id": f"single-{place}"})

    def _signup(self, event_id: str, at: datetime) -> Event:
        member = f"member-{len(self._referred)}"
        event = self._newcomer(event_id, member, at)
        self._members.append(member)
        self._referred.append(member)
        return event

    def _newcomer(self, event_id: str, member: str, at: datetime) -> Event:
        if self._draw.random() < 0.5:
            return Event(id=event_id, type="signup", member=member, at=at, code=self._early(self._codes))
        return Event(id=event_id, type="signup", member=member, at=at, referrer=self._early(self._members))

    def _checkin(self, event_id: str, at: datetime) -> Event:
        member = self._draw.choice(self._members)
        if self._draw.random() < 0.3:
            attributes = {"country": self._draw.choice(["CN", "FR", "BR"]), "level": self._draw.randint(1, 60)}
            return Event(id=event_id, type="checkin", member=member, at=at, attributes=attributes)
        return Event(id=event_id, type="checkin", member=member, at=at)

    def _purchase(self, event_id: str, at: datetime) -> Event:
        member, amount = self._draw.choice(self._referred), self._draw.randint(2000, 20_000)
        return Event(id=event_id, type="purchase", member=member, at=at, amount=amount)
