"""Spending: what members and staff do with money in a history: redeem, pass on, adjust, be paid, let it expire."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from referral_engine.errors import IdempotencyConflict, InsufficientBalance, InvalidInput, UnknownMember
from referral_engine.testing.conformance._looking import Looking
from referral_engine.testing.conformance._spring import HOLD, LIFE_DAYS, UNITS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from referral_engine.decisions import FinalState

ResultT = TypeVar("ResultT")

KEYS = 10

_whos = st.integers(0, 2**16)
_states: st.SearchStrategy[FinalState | None] = st.sampled_from(["paid", None, "failed", "rejected"])
_keys = st.integers(0, KEYS - 1).map("key-{}".format)


class Spending(Looking):
    """The rules of a history that move money which is there."""

    def _somebody(self, who: int, unit: str) -> str:
        """Anybody, but mostly one who has something to spend."""
        balances = {one: self.model.purses.balance(one, unit, self._now()) for one in self.people}
        rich = [one for one in self.people if balances[one].available]
        among = rich if rich and who % 5 else self.people
        return among[-1 - who // 5 % len(among)]

    def _once(self, call: Callable[[], ResultT], asked: tuple[str, str], terms: tuple[Any, ...]) -> ResultT | None:
        """Make a call by a key and answer what it made; None when it was made before, or is rightly refused.

        `asked` is the kind of call and its key; `terms` are members, the unit and an amount, below 0 for a gift.
        """
        *members, unit, amount = terms
        known, strangers = self.keys.get(asked), set(members) - self.model.referrers.keys()
        there = self.model.purses.balance(members[0], unit, self._now()).available
        try:
            made = call()
        except IdempotencyConflict:
            assert known not in {None, terms}
        except UnknownMember:
            assert (known, bool(strangers)) == (None, True)
        except InsufficientBalance as exc:
            told = exc.available
            assert (known, strangers, told) == (None, set(), there)
            assert there < amount
        else:
            assert known in {None, terms}
            if known is None:
                assert (strangers, amount <= there) == (set(), True)
                self.keys[asked] = terms
                return made
        return None

    @rule(who=_whos, amount=st.sampled_from([200, 69, 1, 500]), key=_keys)
    def redeem(self, who: int, amount: int, key: str) -> None:
        """Spend what is available and nothing of what is held, once for a key."""
        self._redeem(self._somebody(who, "points"), amount, key)

    def _redeem(self, member: str, amount: int, key: str) -> None:
        made = self._once(
            lambda: self.engine.redeem(member, amount, key=key), ("redemption", key), (member, "points", amount)
        )
        if made is not None:
            assert (member, amount) == (made.member, made.amount)
            self.model.purses.spend(member, "points", amount, self._now())
            self.model.purses.figures[member, "points"]["redeemed"] += amount

    @rule(who=_whos, place=_whos, amount=st.sampled_from([60, 1, 150]), key=_keys)
    def pass_on(self, who: int, place: int, amount: int, key: str) -> None:
        """Points for somebody else, who is mostly known."""
        member = self._somebody(who, "points")
        others = [one for one in self.people if one != member and (place % 5 == 0 or one in self.model.referrers)]
        to = (others or ["nobody"])[-1 - place // 5 % max(1, len(others))]
        made = self._once(
            lambda: self.engine.transfer(member, to, amount, key=key), ("transfer", key), (member, to, "points", amount)
        )
        if made is not None:
            self.model.purses.pass_on(member, to, amount, self._now())

    @rule(who=_whos, amount=st.sampled_from([300, -40, 90, -500]), unit=st.sampled_from(UNITS), key=_keys)
    def adjust(self, who: int, amount: int, unit: str, key: str) -> None:
        """Staff gives, or takes what is there."""
        self._adjust(self._somebody(who if amount < 0 else 5 * who, unit), amount, unit, key)

    def _adjust(self, member: str, amount: int, unit: str, key: str) -> None:
        purses = self.model.purses
        made = self._once(
            lambda: self.engine.adjust(member, amount, unit, key=key, actor="staff", memo="as agreed"),
            ("adjustment", key),
            (member, unit, -amount),
        )
        if made is None:
            return
        self.audited.append(("adjust", member))
        if amount < 0:
            purses.spend(member, unit, -amount, self._now())
        else:
            if unit == "points":
                purses.expire(member, self._now())
            purses.credit(member, unit, amount, self._now())
            purses.figures[member, unit]["lifetime"] += amount

    @rule(who=_whos, amount=st.sampled_from([60, 120, 5]), key=_keys, place=_whos, state=_states)
    def be_paid(self, who: int, amount: int, key: str, place: int, state: FinalState | None) -> None:
        """Cash is asked for, by a key that must not have been redeemed by; then some payout may be decided."""
        self._ask_for(self._somebody(who, "usd"), amount, key)
        payouts = list(self.model.purses.payouts)
        if state is not None:
            self._settle(["unknown", *payouts][-1 - place % (len(payouts) + 1)], state)

    def _ask_for(self, member: str, amount: int, key: str) -> None:
        purses = self.model.purses
        made = self._once(
            lambda: self.engine.request_payout(member, amount, "usd", key=key),
            ("redemption", key),
            (member, "usd", amount),
        )
        if made is not None:
            assert made == self.engine.payout(made.id)
            purses.spend(member, "usd", amount, self._now())
            purses.figures[member, "usd"]["paying"] += amount
            purses.payouts[made.id] = (member, amount, "requested")

    def _settle(self, payout_id: str, state: FinalState) -> None:
        """A payout is decided, once; what goes back can be spent again."""
        payouts = self.model.purses.payouts
        before = payouts[payout_id][2] if payout_id in payouts else None
        try:
            made = self.engine.settle_payout(payout_id, state, actor="staff")
        except InvalidInput:
            assert before not in {"requested", state}
        else:
            assert (before in {"requested", state}, state) == (True, made.state)
            if before == "requested":
                self.audited.append(("payout", payout_id))
                self.model.purses.settle(payout_id, state, self._now())

    def _spend_all(self, member: str, unit: str) -> None:
        """Leave nothing of what is available."""
        if there := self.model.purses.balance(member, unit, self._now()).available:
            (self._redeem if unit == "points" else self._ask_for)(member, there, f"all-{len(self.keys)}")

    @rule(days=st.sampled_from([14, 0, 1, 7]))
    def release(self, days: int) -> None:
        """Time passes; what is due is posted, and what has come to its end expires."""
        self.clock.at += timedelta(days=days)
        released = self.engine.release_due()
        assert self.model.release(self._now()) == (released.holds, released.lots)
        assert not released.more

    def teardown(self) -> None:
        """What is open comes to its end: debts are paid, payouts decided, holds posted, and all that expires does."""
        for member in self.people:
            if owed := self.model.purses.figures[member, "points"]["debt"]:
                self._adjust(member, owed + 30, "points", f"debt-{member}")
                self._adjust(member, -10, "points", f"fee-{member}")
        states: list[FinalState] = ["failed", "paid"]
        for place, (payout_id, (_, _, state)) in enumerate(list(self.model.purses.payouts.items())):
            if state == "requested":
                self._settle(payout_id, states[place % 2])
        for days in (HOLD.days, LIFE_DAYS + 1):
            self.release(days)
            super().teardown()
