"""Fixtures of the whole suite: a PostgreSQL and a MariaDB server for each worker, an empty database for each test.

A test that asks for one is marked `postgres` or `mariadb`, and one that chooses its database by parameter is marked by
that parameter. `pytest -m "postgres or mariadb"` is then all that runs against a server.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings
from sqlalchemy import create_engine

from referral_engine.storage.sqlalchemy import SQLAlchemyStore, define_tables
from referral_engine.testing import servers
from tests.databases import DATABASES, SERVERS, driver_url, new_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Engine

settings.register_profile(
    "mutation", derandomize=True, database=None, max_examples=30, phases=[Phase.explicit, Phase.generate]
)
"""For `just mutate`: the same examples for each mutant, and none made smaller, for nobody reads them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in ("postgres", "mariadb"):
            if f"{name}_server_url" in getattr(item, "fixturenames", ()):
                item.add_marker(getattr(pytest.mark, name))


def serving(server: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    with ExitStack() as running:
        try:
            url = running.enter_context(server())
        except servers.ServerUnavailable as exc:
            if servers.require_servers():
                pytest.fail(str(exc), pytrace=False)
            pytest.skip(str(exc))
        yield url


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """URL of a PostgreSQL server; without one the test is skipped, or fails where servers are required."""
    yield from serving(servers.postgres)


@pytest.fixture
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """URL of a new, empty PostgreSQL database, dropped after the test."""
    with servers.fresh_database(postgres_server_url) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_server_url() -> Iterator[str]:
    """URL of a MariaDB server; without one the test is skipped, or fails where servers are required."""
    yield from serving(servers.mariadb)


@pytest.fixture
def mariadb_url(mariadb_server_url: str) -> Iterator[str]:
    """URL of a new, empty MariaDB database, dropped after the test."""
    with servers.fresh_database(mariadb_server_url) as url:
        yield url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new, empty database, for a test that runs over each of them."""
    return new_url(request.param, request, tmp_path)


@pytest.fixture(params=SERVERS)
def served_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new, empty database, for a test that runs over each that has a server."""
    return new_url(request.param, request, tmp_path)


# Databases that have the tables: made once for a worker, and emptied after each test


@pytest.fixture(scope="session")
def made_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "acme.db"
    with SQLAlchemyStore(f"sqlite:///{path}") as store:
        store.create_schema()
    return path


@pytest.fixture
def sqlite_emptied_url(made_sqlite: Path, tmp_path: Path) -> str:
    """URL of a SQLite file with the tables and nothing in them."""
    return f"sqlite:///{shutil.copy(made_sqlite, tmp_path / 'acme.db')}"


def made(server_url: str) -> Iterator[tuple[str, Engine]]:
    with servers.fresh_database(server_url) as url, SQLAlchemyStore(url) as store:
        store.create_schema()
        engine = create_engine(driver_url(url))
        yield url, engine
        engine.dispose()


def emptied(database: tuple[str, Engine]) -> Iterator[str]:
    url, engine = database
    yield url
    with engine.begin() as connection:
        for table in define_tables().all():
            connection.execute(table.delete())


@pytest.fixture(scope="session")
def made_postgres(postgres_server_url: str) -> Iterator[tuple[str, Engine]]:
    yield from made(postgres_server_url)


@pytest.fixture
def postgres_emptied_url(made_postgres: tuple[str, Engine]) -> Iterator[str]:
    """URL of a PostgreSQL database with the tables and nothing in them."""
    yield from emptied(made_postgres)


@pytest.fixture(scope="session")
def made_mariadb(mariadb_server_url: str) -> Iterator[tuple[str, Engine]]:
    yield from made(mariadb_server_url)


@pytest.fixture
def mariadb_emptied_url(made_mariadb: tuple[str, Engine]) -> Iterator[str]:
    """URL of a MariaDB database with the tables and nothing in them."""
    yield from emptied(made_mariadb)
