"""Launching: how a private server is run, with fewer rights than ours and no longer than we are."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

START_WAIT_S = 30.0
STOP_WAIT_S = 10.0
PORT_ATTEMPTS_MAX = 3

_UID_IN_NAMESPACE = 1000

# Becomes the server: gives up root when told an account, asks Linux for a signal when the parent dies, and executes the
# rest of its arguments. A `preexec_fn` would do the same, but Python warns of it in a process that has threads.
_LAUNCHER = """
import ctypes, os, sys
uid, gid, ending = map(int, sys.argv[1:4])
if uid:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, ending)
os.execv(sys.argv[4], sys.argv[4:])
"""


class ServerUnavailable(RuntimeError):
    """There is no way to reach or to start the server on this machine; the message says what would mend it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How to run the programs of a server, which refuse to run as root.

    A command's beginning, the signal that ends the server at once, and who owns the files.
    """

    prefix: tuple[str, ...]
    ending: signal.Signals
    owner: tuple[int, int] | None = None

    def own(self, folder: Path) -> None:
        """Give a folder to whoever the programs run as."""
        if self.owner is not None:
            os.chown(folder, *self.owner)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Shut the server down at once, its sessions included."""
        process.send_signal(self.ending)
        try:
            process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def launch_as(accounts: Sequence[str], ending: signal.Signals) -> Launch:
    """Choose how to run the programs: as we are or, when we are root, as somebody with fewer rights.

    A user namespace comes first: it needs no account and changes no permission. Else one of the accounts, which should
    have no files of their own to lose.
    """
    run = (sys.executable, "-I", "-S", "-c", _LAUNCHER)
    if os.geteuid() != 0:
        return Launch((*run, "0", "0", str(int(ending))), ending)
    if unshare := user_namespace():
        return Launch((*unshare, *run, "0", "0", str(int(ending))), ending)
    for name in accounts:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        owner = (account.pw_uid, account.pw_gid)
        return Launch((*run, *map(str, owner), str(int(ending))), ending, owner)
    raise ServerUnavailable("the server does not run as root, and there is neither a user namespace nor an account")


def user_namespace() -> tuple[str, ...] | None:
    """Answer the beginning of a command that runs in a user namespace, where Linux allows it."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    command = (unshare, "--user", f"--map-user={_UID_IN_NAMESPACE}", f"--map-group={_UID_IN_NAMESPACE}")
    allowed = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    return command if allowed else None


@dataclass(frozen=True, slots=True)
class Program:
    """A server to be started in a folder of its own: its command for a port, and what its log or files say when up."""

    launch: Launch
    home: Path
    environment: Mapping[str, str]
    command: Callable[[int], Sequence[str]]
    ready: Callable[[str], bool]

    def started(self, port: int | None) -> tuple[subprocess.Popen[bytes], int]:
        """Start the server; a port that somebody else took in the meantime is worth another attempt."""
        log, said = self.home / "log", ""
        for _ in range(PORT_ATTEMPTS_MAX):
            chosen = free_port() if port is None else port
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [*self.launch.prefix, *self.command(chosen)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=dict(self.environment),
                    cwd=self.home,
                )
            if self._comes_up(process, log):
                return process, chosen
            self.launch.stop(process)
            said = log.read_text(errors="replace")
            if "bind on" not in said.lower() and "could not bind" not in said:
                break
        raise ServerUnavailable(f"the server did not start: {said.strip()[-1000:]}")

    def _comes_up(self, process: subprocess.Popen[bytes], log: Path) -> bool:
        deadline = time.monotonic() + START_WAIT_S
        while process.poll() is None and time.monotonic() < deadline:
            if self.ready(log.read_text(errors="replace")):
                return True
            time.sleep(0.02)
        return False


def free_port() -> int:
    """Name a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
