"""Fixtures of the tests of migrations: a new, empty database, and an engine over one of each kind."""

from __future__ import annotations

import pytest

from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from tests.databases import new_url

TAKING_BACK = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
"""Those whose transactions take back tables too; MariaDB commits at each of them."""


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/migrated.db"


@pytest.fixture
def new_engine(database_url):
    """An engine over a new, empty database; a host's own would be made in the same way."""
    with SQLAlchemyStore(database_url) as store:
        yield store._engine


@pytest.fixture(params=TAKING_BACK)
def taking_back_engine(request, tmp_path):
    """As `new_engine`, where a transaction takes back tables too."""
    with SQLAlchemyStore(new_url(request.param, request, tmp_path)) as store:
        yield store._engine
