"""Counting round trips on the wire: a proxy before the server that sees how often the client waits for an answer.

A round trip begins when the client sends something after the server has spoken. So statements that are sent together
count as one, whatever the driver, and what the driver does by itself (BEGIN, COMMIT, preparing) counts too.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 16


@dataclass(slots=True)
class Wire:
    """How many round trips there were so far, over all connections; use one at a time."""

    trips: int = 0
    _server_spoke: bool = True
    _lock: Lock = field(default_factory=Lock)

    def client_sends(self) -> None:
        """Note that the client sends."""
        with self._lock:
            self.trips += self._server_spoke
            self._server_spoke = False

    def server_sends(self) -> None:
        """Note that the server answers."""
        with self._lock:
            self._server_spoke = True


@contextmanager
def counted(url: str) -> Iterator[tuple[str, Wire]]:
    """Yield a URL that leads to the same database through a proxy, and what it counts."""
    given = conninfo_to_dict(url)
    host, port = str(given.get("host") or "127.0.0.1"), int(given.get("port") or 5432)
    wire, opened = Wire(), list[socket.socket]()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=_accept, args=(listening, (host, port), wire, opened), daemon=True).start()
        scheme, _, rest = url.partition("://")
        before, at, location = rest.rpartition("@")
        _, slash, database = location.partition("/")
        try:
            yield f"{scheme}://{before}{at}127.0.0.1:{listening.getsockname()[1]}{slash}{database}", wire
        finally:
            for one in opened:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()


def _accept(listening: socket.socket, server: tuple[str, int], wire: Wire, opened: list[socket.socket]) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        upstream = socket.create_connection(server)
        for one in (client, upstream):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.append(one)
        for source, target, note in ((client, upstream, wire.client_sends), (upstream, client, wire.server_sends)):
            Thread(target=_pump, args=(source, target, note), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, note: object) -> None:
    assert callable(note)
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            note()
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
