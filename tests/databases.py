"""The databases that tests run over, and how a host would name their drivers."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import make_url

SERVERS = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("postgres", "mariadb")]
"""Parameters for those that lock rows and have a server."""

DATABASES = ["sqlite", *SERVERS]
"""Parameters for all of them."""

_DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg", "mariadb": "pymysql", "mysql": "pymysql"}
_ASYNC_DRIVERS = {"sqlite": "aiosqlite", "postgresql": "psycopg", "mariadb": "asyncmy", "mysql": "asyncmy"}


def new_url(name, request, tmp_path):
    """URL of a new, empty database, as a store takes it."""
    if name == "sqlite":
        return f"sqlite:///{tmp_path / 'acme.db'}"
    return request.getfixturevalue(f"{name}_url")


def driver_url(url):
    """URL of the same database for an engine of SQLAlchemy's own."""
    return _spelt(url, _DRIVERS)


def async_driver_url(url):
    """URL of the same database for an engine of SQLAlchemy's own that awaits."""
    return _spelt(url, _ASYNC_DRIVERS)


def _spelt(url, drivers):
    given = make_url(url)
    backend = given.get_backend_name()
    return given.set(drivername=f"{backend}+{drivers[backend]}").render_as_string(hide_password=False)
