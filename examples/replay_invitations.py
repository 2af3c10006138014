"""Replay the invitations and purchases of a mobile game, and print what a referral campaign would have come to.

    python examples/replay_invitations.py FOLDER [--store memory|sqlite|postgres|mariadb | --url URL]

FOLDER holds the four CSV files that mobile_game.py describes. The users join on their day of registration. Each row of
referral.csv is an invitation that a user sent, as many hours after registering as the row has its place in the file;
where `Ref Reg` is 1 a new member signed up with the sender's invite code. The figures are the same on every store; only
the last line, the speed, is not.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mobile_game import BadInput, History, read_history

from referral_engine import (
    BATCH_MAX,
    Board,
    BoardEntry,
    Campaign,
    Event,
    Limit,
    Outcome,
    Program,
    ReferralEngine,
    ReferralEngineError,
    Reward,
    Rule,
    Unit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from referral_engine.ports import BlockingStore

    Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]

PROGRAM = Program(
    id="game",
    units={"points": Unit()},
    campaigns=[
        Campaign(
            id="friends",
            budget={"points": 2_000_000},
            rules=[
                Rule(
                    id="invite",
                    on="signup",
                    give=[
                        Reward(to="referrer", unit="points", amount=500),
                        Reward(to="referee", unit="points", amount=200),
                    ],
                    limits=[Limit(times=1, per="referrer", within="month")],
                ),
                Rule(
                    id="loyalty",
                    on="purchase",
                    where="event.amount >= 500",
                    give=[Reward(to="member", unit="points", amount=50)],
                ),
            ],
            boards=[Board(id="inviters", metric="referrals.qualified", period="lifetime")],
        )
    ],
)


@dataclass(frozen=True)
class Report:
    """The figures of a replay; they do not depend on the store."""

    users: int
    invitations: int
    signups: int
    limited: int
    purchases: int
    points_granted: int
    budget_left: int
    top: tuple[BoardEntry, ...]
    drifts: int

    def lines(self) -> list[str]:
        """The report for people."""
        figures = [
            ("invitations", f"{self.invitations:,}"),
            ("sign-ups", f"{self.signups:,}"),
            ("conversion", f"{100 * self.signups / self.invitations:.2f} %" if self.invitations else "-"),
            ("invitations per user", f"{self.invitations / self.users:.4f}" if self.users else "-"),
            ("K (sign-ups per user)", f"{self.signups / self.users:.4f}" if self.users else "-"),
            ("purchases", f"{self.purchases:,}"),
            ("rewards stopped by the monthly limit", f"{self.limited:,}"),
            ("points granted", f"{self.points_granted:,}"),
            ("budget left", f"{self.budget_left:,}"),
        ]
        board = [f"{entry.rank:>4}  {entry.member:<20}{entry.score:>9,}" for entry in self.top]
        health = "health check: verify() == []" if not self.drifts else f"health check: {self.drifts} DRIFTS"
        shown = [f"{name:<38}{value:>12}" for name, value in figures]
        return [*shown, "", "rank  member               sign-ups", *board, "", health]


@dataclass(frozen=True)
class StandingClock:
    """Always tells the same time, so that every replay is the same."""

    moment: datetime = datetime(2024, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """That moment."""
        return self.moment


def join_users(engine: ReferralEngine, history: History, progress: Progress) -> dict[str, str]:
    """Make the users members and answer the invite code of each who brought somebody."""
    inviters = {sender for sender, taken in history.invitations if taken}
    codes = {}
    with progress("joining users", len(history.users)) as advance:
        for user, registered_at in history.users.items():
            engine.join(user, at=registered_at)
            if user in inviters:
                codes[user] = engine.invite_code(user).text
            advance(1)
    return codes


def events_of(history: History, codes: Mapping[str, str]) -> list[Event]:
    """All that happened, in the order of time; at one time in the order of the files."""
    timed: list[tuple[datetime, Event]] = []
    for place, (sender, taken) in enumerate(history.invitations, start=1):
        at = history.users[sender] + timedelta(hours=place)
        timed.append((at, Event(id=f"invitation-{place}", type="invitation", member=sender, at=at)))
        if taken:
            invited, code = f"invited-{place}", codes[sender]
            timed.append((at, Event(id=f"signup-{place}", type="signup", member=invited, at=at, code=code)))
    for place, (user, at, amount) in enumerate(history.purchases, start=1):
        timed.append((at, Event(id=f"purchase-{place}", type="purchase", member=user, at=at, amount=amount)))
    return [event for _, event in sorted(timed, key=lambda pair: pair[0])]


def record(engine: ReferralEngine, events: list[Event], progress: Progress) -> list[Outcome]:
    """Record the events, a transaction for each batch."""
    outcomes: list[Outcome] = []
    with progress("recording events", len(events)) as advance:
        for start in range(0, len(events), BATCH_MAX):
            batch = events[start : start + BATCH_MAX]
            outcomes += engine.record_many(batch)
            advance(len(batch))
    return outcomes


def replay(store: BlockingStore, history: History, progress: Progress) -> tuple[Report, str]:
    """Replay the history on a store; answer the report, and how fast it went."""
    engine = ReferralEngine(store, PROGRAM, clock=StandingClock())
    store.create_schema()
    codes = join_users(engine, history, progress)
    events = events_of(history, codes)
    began = time.perf_counter()
    outcomes = record(engine, events, progress)
    seconds = time.perf_counter() - began
    if refused := [outcome for outcome in outcomes if outcome.status == "rejected"]:
        raise BadInput(f"{len(refused)} events were rejected, the first for {refused[0].reasons[0]}")
    budget = engine.budget("friends", "points")
    report = Report(
        users=len(history.users),
        invitations=sum(event.type == "invitation" for event in events),
        signups=sum(outcome.referral is not None for outcome in outcomes),
        limited=sum(reason.code == "limited" for outcome in outcomes for reason in outcome.reasons),
        purchases=len(history.purchases),
        points_granted=budget.spent + budget.held,
        budget_left=budget.remaining or 0,
        top=tuple(engine.board("inviters").top(10)),
        drifts=len(engine.verify()),
    )
    return report, f"{len(events):,} events recorded, {len(events) / max(seconds, 1e-9):,.0f} events per second"


@contextmanager
def shown_progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show on stderr how far the work has come: a bar where rich is installed, else a count."""
    try:
        from rich.console import Console
        from rich.progress import Progress as Bar
    except ImportError:
        done = 0

        def count(n: int) -> None:
            nonlocal done
            done += n
            sys.stderr.write(f"\r{title}: {done:,} of {total:,}")

        yield count
        sys.stderr.write("\n")
    else:
        with Bar(console=Console(stderr=True)) as bar:
            task = bar.add_task(title, total=total)
            yield lambda n: bar.advance(task, n)


@contextmanager
def opened_store(kind: str, url: str | None) -> Iterator[BlockingStore]:
    """Open a store: in memory, on a SQLite file or a server made for this run, or at a URL."""
    with ExitStack() as stack:
        if url is None and kind == "memory":
            from referral_engine.storage import MemoryStore

            yield stack.enter_context(MemoryStore())
            return
        if url is None and kind == "sqlite":
            url = f"sqlite:///{stack.enter_context(TemporaryDirectory())}/replay.db"
        elif url is None:
            from referral_engine.testing import servers

            server = servers.postgres if kind == "postgres" else servers.mariadb
            url = stack.enter_context(servers.fresh_database(stack.enter_context(server())))
        from referral_engine.storage.sqlalchemy import SQLAlchemyStore

        yield stack.enter_context(SQLAlchemyStore(url))


def main(arguments: list[str] | None = None) -> int:
    """Run the script; answer its exit code."""
    parser = argparse.ArgumentParser(description="Replay the invitations and purchases of a mobile game.")
    parser.add_argument("folder", type=Path, help="where the four CSV files are")
    where = parser.add_mutually_exclusive_group()
    stores = ["memory", "sqlite", "postgres", "mariadb"]
    where.add_argument("--store", choices=stores, default="sqlite", help="default: sqlite")
    where.add_argument("--url", help="a database of your own, such as postgresql://user@host/name or mariadb://…")
    asked = parser.parse_args(arguments)
    try:
        history = read_history(asked.folder)
        with opened_store(asked.store, asked.url) as store:
            report, speed = replay(store, history, shown_progress)
    except BadInput as exc:
        print(f"{parser.prog}: {exc}", file=sys.stderr)
        return 2
    except (ReferralEngineError, OSError, RuntimeError) as exc:  # no database, or no server to be had
        print(f"{parser.prog}: {exc}", file=sys.stderr)
        return 1
    print("\n".join([*report.lines(), f"speed: {speed}"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
