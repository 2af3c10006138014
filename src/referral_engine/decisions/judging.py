"""Judging: what a rule wants to give for one event, and why it gives nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from referral_engine.decisions.refused import Refused
from referral_engine.decisions.view import View, getter
from referral_engine.outcomes import Reason
from referral_engine.rewards.compiling import Failure, compile_condition
from referral_engine.rewards.context import Because, PythonAward, RuleContext
from referral_engine.rewards.reward import Award
from referral_engine.rewards.vocabulary import fact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from referral_engine.rewards.data_rule import Rule
    from referral_engine.rewards.python_rule import PythonRule

ANSWERS_MAX = 64
"""How many awards and reasons one Python rule may give for one event."""

MESSAGE_LENGTH_MAX = 200
"""How much of a failed rule's message the reason keeps."""


class Judgement(NamedTuple):
    """What a rule wants: no awards means that it is not met."""

    awards: tuple[Award, ...]
    failure: Failure | None = None
    because: tuple[str, ...] = ()


def judge_data(rule: Rule) -> Callable[[View], Judgement]:
    """Compile a rule as data."""
    awards = Judgement(
        tuple(Award(give.to, give.unit, give.amount, give.hold or None, give.confirmed_by) for give in rule.give)
    )
    if rule.condition is None:
        return lambda _: awards
    check = compile_condition(rule.condition, getter)

    def judge(view: View) -> Judgement:
        failure = check(view)
        return awards if failure is None else Judgement((), failure)

    return judge


def judge_python(rule: PythonRule, units: frozenset[str]) -> Callable[[View], Judgement]:
    """Wrap a rule in Python; whatever it raises rejects the event (Refused)."""
    getters = {name: getter(fact(name)) for name in rule.needs}

    def judge(view: View) -> Judgement:
        event = view.event if view.event.at is not None else view.event.model_copy(update={"at": view.at})
        facts = {name: partial(read, view) for name, read in getters.items()}
        try:
            return _collect(rule.function(RuleContext(event, facts, units)))
        except Exception as exc:  # whatever a rule raises rejects its event, and no more
            raise Refused(_failed(rule, exc)) from exc

    return judge


def _failed(rule: PythonRule, cause: Exception) -> Reason:
    message = str(cause)[:MESSAGE_LENGTH_MAX].encode("utf-8", "backslashreplace").decode()
    return Reason.of("rule_error", rule.id, error=type(cause).__name__, message=message)


def _collect(said: Iterable[PythonAward | Because] | None) -> Judgement:
    awards: list[Award] = []
    because: list[str] = []
    for place, item in enumerate(() if said is None else said):
        if place >= ANSWERS_MAX:
            msg = f"the rule gave more than {ANSWERS_MAX} answers"
            raise ValueError(msg)
        if isinstance(item, PythonAward):
            awards.extend(item.awards)
            if item.because is not None:
                because.append(item.because)
        elif isinstance(item, Because):
            because.append(item.text)
        else:
            msg = f"the rule answered {type(item).__name__}; yield ctx.award(...) or ctx.because(...)"
            raise TypeError(msg)
    return Judgement(tuple(awards), None, tuple(because))
