"""Fixtures of the whole suite: a PostgreSQL server for each worker, an empty database for each test.

A test that asks for either is marked `postgres`; one that chooses its store by parameter marks that parameter with
`pytest.mark.postgres` itself. `pytest -m postgres` is then all that runs against a server.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from referral_engine.testing import servers

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "postgres_server_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """URL of a PostgreSQL server; without one the test is skipped, or fails where servers are required."""
    with ExitStack() as running:
        try:
            url = running.enter_context(servers.postgres())
        except servers.ServerUnavailable as exc:
            if servers.require_servers():
                pytest.fail(str(exc), pytrace=False)
            pytest.skip(str(exc))
        yield url


@pytest.fixture
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """URL of a new, empty PostgreSQL database, dropped after the test."""
    with servers.fresh_database(postgres_server_url) as url:
        yield url
