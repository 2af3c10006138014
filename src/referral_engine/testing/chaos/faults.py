"""Faults: how often which fault strikes, and what a seed makes of it for each call."""

from __future__ import annotations

from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Literal, get_args

from referral_engine.errors import InvalidInput

Ending = Literal["failure", "conflict", "cut_before_commit", "cut_after_commit"]
"""How a write ends badly."""

Fault = Literal[Ending, "repeated_decision", "stale_facts", "reordering", "delay", "failed_read"]

REPEATS_MAX = 3
OVERTAKERS_MAX = 4
DELAY_MAX_S = 0.05
"""The most that one call meets: further calls of `decide`, callers let in before it, and seconds of delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often each fault strikes: a rate from 0 (never) to 1 (at every call), 0 where none is given.

    A write ends badly in at most one of four ways, so these rates are at most 1 together:

    - `failure`: StoreError, and the store was never reached.
    - `conflict`: Conflict. The store had read and decided, and has taken everything back.
    - `cut_before_commit`: OutcomeUnknown. The store had decided, and has taken everything back; the caller can't know.
    - `cut_after_commit`: OutcomeUnknown. Everything is written; the caller can't know.

    On its way a write may meet:

    - `stale_facts`: `decide` is called on facts that were read before the write began, and its answer, or the error of
      the library that it raises, is thrown away.
    - `delay`: the store's `wait` is called with a number of seconds; without a `wait` there are no delays.
    - `reordering`: it is held back until others that came later were let in.
    - `repeated_decision`: `decide` is called again on the same facts, and must answer the same.

    A reading call may meet a `delay` and a `failed_read`, which is a StoreError.

    Raises InvalidInput for what is not a rate.
    """

    failure: float = 0.0
    conflict: float = 0.0
    cut_before_commit: float = 0.0
    cut_after_commit: float = 0.0
    repeated_decision: float = 0.0
    stale_facts: float = 0.0
    reordering: float = 0.0
    delay: float = 0.0
    failed_read: float = 0.0

    def __post_init__(self) -> None:
        """Check the rates."""
        for one in fields(self):
            rate = getattr(self, one.name)
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
                raise InvalidInput(one.name, "must be a rate, a number from 0 to 1")
        if sum(getattr(self, ending) for ending in get_args(Ending)) > 1 + 1e-9:
            raise InvalidInput("faults", f"the rates of {', '.join(get_args(Ending))} must be at most 1 together")


STORM = Faults(
    failure=0.05,
    conflict=0.05,
    cut_before_commit=0.05,
    cut_after_commit=0.15,
    repeated_decision=0.2,
    stale_facts=0.2,
    reordering=0.25,
    delay=0.1,
    failed_read=0.05,
)
"""A bit of everything: three writes in ten end badly, half of those although they were carried out."""


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that struck: at which call of which method, counted from 1 for each method."""

    method: str
    call: int
    fault: Fault

    def __str__(self) -> str:
        """Such as `apply 12: cut_after_commit`."""
        return f"{self.method} {self.call}: {self.fault}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one call is going to meet.

    `repeats` is how many more times `decide` is called, `behind` how many are let in before it; 0 is a call that goes
    its way.
    """

    method: str
    call: int
    ending: Ending | None = None
    failed_read: bool = False
    stale: bool = False
    repeats: int = 0
    behind: int = 0
    delay_s: float = 0.0


def plan_of(faults: Faults, seed: int, method: str, call: int) -> Plan:
    """Plan a call: a pure function of the seed, the method and the number of the call, and of the rates.

    Each fault has a draw of its own, so that the rate of one moves no other; only the four endings share one.
    """

    def drawn(fault: str) -> float:
        """A number in [0, 1)."""
        digest = sha256(f"{seed}/{method}/{call}/{fault}".encode()).digest()
        return (int.from_bytes(digest[:8]) >> 11) / 2**53

    def up_to(most: int, fault: str) -> int:
        return 1 + int(drawn(f"{fault}/how much") * most)

    delay_s = drawn("delay/how much") * DELAY_MAX_S if drawn("delay") < faults.delay else 0.0
    if method != "apply":
        return Plan(method, call, failed_read=drawn("failed_read") < faults.failed_read, delay_s=delay_s)
    return Plan(
        method,
        call,
        ending=_ending(faults, drawn("ending")),
        stale=drawn("stale_facts") < faults.stale_facts,
        repeats=up_to(REPEATS_MAX, "repeated_decision") if drawn("repeated_decision") < faults.repeated_decision else 0,
        behind=up_to(OVERTAKERS_MAX, "reordering") if drawn("reordering") < faults.reordering else 0,
        delay_s=delay_s,
    )


def _ending(faults: Faults, point: float) -> Ending | None:
    """The ending in whose part of [0, 1) the point lies."""
    endings: tuple[Ending, ...] = get_args(Ending)
    passed = 0.0
    for ending in endings:
        passed += getattr(faults, ending)
        if point < passed:
            return ending
    return None
