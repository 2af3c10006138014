"""Loading: what the process does that is killed or finds the disk full: it records events and says which of them."""

from __future__ import annotations

import sys
from itertools import count
from random import Random

from referral_engine.events import Event
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing.conformance._spring import an_engine

MEMBERS = 50
BATCH_MOST = 20


def event(number):
    """The event of that number, always the same: sign-ups first, then purchases, check-ins and refunds."""
    member = f"m{number % MEMBERS}"
    if number < MEMBERS:
        return Event(id=f"e{number}", type="signup", member=member, referrer=f"m{number // 3}" if number else None)
    kind = number % 5
    if kind == 0:
        return Event(id=f"e{number}", type="checkin", member=member)
    if kind == 1:
        return Event(id=f"e{number}", type="refund", member=member, of=f"e{number - MEMBERS}")
    return Event(id=f"e{number}", type="purchase", member=member, amount=1000 + number)


def batches(seed):
    """The numbers of the events, in batches of one to BATCH_MOST, without end."""
    random, numbers = Random(seed), count()
    while True:
        yield [next(numbers) for _ in range(random.randint(1, BATCH_MOST))]


def engine_for(store):
    """An engine whose budget nothing uses up."""
    return an_engine(store, budget=10**9)


def record(engine, numbers):
    """Record the events of these numbers; an outcome for each."""
    events = [event(number) for number in numbers]
    return [engine.record(events[0])] if len(events) == 1 else engine.record_many(events)


def load(url, seed):
    """Record batch after batch until something ends the process; a line for each recorded batch."""
    with SQLAlchemyStore(url) as store:
        engine = engine_for(store)
        for numbers in batches(seed):
            record(engine, numbers)
            print(*numbers, flush=True)  # noqa: T201 - this is how it acknowledges


if __name__ == "__main__":
    load(sys.argv[1], int(sys.argv[2]))
