"""Throw-away servers and databases for tests, with nothing to set up by hand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from referral_engine.testing.servers.launching import ServerUnavailable
from referral_engine.testing.servers.mariadb_server import MARIADB_URL, fresh_mariadb_database, mariadb, mariadb_from
from referral_engine.testing.servers.postgresql_server import (
    POSTGRES_URL,
    fresh_postgres_database,
    postgres,
    postgres_binaries,
    postgres_from,
)
from referral_engine.testing.servers.urls import database_url

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = [
    "MARIADB_URL",
    "POSTGRES_URL",
    "REQUIRE_SERVERS",
    "ServerUnavailable",
    "database_url",
    "fresh_database",
    "mariadb",
    "mariadb_from",
    "postgres",
    "postgres_binaries",
    "postgres_from",
    "require_servers",
]

REQUIRE_SERVERS = "REFERRAL_TEST_REQUIRE_SERVERS"
"""Environment variable: 1 turns a test that has no server from a skip into a failure."""


def require_servers() -> bool:
    """Tell whether a missing server is a failure (`REFERRAL_TEST_REQUIRE_SERVERS=1`) and not a reason to skip."""
    return os.environ.get(REQUIRE_SERVERS, "") not in {"", "0"}


def fresh_database(server_url: str) -> AbstractContextManager[str]:
    """Make an empty database of its own name on the server, yield its URL, and drop it at the end, in use or not.

    The URL tells PostgreSQL from MariaDB. Raises ServerUnavailable.
    """
    if server_url.startswith(("mariadb", "mysql")):
        return fresh_mariadb_database(server_url)
    return fresh_postgres_database(server_url)
