"""Revisions: which states of the tables there have been, and the scripts that lead from one to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from referral_engine.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.storage.sqlalchemy.migrations.steps import Steps


class Revision(Protocol):
    """What a script in `versions` holds; it is a module."""

    revision: str
    down_revision: str | None

    def upgrade(self, steps: Steps) -> None:
        """Change the tables of the revision before into those of this one.

        Being called again after it was cut off halfway, which MariaDB does not take back, must lead to the same end.
        """
        ...


def _load(revision: str) -> Revision:
    script: Any = import_module(f"{__package__}.versions.revision_{revision}")
    return cast("Revision", script)


@dataclass(frozen=True, slots=True)
class Chain:
    """Revisions, the oldest first; they form one line, without branches. `load` gives the script of one."""

    revisions: tuple[str, ...]
    load: Callable[[str], Revision] = _load

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1]

    def between(self, current: str | None, target: str) -> Sequence[Revision]:
        """Load the scripts that lead from one revision to another; none when the target lies behind."""
        done = 0 if current is None else self.revisions.index(current) + 1
        return [self.load(revision) for revision in self.revisions[done : self.revisions.index(target) + 1]]

    def check(self, revision: object) -> None:
        """Refuse what names no revision."""
        if revision not in self.revisions:
            known = ", ".join(self.revisions)
            raise InvalidInput("revision", f"{revision!r} is none of this release; it knows {known}")

    def problem_of(self, recorded: str) -> str:
        """Say why tables of another revision than the head cannot be used, and what to do."""
        if recorded in self.revisions:
            head = self.head
            return f"the tables are of revision {recorded!r}, this release works with {head!r}: call store.upgrade()"
        return (
            f"the tables are of revision {recorded!r}, which this release does not know (its own is {self.head!r}): "
            f"install the release of referral_engine that upgraded them, or a later one"
        )


RELEASED: Chain = Chain(("0001", "0002"))
"""The revisions of this library. What is released is never edited: databases out there were made by it."""

HEAD: str = RELEASED.head
"""The revision of the tables that this release works with."""


def downgrade(*_: object, **__: object) -> NoReturn:
    """Refuse to go back: what was written in newer tables cannot be told in older ones."""
    problem = (
        "there is no way down: the ledger is append-only and what newer tables hold has no place in older ones; "
        "restore the backup made before the upgrade"
    )
    raise InvalidInput("revision", problem)
