"""The table of bad input once more over a SQLite file: no row of any table comes, goes or changes."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from tests.contract.stage import Stage, spring_program
from tests.security.bad_arguments import ARGUMENT_ROWS
from tests.security.bad_events import EVENT_ROWS
from tests.security.bad_rules import FAILING_ROWS
from tests.security.test_bad_input import check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.security.rows import Row

MEMORY_ONLY = ("bind(", "engine over", "engine of")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bad-input") / "acme.db"


@pytest.fixture(scope="module")
def stage(path: Path) -> Iterator[Stage]:
    with SQLAlchemyStore(f"sqlite:///{path}") as store:
        store.create_schema()
        stage = Stage(spring_program(), store=store)  # type: ignore[arg-type]
        stage.engine.invite_code("alice")
        stage.signup("bob", by="alice")
        stage.buy("bob", id="p-1")
        yield stage


def tables(path: Path) -> dict[str, list[Any]]:
    """Every row of every table of the file."""
    connection = sqlite3.connect(path)
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}
    finally:
        connection.close()


def test_the_file_holds_something_to_be_spoilt(stage, path):
    assert sum(map(bool, tables(path).values())) > 5


ROWS = [row for row in [*EVENT_ROWS, *ARGUMENT_ROWS, *FAILING_ROWS] if not row.name.startswith(MEMORY_ONLY)]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_it_is_refused_and_nothing_is_written(row: Row, stage: Stage, path: Path) -> None:
    before = tables(path)
    check(row, stage)
    assert tables(path) == before
