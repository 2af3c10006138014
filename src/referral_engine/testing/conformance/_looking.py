"""Looking: a history that is being played, and everything that must be as the model says after each of its steps."""

from __future__ import annotations

from collections import Counter
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

from hypothesis.stateful import RuleBasedStateMachine, invariant

from referral_engine.testing.conformance._model import Model
from referral_engine.testing.conformance._purses import TOTALS
from referral_engine.testing.conformance._spring import MOST, UNITS, HandClock, an_engine

if TYPE_CHECKING:
    from datetime import datetime

    from referral_engine.events import Event
    from referral_engine.ledger.balance import Balance
    from referral_engine.ports import BlockingStore

PEOPLE = ["alice", "bob", "carol", "dave", "erin", "Bob"]
PAGE = 1_000

_UNIT_OF = {"spring": "points", "cashback": "usd"}


class Looking(RuleBasedStateMachine):
    """One history. After each step, or every `every` steps, all that can be read must be what the model says."""

    def __init__(self, store: BlockingStore, program: str, every: int) -> None:
        super().__init__()
        self.store, self.program, self.every = store, program, every
        self.engine = an_engine(store, program)
        self.clock: HandClock = self.engine.clock  # type: ignore[assignment]
        self.model = Model()
        self.people = list(PEOPLE)
        self.sent: list[Event] = []
        self.keys: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.audited: list[tuple[str, str]] = []
        self.texts = ["no code!", "23456789BCF"]
        self.ids = (f"e{n}" for n in count())
        self.steps = 0

    def _now(self) -> datetime:
        return self.clock.at

    def _dump(self) -> dict[str, Any]:
        engine = self.engine
        boards = {name: engine.board(name, period=period).top(PAGE) for name, period in self._periods()}
        return {
            "members": [engine.member(one) for one in self.people],
            "balances": [engine.balance(one, unit) for one in self.people for unit in UNITS],
            "budgets": [engine.budget(campaign, unit) for campaign, unit in _UNIT_OF.items()],
            "boards": boards,
            "messages": len(engine.messages(after=0, limit=PAGE)),
        }

    def _periods(self) -> list[tuple[str, str]]:
        return [(board, period) for board, period in self.model.boards if board]

    @invariant()
    def the_program_is_healthy(self) -> None:
        """All figures add up, and are the model's."""
        self.steps += 1
        if self.steps % self.every == 0:
            self._healthy()

    def teardown(self) -> None:
        """Look once more at the end, whatever `every` is."""
        self._healthy()

    def _healthy(self) -> None:
        assert self.engine.verify() == []
        self._budgets_and_limits()
        self._forest()
        self._ledger()
        self._books()
        self._boards()

    def _budgets_and_limits(self) -> None:
        """What campaigns gave and hold, the alarms on the way, and what the limits allow."""
        purses = self.model.purses
        for campaign, total in TOTALS.items():
            budget = self.engine.budget(campaign, _UNIT_OF[campaign])
            assert (purses.spent[campaign], purses.held[campaign]) == (budget.spent, budget.held)
            assert (total, purses.left(campaign)) == (budget.total, budget.remaining)
            assert budget.spent + budget.held <= total
        said = [one.payload for one in self.engine.messages(after=0, limit=PAGE) if one.type == "budget.alarm"]
        assert purses.alarms == [(one["campaign"], one["percent"], one["given"]) for one in said]
        assert all(used <= MOST[key[0]] for key, used in self.model.limits.items())

    def _forest(self) -> None:
        """One referrer for each member, no cycle, and the referrals of each as the model has them."""
        model, engine = self.model, self.engine
        for member in self.people:
            kept, referral = engine.member(member), engine.referral(member)
            assert (member in model.referrers) == (kept is not None)
            if kept is None:
                assert referral is None
                continue
            line = [member]
            while (above := model.referrers[line[-1]]) is not None:
                line.append(above)
            assert (model.referrers[member], line[-1], len(line) - 1) == (kept.referrer, kept.root, kept.depth)
            assert len(line) == len(set(line))
            assert kept.referrer == (None if referral is None else referral.referrer)
            referees = {one for one, referrer in model.referrers.items() if referrer == member}
            rows = engine.referrals(member)
            assert referees == {row.referee for row in rows}
            assert referees - model.undone == {row.referee for row in engine.referrals(member, state="qualified")}
            assert (len(referees), len(referees - model.undone)) == (kept.referrals_total, kept.referrals_qualified)

    def _ledger(self) -> None:
        """Every account is the sum of its transfers; over all accounts they come to zero."""
        now, purses = self._now(), self.model.purses
        for campaign, unit in _UNIT_OF.items():
            accounts: Counter[str] = Counter()
            for member in self.people:
                assert purses.balance(member, unit, now) == (seen := self.engine.balance(member, unit))
                if (member, unit) in purses.figures:
                    accounts.update(self._account(member, unit))
                else:
                    assert not any((seen.available, seen.held, seen.debt, seen.paying))
            assert (sum(accounts.values()), accounts["clearing"]) == (0, 0)
            assert -(purses.spent[campaign] + purses.held[campaign]) == accounts["campaign"]

    def _account(self, member: str, unit: str) -> Counter[str]:
        """Add up what was moved for one member, and hold its statement and its lots to it."""
        figures = self.model.purses.figures[member, unit]
        rows = self.store.transfers(self.program, member, unit, None, PAGE)
        sums: Counter[str] = Counter()
        for row in rows:
            sums[row.debit] -= row.amount
            sums[row.credit] += row.amount
        names = ("available", "held", "redeemed", "expired", "paying")
        assert {name: figures[name] for name in names} == {name: sums[name] for name in names}
        assert figures["debt"] == -sums["debt"]
        lines = self.engine.statement(member, unit, limit=PAGE)
        assert [(row.cursor, row.kind) for row in rows] == [(line.cursor, line.kind) for line in lines]
        if lines:
            middle, last = lines[len(lines) // 2], lines[-1]
            assert lines[len(lines) // 2 + 1 :] == self.engine.statement(member, unit, after=middle.cursor, limit=PAGE)
            after = (last.available_after, last.held_after, last.debt_after)
            assert (figures["available"], figures["held"], figures["debt"]) == after
            for one, then in pairwise(lines):
                assert one.available_after + then.available == then.available_after
        return sums

    def _books(self) -> None:
        """Lots, payouts, the audit log, and what all members together are owed."""
        now, engine, purses = self._now(), self.engine, self.model.purses
        for member in list(purses.lots):
            shown = [(lot.expires_at, lot.remaining) for lot in engine.lots(member)]
            assert purses.shown_lots(member, now) == shown
        payouts = engine.payouts(limit=PAGE)
        assert purses.payouts == {one.id: (one.member, one.amount, one.state) for one in payouts}
        assert list(purses.payouts) == [one.id for one in payouts]
        assert [one for one in payouts if one.state == "requested"] == engine.payouts(state="requested", limit=PAGE)
        assert self.audited == [(one.action, one.subject) for one in engine.audit_log(limit=PAGE)]
        for unit in UNITS:
            balances = [purses.balance(member, unit, now) for member in self.people]
            self._owed_to_all(unit, balances)

    def _owed_to_all(self, unit: str, balances: list[Balance]) -> None:
        now, liability = self._now(), self.engine.liability(unit)
        months: Counter[str] = Counter()
        for member in self.people if unit == "points" else ():
            for expires_at, left in self.model.purses.shown_lots(member, now):
                months[f"{expires_at:%Y-%m}"] += left
        lasting = sum(one.available - one.expiring for one in balances)
        total = [sum(getattr(one, name) for one in balances) for name in ("available", "held", "paying", "debt")]
        assert total == [liability.outstanding, liability.held, liability.paying, liability.debt]
        assert (lasting, dict(months)) == (liability.lasting, dict(liability.expiring))

    def _boards(self) -> None:
        """Scores, order and ranks are the model's; who was first among those that one refund lowered is not said."""
        for board, period in self._periods():
            scores = {one: row for one, row in self.model.boards[board, period].items() if row[0] > 0}
            rows = self.engine.board(board, period=period).top(PAGE)
            assert {one: row[0] for one, row in scores.items()} == {row.member: row.score for row in rows}
            order = [(-scores[row.member][0], scores[row.member][1]) for row in rows]
            assert sorted(order) == order
            assert [1 + sum(row[0] > one.score for row in scores.values()) for one in rows] == [
                one.rank for one in rows
            ]
