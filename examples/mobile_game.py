"""Reads the history of a mobile game from four CSV files: users, invitations, purchases and prices.

users.csv has the columns `ID User, Reg Date`, referral.csv `ID User, Ref Reg`, monetary.csv `ID User, Dt Ime Pay,
ID Item Buy, Cnt Buy` and log_prices.csv `ID Item, Price, Valid From, Valid To`. Times are UTC. A purchase costs what
the item cost on its day; a price holds from its first day on and before its last, an empty one being never.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class BadInput(Exception):
    """The folder, or a file in it, is not what is expected; the message says what to mend."""


@dataclass(frozen=True)
class Price:
    """What an item cost from the first day on and before the end, None for still."""

    amount: int
    first: date
    end: date | None


@dataclass(frozen=True)
class History:
    """What happened.

    When each user registered; who sent each invitation, and whether it was taken; who bought when, for how much.
    """

    users: Mapping[str, datetime]
    invitations: tuple[tuple[str, bool], ...]
    purchases: tuple[tuple[str, datetime, int], ...]


def rows(folder: Path, name: str, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a CSV file, with the place of each row; a file or column that is missing is BadInput."""
    try:
        with (folder / name).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
                raise BadInput(f"{folder / name} has no column {missing[0]!r}")
            yield from enumerate(reader, start=1)
    except OSError as exc:
        raise BadInput(f"cannot read {folder / name}: {exc.strerror or exc}") from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise BadInput(f"{folder / name} is no CSV file in UTF-8: {exc}") from exc


@contextmanager
def naming(name: str, place: int) -> Iterator[None]:
    """Say which row a wrong value stands in."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as exc:
        raise BadInput(f"{name}, row {place}: {exc}") from exc


def read_history(folder: Path) -> History:
    """Read the four files."""
    if not folder.is_dir():
        raise BadInput(f"there is no folder {folder}")
    users = {}
    for place, row in rows(folder, "users.csv", ("ID User", "Reg Date")):
        with naming("users.csv", place):
            users[row["ID User"]] = datetime.fromisoformat(row["Reg Date"]).replace(tzinfo=UTC)
    invitations = []
    for place, row in rows(folder, "referral.csv", ("ID User", "Ref Reg")):
        with naming("referral.csv", place):
            invitations.append((known(users, row["ID User"]), row["Ref Reg"].strip() == "1"))
    prices = read_prices(folder)
    purchases = []
    for place, row in rows(folder, "monetary.csv", ("ID User", "Dt Ime Pay", "ID Item Buy", "Cnt Buy")):
        with naming("monetary.csv", place):
            at = datetime.fromisoformat(row["Dt Ime Pay"]).replace(tzinfo=UTC)
            amount = price_on(prices, row["ID Item Buy"], at.date()) * int(row["Cnt Buy"])
            purchases.append((known(users, row["ID User"]), at, amount))
    return History(users, tuple(invitations), tuple(purchases))


def known(users: Mapping[str, datetime], user: str) -> str:
    """Answer the user; ValueError for one who never registered."""
    if user not in users:
        raise ValueError(f"there is no user {user!r} in users.csv")
    return user


def read_prices(folder: Path) -> dict[str, list[Price]]:
    """Read the prices of each item."""
    prices: dict[str, list[Price]] = {}
    for place, row in rows(folder, "log_prices.csv", ("ID Item", "Price", "Valid From", "Valid To")):
        with naming("log_prices.csv", place):
            end = date.fromisoformat(row["Valid To"]) if row["Valid To"] else None
            price = Price(int(row["Price"]), date.fromisoformat(row["Valid From"]), end)
            prices.setdefault(row["ID Item"], []).append(price)
    return prices


def price_on(prices: Mapping[str, list[Price]], item: str, day: date) -> int:
    """What an item cost on a day; the intervals are half-open."""
    for price in prices.get(item, ()):
        if price.first <= day and (price.end is None or day < price.end):
            return price.amount
    raise ValueError(f"item {item!r} has no price on {day}")
