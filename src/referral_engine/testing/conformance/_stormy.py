"""Stormy: the random histories once more, over a store that fails, by a caller who sends again until it is told."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from referral_engine.codes import InviteCode
from referral_engine.facts import Wanted
from referral_engine.testing.chaos.store import ChaosStore
from referral_engine.testing.conformance._machine import PEOPLE, Histories
from referral_engine.testing.conformance._persistence import Persistent, Witness
from referral_engine.testing.conformance._spring import an_engine
from referral_engine.testing.conformance.answers import Answer, answer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from referral_engine.events import Event
    from referral_engine.ports import BlockingStore


class StormyHistories(Histories):
    """One history in a storm; it is calm while what came of it is compared with the model.

    The model is told of each delivery that was carried out, in order, also of those whose answers were lost: sending a
    batch again may accept what was rejected when it came before what it refers to.
    """

    def __init__(self, store: BlockingStore, program: str, every: int) -> None:
        super().__init__(store, program, every)
        self.witness = Witness(store)
        self.chaos = ChaosStore(self.witness, seed=0)

    @initialize(held=st.booleans(), seed=st.integers(0, 2**32))
    def begin(self, held: bool, seed: int = 0) -> None:  # noqa: FBT001 - drawn by hypothesis
        """The storm begins; then as in calm."""
        self.chaos = ChaosStore(self.witness, seed=seed)
        engine = an_engine(self.chaos, self.program)
        self.engine, self.clock = cast("Any", Persistent(engine)), cast("Any", engine.clock)
        super().begin(held)

    def _carried_out(self, since: int) -> list[Any]:
        """The results of the decisions that were carried out, those whose answers were lost included."""
        return self.witness.results[since:]

    def _deliver(self, events: list[Event]) -> None:
        """Send the events until they are answered; each delivery that was carried out is the model's."""
        self._delivered(events)

    def _delivered(self, events: list[Event]) -> list[Answer]:
        """Deliver the events, and tell the first answers, which may have been lost."""
        since, sent = len(self.witness.results), {event.id: event for event in events}
        outcomes = [self.engine.record(events[0])] if len(events) == 1 else self.engine.record_many(events)
        decided = [outcome for outcomes in self._carried_out(since) for outcome in outcomes]
        assert {one.event_id for one in decided} == sent.keys(), "recorded is what was sent"
        answers = [self.model.record(sent[one.event_id], self._now()) for one in decided]
        assert answers == [answer_of(outcome) for outcome in decided]
        assert decided[-len(events) :] == outcomes
        self.sent += events
        return answers

    @rule(member=st.sampled_from(PEOPLE), amount=st.sampled_from([2000, 299]), span=st.sampled_from([None, -1]))
    def preview_then_record(self, member: str, amount: int, span: int | None) -> None:
        """A preview says what recording will say first, and changes nothing."""
        event = self._event("purchase", member, span, amount=amount)
        before = self._dump()
        shown = self.engine.preview(event)
        assert before == self._dump(), "a preview changed something"
        assert self._delivered([event])[0] == answer_of(shown)

    @rule(days=st.sampled_from([14, 0, 1, 7]))
    def release(self, days: int) -> None:
        """Time passes; what is due is posted, and expires, once, whether that is told or not."""
        self.clock.at += timedelta(days=days)
        since = len(self.witness.results)
        told = self.engine.release_due()
        holds, lots = self.model.release(self._now())
        assert holds + lots == sum(self._carried_out(since))
        assert told.holds in {0, holds}
        assert told.lots in {0, lots}

    # In calm weather

    @contextmanager
    def _calm(self) -> Iterator[None]:
        self.chaos.calm()
        try:
            yield
        finally:
            self.chaos.storm()

    def _dump(self) -> dict[str, Any]:
        with self._calm():
            return super()._dump()

    def _healthy(self) -> None:
        with self._calm():
            super()._healthy()

    def teardown(self) -> None:
        """Show what struck, look once more, and see that a lot nobody was told of is whole and lies unused."""
        note(repr(self.chaos))
        super().teardown()
        issued = [one for result in self.witness.results if isinstance(result, list) for one in result]
        lost = {one.text: one for one in issued if isinstance(one, InviteCode) and one.text not in self.model.codes}
        kept = self.store.read(Wanted(self.program, codes=frozenset(lost))).codes
        assert lost == {text: code for text, code in kept.items() if text in lost}
