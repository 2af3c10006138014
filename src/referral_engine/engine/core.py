"""Core: what every operation of an engine works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.decisions import Compiled
from referral_engine.engine.arguments import require_time
from referral_engine.engine.clock import SystemClock
from referral_engine.engine.driving import Records
from referral_engine.errors import InvalidInput
from referral_engine.ids import NAME_FORM, require_id, shown
from referral_engine.ports import Clock
from referral_engine.program import Program

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Core:
    """A store, a compiled program and a clock; `bound` when the transactions are a host's."""

    store: Records
    compiled: Compiled
    clock: Clock
    bound: bool = False

    @classmethod
    def over(cls, store: Records, program: object, clock: Clock | None, *, bound: bool) -> Core:
        """Compile a program over a store; without a clock the machine tells the time. Raises InvalidInput."""
        if not isinstance(program, Program):
            raise InvalidInput("program", "must be a Program")
        return cls(store, Compiled(program), SystemClock() if clock is None else clock, bound=bound)

    @property
    def program(self) -> str:
        """The program's id."""
        return self.compiled.id

    def now(self) -> datetime:
        """The clock's time in UTC. Raises InvalidInput for a clock that tells a naive time."""
        return require_time("clock", self.clock.now())

    def unit(self, unit: object) -> str:
        """Check a unit. Raises InvalidInput."""
        if not isinstance(unit, str) or unit not in self.compiled.units:
            known = ", ".join(sorted(self.compiled.units))
            raise InvalidInput("unit", f"the program has no unit {shown(unit)}; it has: {known}")
        return unit

    def campaign(self, campaign: object) -> str:
        """Check the id of a campaign. Raises InvalidInput."""
        if not isinstance(campaign, str) or self.compiled.program.campaign(campaign) is None:
            known = ", ".join(one.id for one in self.compiled.program.campaigns) or "none"
            raise InvalidInput("campaign", f"must be a campaign of the program ({NAME_FORM}); it has: {known}")
        return campaign

    def optional_campaign(self, campaign: object) -> str | None:
        """Check the id of a campaign; None is none. Raises InvalidInput."""
        return None if campaign is None else self.campaign(campaign)

    def optional_member(self, name: str, member: object) -> str | None:
        """Check a member's id; None is nobody. Raises InvalidInput."""
        return None if member is None else require_id(name, member)
