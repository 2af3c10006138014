"""RuleContext: what a Python rule sees and says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

from referral_engine.errors import InvalidInput, UndeclaredFact
from referral_engine.ledger.grant import Recipient
from referral_engine.rewards.reward import Award, confirmation_problem
from referral_engine.validation import AMOUNT_MAX, HOLD_MAX, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from referral_engine.events import Event

BECAUSE_LENGTH_MAX = 500
_RECIPIENTS = get_args(Recipient)


@dataclass(frozen=True, slots=True)
class PythonAward:
    """What one `ctx.award(...)` asks for: one award for each unit, and why."""

    awards: tuple[Award, ...]
    because: str | None


@dataclass(frozen=True, slots=True)
class Because:
    """A reason in the rule's own words."""

    text: str


def _words(text: object) -> str:
    if not isinstance(text, str) or not 1 <= len(text) <= BECAUSE_LENGTH_MAX:
        raise InvalidInput("because", f"must be text of 1 to {BECAUSE_LENGTH_MAX} characters")
    return plain_text(text)


class RuleContext:
    """The event, the declared facts by name, and the two things that a rule can say: an award and a reason."""

    __slots__ = ("_facts", "_units", "event")

    def __init__(self, event: Event, facts: Mapping[str, Callable[[], object]], units: frozenset[str]) -> None:
        self.event: Event = event
        self._facts = facts
        self._units = units

    def __getitem__(self, name: str) -> Any:
        """Answer a declared fact; None when it is missing, such as a figure of the referrer where there is none.

        Raises UndeclaredFact for one that is not in the rule's `needs`.
        """
        try:
            return self._facts[name]()
        except KeyError:
            raise UndeclaredFact(name) from None

    def award(
        self,
        to: Recipient,
        *,
        because: str | None = None,
        hold: timedelta | None = None,
        confirmed_by: str | None = None,
        **units: int,
    ) -> PythonAward:
        """Ask for amounts, in minor units, by unit: `ctx.award("referrer", points=500)`.

        `hold` and `confirmed_by` are those of Reward. Raises InvalidInput.
        """
        if to not in _RECIPIENTS:
            raise InvalidInput("to", f"must be one of {', '.join(_RECIPIENTS)}")
        if hold is not None and not (isinstance(hold, timedelta) and timedelta(0) <= hold <= HOLD_MAX):
            raise InvalidInput("hold", f"must be a timedelta of 0 to {HOLD_MAX.days} days")
        if confirmed_by is not None and (problem := confirmation_problem(confirmed_by)):
            raise InvalidInput("confirmed_by", problem)
        if not units:
            raise InvalidInput("units", "name at least one amount, such as points=500")
        for unit, amount in units.items():
            if unit not in self._units:
                raise InvalidInput("units", f"the program has no unit {unit!r}")
            if type(amount) is not int or not 1 <= amount <= AMOUNT_MAX:
                raise InvalidInput(unit, "must be a whole number of minor units, 1 to 10**15")
        awards = tuple(Award(to, unit, amount, hold or None, confirmed_by) for unit, amount in units.items())
        return PythonAward(awards, None if because is None else _words(because))

    def because(self, text: str) -> Because:
        """Say why, for the explanation."""
        return Because(_words(text))
