"""Draining: what each of the processes does that spend one budget, with refunds and redemptions mixed in."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from itertools import count
from random import Random

from referral_engine import Campaign, Event, InsufficientBalance, Program, ReferralEngine, Reward, Rule, Unit
from referral_engine import changes as c
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from tests.concurrency.test_negative_controls import Unguarded

TOTAL = 1_000_000
MEMBERS = 200
BATCH_MOST = 20
SIZES = (1, 90, 997, 9_973)

PROGRAM = Program(
    id="acme",
    units={"points": Unit()},
    campaigns=[
        Campaign(
            id="spring",
            budget={"points": TOTAL},
            over_budget="clamp",
            rules=[
                Rule(id=f"gift-{size}", on=f"buy-{size}", give=[Reward("member", "points", size)]) for size in SIZES
            ],
        )
    ],
)


class Careless(Unguarded):
    """Decides on what the budget was before the transaction began, and writes it without the guard."""

    def __init__(self, url):
        super().__init__(url, c.AdjustSpend)

    def apply(self, wanted, decide):
        spends = self.read(wanted).spends
        return super().apply(wanted, lambda facts: decide(replace(facts, spends=spends)))


STORES = {"guarded": SQLAlchemyStore, "careless": Careless}


class Worker:
    """One process: it counts what it was told was given, taken back and redeemed."""

    def __init__(self, engine, number):
        self.engine, self.number, self.random = engine, number, Random(number)
        self.numbers, self.mine, self.told = count(), [], Counter()

    def member(self):
        return f"m{self.random.randrange(MEMBERS)}"

    def buy(self, size=None):
        """Record a batch of purchases; answers whether the budget was seen to be exhausted."""
        events = [
            Event(
                id=f"w{self.number}-{next(self.numbers)}",
                type=f"buy-{self.random.choice(SIZES) if size is None else size}",
                member=self.member(),
                amount=100,
            )
            for _ in range(self.random.randint(1, BATCH_MOST))
        ]
        exhausted = False
        for event, outcome in zip(events, self.engine.record_many(events), strict=True):
            self.told["given"] += sum(grant.amount for grant in outcome.grants)
            exhausted = exhausted or any(reason.code == "budget_exhausted" for reason in outcome.reasons)
            if outcome.grants:
                self.mine.append(event)
        return exhausted

    def refund(self):
        if self.mine:
            event = self.mine.pop(self.random.randrange(len(self.mine)))
            back = Event(id=f"{event.id}-back", type="refund", member=event.member, of=event.id)
            outcome = self.engine.record(back)
            self.told["taken"] += sum(reversal.amount for reversal in outcome.reversals)

    def redeem(self):
        amount, key = self.random.randint(1, 500), f"w{self.number}-{next(self.numbers)}"
        try:
            self.engine.redeem(self.member(), amount, key=key)
        except InsufficientBalance:
            return
        self.told["redeemed"] += amount

    def work(self, rounds):
        """Mix everything, then give what is left to the last point."""
        print("ready", flush=True)  # noqa: T201 - the test waits for it
        sys.stdin.readline()
        for _ in range(rounds):
            self.random.choices([self.buy, self.refund, self.redeem], [6, 3, 1])[0]()
        while not self.buy(max(SIZES)):
            pass
        return self.told


def main(url, kind, number, rounds):
    """Work, and print what was told."""
    with STORES[kind](url) as store:
        told = Worker(ReferralEngine(store, PROGRAM), int(number)).work(int(rounds))
    print(json.dumps(told), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
