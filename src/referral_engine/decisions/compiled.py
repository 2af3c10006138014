"""Compiled: a program made ready to decide with: rules by trigger, conditions as closures, boards by metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from referral_engine.decisions.judging import Judgement, judge_data, judge_python
from referral_engine.decisions.view import View
from referral_engine.leaderboard.board import Board
from referral_engine.periods import Calendar, Span
from referral_engine.program.campaign import Campaign
from referral_engine.rewards.condition import fields_of
from referral_engine.rewards.limit import Limit
from referral_engine.rewards.python_rule import PythonRule
from referral_engine.rewards.vocabulary import fact

if TYPE_CHECKING:
    from referral_engine.ledger.expiry import Expiry
    from referral_engine.program.program import Program
    from referral_engine.rewards.data_rule import Rule


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its campaign, ready to judge."""

    id: str
    campaign: Campaign
    priority: int
    starts_at: datetime | None
    ends_at: datetime | None
    limits: tuple[Limit, ...]
    units: frozenset[str]
    facts: tuple[str, ...]
    judge: Callable[[View], Judgement]

    def active(self, at: datetime) -> bool:
        """Whether an event of that time is judged by the rule; both intervals are half-open."""
        if not self.campaign.covers(at):
            return False
        return (self.starts_at is None or at >= self.starts_at) and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class CompiledBoard:
    """A board with its campaign."""

    board: Board
    campaign: Campaign


@dataclass(frozen=True, slots=True)
class Needs:
    """What the rules of one trigger look at and write, beyond the members themselves."""

    tally_types: frozenset[str]
    units: frozenset[str]
    limit_rules: frozenset[str]
    spans: frozenset[Span]
    spends: frozenset[tuple[str, str]]


NO_NEEDS = Needs(frozenset(), frozenset(), frozenset(), frozenset(), frozenset())


class Compiled:
    """A program, compiled once when the engine is built. Immutable in use, and shared by threads."""

    def __init__(self, program: Program) -> None:
        self.program: Program = program
        self.id: str = program.id
        self.revision: str = program.revision
        self.calendar: Calendar = Calendar(program.zone)
        self.units: frozenset[str] = frozenset(program.units)
        self.chained: bool = program.ledger_chain
        self.expiry: dict[str, Expiry] = {
            name: unit.expires for name, unit in program.units.items() if unit.expires is not None
        }
        self.idle_units: frozenset[str] = frozenset(
            name for name, expiry in self.expiry.items() if expiry.kind == "inactivity"
        )
        self.rules: dict[str, tuple[CompiledRule, ...]] = self._rules_by_trigger()
        self.needs: dict[str, Needs] = {trigger: _needs_of(rules) for trigger, rules in self.rules.items()}
        self.boards: dict[str, CompiledBoard] = {
            board.id: CompiledBoard(board, owner) for owner in program.campaigns for board in owner.boards
        }
        self.boards_by_metric: dict[str, tuple[CompiledBoard, ...]] = _grouped(self.boards.values())
        self.boards_by_count: dict[str, tuple[CompiledBoard, ...]] = {
            metric.removeprefix("count."): boards
            for metric, boards in self.boards_by_metric.items()
            if metric.startswith("count.")
        }

    def _rules_by_trigger(self) -> dict[str, tuple[CompiledRule, ...]]:
        found: defaultdict[str, list[CompiledRule]] = defaultdict(list)
        for campaign in self.program.campaigns:
            for rule in campaign.rules:
                found[rule.on].append(self._compile(campaign, rule))
        return {trigger: tuple(sorted(rules, key=_order)) for trigger, rules in found.items()}

    def _compile(self, campaign: Campaign, rule: Rule | PythonRule) -> CompiledRule:
        if isinstance(rule, PythonRule):
            units, facts, judge = self.units, rule.needs, judge_python(rule, self.units)
        else:
            units = frozenset(reward.unit for reward in rule.give)
            facts = () if rule.condition is None else tuple(sorted(fields_of(rule.condition)))
            judge = judge_data(rule)
        return CompiledRule(
            id=rule.id,
            campaign=campaign,
            priority=rule.priority,
            starts_at=rule.starts_at,
            ends_at=rule.ends_at,
            limits=tuple(rule.limits),
            units=units,
            facts=facts,
            judge=judge,
        )


def _order(rule: CompiledRule) -> tuple[int, str]:
    return (-rule.priority, rule.id)


def _grouped(boards: Iterable[CompiledBoard]) -> dict[str, tuple[CompiledBoard, ...]]:
    found: defaultdict[str, list[CompiledBoard]] = defaultdict(list)
    for compiled in boards:
        found[compiled.board.metric].append(compiled)
    return {metric: tuple(group) for metric, group in found.items()}


def _needs_of(rules: Iterable[CompiledRule]) -> Needs:
    named = [fact(name) for rule in rules for name in rule.facts]
    return Needs(
        tally_types=frozenset(item.key for item in named if item.kind in {"count", "sum"} and item.key is not None),
        units=frozenset(unit for rule in rules for unit in rule.units),
        limit_rules=frozenset(rule.id for rule in rules if rule.limits),
        spans=frozenset(limit.within for rule in rules for limit in rule.limits),
        spends=frozenset((rule.campaign.id, unit) for rule in rules for unit in rule.units),
    )
