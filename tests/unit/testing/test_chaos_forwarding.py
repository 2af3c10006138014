"""A store over a store has every method of the port, also those that the port gets later."""

from __future__ import annotations

import asyncio
import inspect
from typing import Protocol

import pytest

from referral_engine.errors import InvalidInput
from referral_engine.ports import BlockingStore, NonBlockingStore
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.testing.chaos import forwarding
from referral_engine.testing.chaos.forwarding import AsyncForwarding, Forwarding
from referral_engine.testing.conformance.samples import PROGRAM, Desk, joining


class Plain(Forwarding):
    """Names no method of its own."""

    def __init__(self, store):
        self._under = store


class Later(BlockingStore, Protocol):
    """The port with one method more."""

    def books(self, program: str, limit: int) -> list[str]:
        """List the books."""
        ...


class AsyncLater(NonBlockingStore, Protocol):
    """The awaitable port with one method more."""

    async def books(self, program: str, limit: int) -> list[str]:
        """List the books."""
        ...


def test_it_is_the_store_under_it():
    store = MemoryStore()
    with Plain(store) as plain:
        Desk(plain).write(*joining("alice"))
        assert isinstance(plain, Plain)
    assert Desk(store).read(members=["alice"]).members.keys() == {"alice"}
    assert isinstance(plain, BlockingStore)


def test_closing_it_closes_the_store_under_it():
    closed = []

    class Closing(MemoryStore):
        def close(self):
            closed.append(1)

    with Plain(Closing()):
        pass
    assert closed == [1]


def test_a_method_that_is_new_to_the_port_is_forwarded(monkeypatch):
    monkeypatch.setattr(forwarding, "BlockingStore", Later)

    class Noting(Plain):
        def _forward(self, method, call):
            return method, call()

    class Library(MemoryStore):
        def books(self, program, limit):
            return [f"{program} {number}" for number in range(limit)]

    assert Noting(Library()).books(PROGRAM, limit=2) == ("books", ["acme 0", "acme 1"])
    assert (Noting.books.__doc__, [*inspect.signature(Noting.books).parameters]) == (
        "List the books.",
        ["self", "program", "limit"],
    )


def test_a_new_method_of_an_awaitable_store_is_awaited(monkeypatch):
    monkeypatch.setattr(forwarding, "NonBlockingStore", AsyncLater)

    class Noting(AsyncForwarding):
        def __init__(self, store):
            self._under = store

    class Library(AsyncMemoryStore):
        async def books(self, program, limit):
            return [f"{program} {number}" for number in range(limit)]

    assert inspect.iscoroutinefunction(Noting.books)
    with pytest.raises(InvalidInput, match="cannot join a str"):
        Noting(Library()).bind("no connection")
    assert asyncio.run(Noting(Library()).books(PROGRAM, 1)) == ["acme 0"]


def test_what_the_store_under_it_lacks_fails_by_its_name(monkeypatch):
    monkeypatch.setattr(forwarding, "BlockingStore", Later)

    class Noting(Plain):
        pass

    with pytest.raises(AttributeError, match="'MemoryStore' object has no attribute 'books'"):
        Noting(MemoryStore()).books(PROGRAM, 1)
