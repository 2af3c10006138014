"""P18: AsyncReferralEngine against ReferralEngine, each over its store in memory: microseconds more for each call.

One call after the other: recording an event, which takes long, and reading a member, which takes short. The two faces
take turns after a few calls, so that they meet the same machine, and all of it is done many times, each time on new
stores. Of each few calls the fastest time counts: they are the same work each time, and what made them slower was
something else. A microsecond is one of processor time.

The floor is what awaiting costs by itself: a coroutine that awaits one that answers at once, against two functions that
do the same. The peer is what a program that awaits does with an engine that blocks: it sends each call to a thread.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from time import process_time
from typing import TYPE_CHECKING, Any

from figure import Figure, Step, only_new_objects

from referral_engine import AsyncReferralEngine, ReferralEngine
from referral_engine.storage import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workload import Workload

    from referral_engine import Event, Program

NAME = "p18"
EVENTS_MAX = 3_000
BLOCK = 10
"""Calls of one face before it is the other's turn."""

ROUNDS = 4
"""How often all is done for each repetition."""

Times = list[float]
"""Seconds of each block of calls."""

Call = Callable[[Any], Any]
"""A call of either face, with an event."""


def steps(repetitions: int) -> int:
    """How many times `measure` calls `step`."""
    return repetitions * ROUNDS


def measure(workload: Workload, repetitions: int, step: Step) -> list[Figure]:
    """Let both faces, and the peer, do the same in turn."""
    events = [event for event in workload.events if event.code is None][:EVENTS_MAX]
    blocks = [events[start : start + BLOCK] for start in range(0, len(events), BLOCK)]
    rounds: list[list[tuple[Times, Times]]] = []
    for _round in range(repetitions * ROUNDS):
        step("p18 both faces and the peer")
        rounds.append(asyncio.run(_round_of_all(workload.program, blocks)))
    record, member, floor, peer = (
        _call_us([theirs for _, theirs in runs], blocks) - _call_us([ours for ours, _ in runs], blocks)
        for runs in zip(*rounds, strict=True)
    )
    against = "the same by `ReferralEngine`, MemoryStore; what one call takes more"
    return [
        Figure("p18.record", "`await record`, one event a call", against, record, "µs", most=5),
        Figure("p18.member", "`await member`", against, member, "µs", most=5),
        Figure("p18.floor", "await what answers at once, twice", "two calls; what one takes more", floor, "µs"),
        Figure("p18.peer", "`await asyncio.to_thread(engine.member, …)`", against, peer, "µs"),
    ]


async def _round_of_all(program: Program, blocks: Sequence[Sequence[Event]]) -> list[tuple[Times, Times]]:
    """Seconds of the blocks of each kind of call, of the blocking face and of the awaiting one."""
    engine = ReferralEngine(MemoryStore(), program)
    awaited = AsyncReferralEngine(AsyncMemoryStore(), program)

    def read(event: Event) -> object:
        return engine.member(event.member)

    async def read_awaited(event: Event) -> object:
        return await awaited.member(event.member)

    async def read_in_a_thread(event: Event) -> object:
        return await asyncio.to_thread(engine.member, event.member)

    with only_new_objects():
        return [
            await _in_turn(blocks, engine.record, awaited.record),
            await _in_turn(blocks, read, read_awaited),
            await _in_turn(blocks, _ask, _ask_awaited),
            await _in_turn(blocks[:20], read, read_in_a_thread),
        ]


async def _in_turn(blocks: Sequence[Sequence[Event]], call: Call, awaited: Call) -> tuple[Times, Times]:
    ours, theirs = [], []
    for place, block in enumerate(blocks):
        for turn in range(2):
            start = process_time()
            if (place + turn) % 2:
                for event in block:
                    call(event)
                ours.append(process_time() - start)
            else:
                for event in block:
                    await awaited(event)
                theirs.append(process_time() - start)
    return ours, theirs


def _call_us(runs: Sequence[Times], blocks: Sequence[Sequence[Event]]) -> float:
    """Microseconds of a call, in the fastest time of each of the first blocks."""
    fastest: Times = [min(times) for times in zip(*runs, strict=True)]
    return sum(fastest) / sum(map(len, blocks[: len(fastest)])) * 1e6


def _answer() -> None:
    return None


def _ask(_: Event) -> None:
    return _answer()


async def _answer_awaited() -> None:
    return None


async def _ask_awaited(_: Event) -> None:
    return await _answer_awaited()


if __name__ == "__main__":
    from run import main

    sys.exit(main([NAME, *sys.argv[1:]]))
