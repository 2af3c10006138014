"""Tell whether the server that the environment names answers: `python -m tests.answering postgres`."""

from __future__ import annotations

import sys

from referral_engine.testing import servers


def answers(kind):
    """Make a database on the server and drop it again."""
    try:
        with getattr(servers, kind)() as server, servers.fresh_database(server):
            return True
    except servers.ServerUnavailable as exc:
        print(f"{kind}: {exc}; its tests are not run a second time", file=sys.stderr)  # noqa: T201 - a script
        return False


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
