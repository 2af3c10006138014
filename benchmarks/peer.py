"""One peer's ledger under the clock: `python peer.py NAME URL BATCHES`, run by an interpreter that has the peer.

Makes its tables in an empty database and accounts to choose from, then times BATCHES batches of transfers between
accounts drawn at random, in the quickest way that the peer itself offers, and prints the seconds that a transfer took
in each as JSON. A batch is 1,000 transfers, but for a peer that has no call for many and would take minutes.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCOUNTS = 1_000


def draws(seed: int, transfers: int) -> Iterator[tuple[int, int, int]]:
    """Draw the transfers of a batch: from which account to which, and how much."""
    draw = Random(seed)
    for _ in range(transfers):
        source, target = draw.sample(range(ACCOUNTS), 2)
        yield source, target, draw.randint(1, 1_000)


def hordak(url: str) -> Callable[[int, int], object]:
    """django-hordak: its own call, `transfer_to`, all in one transaction; its triggers check every leg."""
    from django.db import transaction
    from moneyed import Money

    accounts = _hordak_accounts(url)

    def batch(seed: int, transfers: int) -> None:
        with transaction.atomic():
            for source, target, amount in draws(seed, transfers):
                accounts[source].transfer_to(accounts[target], Money(amount, "EUR"))

    return batch


def hordak_bulk(url: str) -> Callable[[int, int], object]:
    """django-hordak's models by Django's own bulk insert, which skips the checks of `Leg.save`."""
    from django.db import transaction
    from moneyed import Money

    accounts = _hordak_accounts(url)
    from hordak.models import Leg, Transaction

    def batch(seed: int, transfers: int) -> None:
        with transaction.atomic():
            moves = list(draws(seed, transfers))
            made = Transaction.objects.bulk_create([Transaction() for _ in moves])
            legs = []
            for one, (source, target, amount) in zip(made, moves, strict=True):
                money = Money(amount, "EUR")
                legs += [
                    Leg(transaction=one, account=accounts[source], credit=money),
                    Leg(transaction=one, account=accounts[target], debit=money),
                ]
            Leg.objects.bulk_create(legs)

    return batch


def _hordak_accounts(url: str) -> list[Any]:
    """Set Django up, make hordak's tables, and accounts in them."""
    import django
    from django.conf import settings

    parts = urlsplit(url)
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], "USER": parts.username}
    database |= {"HOST": parts.hostname, "PORT": parts.port, "PASSWORD": parts.password}
    apps = ["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"]
    settings.configure(
        DATABASES={"default": database},
        INSTALLED_APPS=apps,
        CURRENCIES=["EUR"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command
    from django.db import transaction
    from hordak.models import Account

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        return [
            Account.objects.create(name=f"account {place}", code=f"{place:04}", type="AS", currencies=["EUR"])
            for place in range(ACCOUNTS)
        ]


def python_accounting(url: str) -> Callable[[int, int], object]:
    """python-accounting: journal entries, each posted, which commits it; there is no call for many."""
    from python_accounting.database.session import get_session
    from python_accounting.models import Account, Base, Currency, Entity, LineItem
    from python_accounting.transactions import JournalEntry
    from sqlalchemy import create_engine

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    Base.metadata.create_all(engine)
    session: Any = get_session(engine)
    entity = Entity(name="bench")
    session.add(entity)
    session.commit()
    currency = Currency(name="Euro", code="EUR", entity_id=entity.id)
    session.add(currency)
    session.commit()
    kind = {"account_type": Account.AccountType.BANK, "currency_id": currency.id, "entity_id": entity.id}
    accounts = [Account(name=f"account {place}", **kind) for place in range(ACCOUNTS)]
    session.add_all(accounts)
    session.commit()
    ids, entity_id = [one.id for one in accounts], entity.id

    def batch(seed: int, transfers: int) -> None:
        for source, target, amount in draws(seed, transfers):
            journal = JournalEntry(
                narration="transfer",
                transaction_date=datetime.now(),  # noqa: DTZ005 - as the peer wants it
                account_id=ids[source],
                entity_id=entity_id,
            )
            session.add(journal)
            session.flush()
            item = LineItem(narration="transfer", account_id=ids[target], amount=amount, entity_id=entity_id)
            session.add(item)
            session.flush()
            journal.line_items.add(item)
            session.add(journal)
            journal.post(session)

    return batch


PEERS = {"hordak": (hordak, 1_000), "hordak_bulk": (hordak_bulk, 1_000), "python_accounting": (python_accounting, 200)}


def main(name: str, url: str, batches: str) -> None:
    """Time a peer and print the seconds of its batches."""
    begin, transfers = PEERS[name]
    batch = begin(url)
    taken = []
    for seed in range(int(batches)):
        start = perf_counter()
        batch(seed, transfers)
        taken.append((perf_counter() - start) / transfers)
    print(json.dumps(taken))


if __name__ == "__main__":
    main(*sys.argv[1:])
