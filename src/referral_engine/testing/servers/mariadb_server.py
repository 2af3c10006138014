"""Throw-away MariaDB servers and databases for tests, with nothing to set up by hand."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from referral_engine.testing.servers import launching
from referral_engine.testing.servers.launching import ServerUnavailable
from referral_engine.testing.servers.urls import database_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

MARIADB_URL = "REFERRAL_TEST_MARIADB_URL"
"""Environment variable: the URL of a server to use instead of starting one, such as `mariadb://root@127.0.0.1/test`."""

_ACCOUNTS = ("mysql", "nobody")
_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin", "/usr/local/bin")
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
_IN_MEMORY_MIN_BYTES = 2**30
_SETTINGS = {
    "bind_address": "127.0.0.1",
    "skip_name_resolve": "1",
    "innodb_buffer_pool_size": "64M",
    "innodb_doublewrite": "0",
    "innodb_fast_shutdown": "3",
    "innodb_flush_log_at_trx_commit": "0",
    "innodb_flush_method": "nosync",
    "innodb_log_file_size": "32M",
    "max_connections": "200",
    "performance_schema": "0",
    "sync_frm": "0",
}


@dataclass(frozen=True, slots=True)
class MariadbPrograms:
    """The server, and what makes the folder of its data."""

    server: Path
    install: Path


@contextmanager
def mariadb(**settings: str) -> Iterator[str]:
    """Yield the URL of a MariaDB server for tests.

    The first that works of: the server named by `REFERRAL_TEST_MARIADB_URL` (used as it is), the machine's own
    binaries. A server started here is private, empty, not durable, and gone with its files at the end; `settings` are
    options of its configuration. Raises ServerUnavailable.
    """
    if url := os.environ.get(MARIADB_URL):
        yield url
        return
    programs = mariadb_programs()
    if programs is None:
        raise ServerUnavailable(f"no MariaDB server to test against; install mariadb-server or set {MARIADB_URL}")
    with mariadb_from(programs, **settings) as url:
        yield url


def mariadb_programs() -> MariadbPrograms | None:
    """Find MariaDB's programs on the machine; MySQL's, which have other names, are none."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_FOLDERS])
    server, install = shutil.which("mariadbd", path=path), shutil.which("mariadb-install-db", path=path)
    return MariadbPrograms(Path(server), Path(install)) if server and install else None


@contextmanager
def mariadb_from(programs: MariadbPrograms, **settings: str) -> Iterator[str]:
    """Run a private server and yield its URL; raises ServerUnavailable."""
    launch = launching.launch_as(_ACCOUNTS, signal.SIGTERM)
    home = Path(tempfile.mkdtemp(prefix="referral-maria-", dir=_folder()))
    try:
        launch.own(home)
        (home / "tmp").mkdir()  # a server that starts removes what others left, or use, where temporary tables go
        launch.own(home / "tmp")
        _make_data(launch, programs, home)

        def command(port: int) -> list[str]:
            files = {"socket": str(home / "socket"), "tmpdir": str(home / "tmp")}
            chosen = {**_SETTINGS, "port": str(port), **files, **settings}
            options = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
            return [str(programs.server), "--no-defaults", f"--datadir={home / 'data'}", *options]

        server = launching.Program(launch, home, _environment(), command, lambda log: "ready for connections" in log)
        process, port = server.started(int(settings["port"]) if "port" in settings else None)
        try:
            yield f"mariadb://root@127.0.0.1:{port}/mysql"
        finally:
            launch.stop(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _folder() -> Path | None:
    """Choose memory where there is room: the server's first start waits for the disk a thousand times."""
    with suppress(OSError):
        if os.access(_IN_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_IN_MEMORY).free >= _IN_MEMORY_MIN_BYTES:
            return _IN_MEMORY
    return None


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MYSQL", "MARIADB"))}
    return {**own, "LC_ALL": "C", "TZ": "UTC"}


def _make_data(launch: launching.Launch, programs: MariadbPrograms, home: Path) -> None:
    command = [*launch.prefix, str(programs.install), "--no-defaults", f"--datadir={home / 'data'}"]
    options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    options.append(f"--tmpdir={home / 'tmp'}")
    own = [f"--{name.replace('_', '-')}={_SETTINGS[name]}" for name in ("innodb_log_file_size", "innodb_flush_method")]
    done = subprocess.run(
        [*command, *options, *own], capture_output=True, text=True, check=False, env=_environment(), cwd=home
    )
    if done.returncode != 0:
        raise ServerUnavailable(f"mariadb-install-db failed: {(done.stderr + done.stdout).strip()[:1000]}")


@contextmanager
def fresh_mariadb_database(server_url: str) -> Iterator[str]:
    """As fresh_database, on MariaDB."""
    name = f"referral_test_{secrets.token_hex(8)}"
    admin = _admin(server_url)
    try:
        _run(admin, f"CREATE DATABASE {name}")
    except DBAPIError as exc:
        raise ServerUnavailable(f"no database could be made: {exc.orig}") from exc
    try:
        yield database_url(server_url, name)
    finally:
        for session, database in _run(admin, "SELECT id, db FROM information_schema.processlist"):
            if database == name:
                with suppress(DBAPIError):
                    _run(admin, f"KILL {session}")
        _run(admin, f"DROP DATABASE IF EXISTS {name}")


def _admin(server_url: str) -> Engine:
    """Make an engine that keeps no connection."""
    try:
        url = make_url(server_url)
        driver = f"{url.get_backend_name()}+pymysql"
        return create_engine(url.set(drivername=driver), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    except ImportError as exc:
        raise ServerUnavailable("no driver for MariaDB; install referral_engine[mariadb]") from exc


def _run(admin: Engine, statement: str) -> list[tuple[Any, ...]]:
    with admin.connect() as connection:
        done = connection.exec_driver_sql(statement)
        return [tuple(row) for row in done] if done.returns_rows else []
