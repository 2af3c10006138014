"""The two faces of the engine, of the port and of a board are one: equal signatures, and one of them is awaited."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from referral_engine import AsyncBoardView, AsyncReferralEngine, BoardView, ReferralEngine
from referral_engine.ports import (
    AsyncStore,
    AsyncStoreAdmin,
    AsyncStorePages,
    BlockingStore,
    NonBlockingStore,
    Store,
    StoreAdmin,
    StorePages,
)
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.storage.combining import AsyncCombiner, Combiner
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore
from referral_engine.testing import AsyncChaosStore, ChaosStore

PAIRS = [
    (ReferralEngine, AsyncReferralEngine),
    (BoardView, AsyncBoardView),
    (Combiner, AsyncCombiner),
    (Store, AsyncStore),
    (StorePages, AsyncStorePages),
    (StoreAdmin, AsyncStoreAdmin),
    (BlockingStore, NonBlockingStore),
    (MemoryStore, AsyncMemoryStore),
    (SQLAlchemyStore, AsyncSQLAlchemyStore),
    (ChaosStore, AsyncChaosStore),
]

ENTRY_POINTS = {"__enter__": "__aenter__", "__exit__": "__aexit__"}
BLOCKING = {"bind", "calm", "combiner", "storm"}
"""What stays blocking on both sides: it does no I/O."""

OWN_KIND = {
    "ReferralEngine": "AsyncReferralEngine",
    "BoardView": "AsyncBoardView",
    "Combiner": "AsyncCombiner",
    "BlockingStore": "NonBlockingStore",
    "MemoryStore": "AsyncMemoryStore",
    "SQLAlchemyStore": "AsyncSQLAlchemyStore",
    "ChaosStore": "AsyncChaosStore",
}


def public(kind: type) -> list[str]:
    return sorted(name for name in dir(kind) if not name.startswith("_"))


METHODS = [
    (one, other, name)
    for one, other in PAIRS
    for name in public(one)
    if callable(inspect.getattr_static(one, name)) and hasattr(other, name)
]


def ids(value: Any) -> str:
    return value if isinstance(value, str) else value.__name__


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=ids)
def test_both_have_equal_public_names(one: type, other: type) -> None:
    assert public(one) == public(other)
    for enter, entered in ENTRY_POINTS.items():
        assert (enter in dir(one)) == (entered in dir(other))


@pytest.mark.parametrize(("one", "other", "name"), METHODS, ids=ids)
def test_their_signatures_are_equal(one: type, other: type, name: str) -> None:
    """Parameters, kinds, defaults and annotations; the return annotation but for the face's own kind."""
    blocking, awaited = (inspect.signature(getattr(kind, name)) for kind in (one, other))
    if (one.__name__, name) == ("SQLAlchemyStore", "bind"):
        assert list(blocking.parameters) == list(awaited.parameters), "each takes SQLAlchemy's own of its kind"
        return
    assert str(blocking.replace(return_annotation=None)) == str(awaited.replace(return_annotation=None))
    for own, others in zip(blocking.parameters.values(), awaited.parameters.values(), strict=True):
        assert (own.kind, own.default) == (others.kind, others.default)
    returned = str(blocking.return_annotation)
    assert str(awaited.return_annotation) in {returned, OWN_KIND.get(returned, returned)}


@pytest.mark.parametrize(("one", "other", "name"), METHODS, ids=ids)
def test_one_blocks_and_the_other_is_awaited(one: type, other: type, name: str) -> None:
    assert not inspect.iscoroutinefunction(getattr(one, name))
    assert inspect.iscoroutinefunction(getattr(other, name)) == (name not in BLOCKING)


@pytest.mark.parametrize(("one", "other"), PAIRS[:2], ids=ids)
def test_they_are_built_alike_and_have_equal_properties(one: type, other: type) -> None:
    blocking, awaited = inspect.signature(one), inspect.signature(other)
    assert list(blocking.parameters) == list(awaited.parameters)
    for name, parameter in blocking.parameters.items():
        twin = awaited.parameters[name]
        assert (parameter.kind, parameter.default) == (twin.kind, twin.default)
    for name in public(one):
        assert isinstance(inspect.getattr_static(one, name), property) == isinstance(
            inspect.getattr_static(other, name), property
        )


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=ids)
def test_every_public_method_says_what_it_does(one: type, other: type) -> None:
    for kind in (one, other):
        assert [name for name in public(kind) if not inspect.getdoc(getattr(kind, name))] == []


@pytest.mark.parametrize("port", [Store, StorePages, StoreAdmin, AsyncStore, AsyncStorePages, AsyncStoreAdmin])
def test_a_port_has_at_most_ten_methods(port: type) -> None:
    own = [name for name in vars(port) if callable(getattr(port, name)) and (name in ENTRY_POINTS or name[0] != "_")]
    assert 1 <= len(own) <= 10
