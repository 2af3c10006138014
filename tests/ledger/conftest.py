"""Fixtures of the ledger's tests: every store, and books opened over it, which must add up when a test is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from referral_engine.storage import MemoryStore
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from tests.databases import DATABASES
from tests.ledger.stage import Books, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from referral_engine import Program

STORES = ["memory", *DATABASES]
"""The stores that every test here runs over."""

SHARED = STORES[1:]
"""Those of them that several processes may write to."""


@pytest.fixture(params=STORES)
def store(request) -> Iterator[object]:
    """An empty store."""
    if request.param == "memory":
        yield MemoryStore()
        return
    with SQLAlchemyStore(request.getfixturevalue(f"{request.param}_emptied_url")) as opened:
        yield opened


@pytest.fixture
def shelf(store) -> Iterator[Shelf]:
    """Opens books over the store; at the end of the test all of them must add up."""
    opened = Shelf(store)
    yield opened
    opened.close()


@pytest.fixture
def books(shelf) -> Callable[[Program], Books]:
    """Open books for a program: `books(program)`."""
    return shelf.open
