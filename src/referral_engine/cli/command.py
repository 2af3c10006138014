"""Command: reads the arguments, runs what they name and turns errors into an exit status.

Exit status: 0 done and well; 1 looked, and found something to mend; 2 the command line cannot be used; 3 the database
or the installation refused.
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, NoReturn

from referral_engine.cli import database
from referral_engine.errors import InvalidInput, ReferralEngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

UNUSABLE = 2
REFUSED = 3

_URL = re.compile(r"\S+://\S*")


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong with a command line without repeating a URL, which may hold a password."""

    def error(self, message: str) -> NoReturn:
        """End the process, as argparse does."""
        super().error(_URL.sub("URL", message))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (those of the process, when None) and answer its exit status."""
    parser = _Parser(prog="referral-engine", description="Look after what referral_engine keeps.")
    groups = parser.add_subparsers(required=True, metavar="COMMAND")
    database.add_to(groups.add_parser("db", help="create, upgrade and check the tables"))
    given = parser.parse_args(arguments)
    try:
        status: int = given.run(given)
    except InvalidInput as exc:
        return _failed(exc, UNUSABLE)
    except ReferralEngineError as exc:
        return _failed(exc, REFUSED)
    return status


def _failed(exc: ReferralEngineError, status: int) -> int:
    print(f"referral-engine: {exc}", file=sys.stderr)
    return status
