"""The pure part of the combiners: the line of those who wait, and the trial of a batch whose transaction fails."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referral_engine.errors import Conflict, InvalidInput, OutcomeUnknown, Overloaded, StoreError
from referral_engine.events import Event
from referral_engine.outcomes import Outcome
from referral_engine.storage.combining.line import Line, Ticket
from referral_engine.storage.combining.trial import FAILURES_MAX, Trial


def a_ticket(name="e"):
    return Ticket(Event(id=name, type="visit", member="alice"), lambda: None)


def an_outcome(name):
    return Outcome(name, "accepted", None, (), (), (), "r")


def tickets(n):
    return [a_ticket(f"e{place}") for place in range(n)]


class TestLine:
    def test_the_first_to_enter_leads_and_those_after_it_do_not(self):
        line, (one, other) = Line(10, 10), tickets(2)

        assert (line.enter(one), line.enter(other)) == (True, False)
        assert (line.led, len(line)) == (True, 2)

    def test_a_batch_is_the_oldest_that_wait(self):
        line, waiting = Line(2, 10), tickets(5)
        for ticket in waiting:
            line.enter(ticket)

        assert [line.take() for _ in range(4)] == [waiting[:2], waiting[2:4], waiting[4:], []]

    def test_the_oldest_that_waits_leads_next_and_nobody_when_nobody_waits(self):
        line, (one, other, third) = Line(1, 10), tickets(3)
        line.enter(one)
        line.take()
        line.enter(other)

        assert (line.pass_on(), line.led, line.enter(third)) == (other, True, False)
        line.take()
        line.take()
        assert (line.pass_on(), line.led) == (None, False)

    def test_who_leaves_is_not_taken_and_leaving_again_does_nothing(self):
        line, (one, other, stranger) = Line(10, 10), tickets(3)
        line.enter(one)
        line.enter(other)

        for gone in (one, one, stranger):
            line.leave(gone)
        assert (line.pass_on(), line.take()) == (other, [other])

    def test_at_most_so_many_wait_and_those_taken_do_not_count(self):
        line, (one, other, third) = Line(10, 2), tickets(3)
        line.enter(one)
        line.enter(other)

        with pytest.raises(Overloaded) as refused:
            line.enter(third)
        assert (refused.value.waiting_max, len(line)) == (2, 2)
        line.take()
        assert line.enter(third) is False

    def test_a_closed_line_refuses_who_comes_and_keeps_who_waits(self):
        line, (one, other) = Line(10, 10), tickets(2)
        line.enter(one)
        line.closed = True

        with pytest.raises(InvalidInput, match="open another one"):
            line.enter(other)
        assert line.take() == [one]


class TestTicket:
    def test_it_wakes_its_caller_when_it_is_told(self):
        seen = []
        ticket = Ticket(Event(id="e", type="visit", member="alice"), lambda: seen.append(ticket.answered))

        ticket.tell(an_outcome("e"))

        assert (seen, ticket.result()) == ([True], an_outcome("e"))

    def test_an_error_is_raised_and_forgotten(self):
        ticket, error = a_ticket(), StoreError("full")
        ticket.tell(error)

        with pytest.raises(StoreError) as raised:
            ticket.result()
        assert (raised.value, ticket.answered) == (error, True)
        with pytest.raises(RuntimeError, match="no outcome"):
            ticket.result()


def play(batch, commit):
    """Carry a batch as a combiner does; answers the sizes of the transactions that were tried."""
    trial, sizes = Trial(), []
    trial.begin(batch)
    while part := trial.part():
        sizes.append(len(part))
        try:
            outcomes = commit([ticket.event.id for ticket in part])
        except Exception as exc:  # noqa: BLE001 - as a combiner does
            trial.failed(exc)
        else:
            trial.succeeded(outcomes)
    return sizes


def told(ticket):
    try:
        return ticket.result().event_id
    except Exception as exc:  # noqa: BLE001 - whatever it is
        return exc


def refusing(*bad, error=StoreError):
    """A store that cannot take some events; what it took is in `taken`."""

    def commit(names):
        if set(names) & set(bad):
            raise error("refused")
        commit.taken += names
        return [an_outcome(name) for name in names]

    commit.taken = []
    return commit


class TestTrial:
    def test_a_batch_that_goes_through_is_one_transaction(self):
        batch = tickets(64)

        assert play(batch, refusing()) == [64]
        assert [told(ticket) for ticket in batch] == [ticket.event.id for ticket in batch]

    def test_an_empty_batch_is_none(self):
        assert play([], refusing()) == []

    @pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 1_000])
    @pytest.mark.parametrize("error", [StoreError, Conflict, TypeError])
    def test_one_bad_event_fails_alone_and_cheaply(self, n, error):
        for bad in {0, n // 2, n - 1}:
            batch, commit = tickets(n), refusing(f"e{bad}", error=error)

            sizes = play(batch, commit)

            answers = [told(ticket) for ticket in batch]
            assert [place for place, answer in enumerate(answers) if isinstance(answer, error)] == [bad]
            assert sorted(commit.taken) == sorted(f"e{place}" for place in range(n) if place != bad)
            assert len(sizes) <= 1 + 2 * n.bit_length()

    @pytest.mark.parametrize("n", [2, 3, 5, 16, 23, 64])
    def test_any_two_bad_events_fail_alone(self, n):
        for bad in combinations(range(n), 2):
            batch, commit = tickets(n), refusing(*(f"e{place}" for place in bad))

            play(batch, commit)

            failed = [place for place, ticket in enumerate(batch) if isinstance(told(ticket), StoreError)]
            assert tuple(failed) == bad
            assert len(commit.taken) == n - 2

    @pytest.mark.parametrize("n", [1, 2, 3, 64, 1_000])
    def test_a_store_that_is_down_is_tried_a_few_times_and_all_are_told(self, n):
        batch, down = tickets(n), refusing(*(f"e{place}" for place in range(n)))

        sizes = play(batch, down)

        assert {StoreError} == {type(told(ticket)) for ticket in batch}
        assert len(sizes) == min(FAILURES_MAX, 2 * n - 1)

    def test_failures_count_in_a_row_only(self):
        """A store that fails for a while and then works again lets the rest through."""
        batch, turns = tickets(64), []

        def shaky(names):
            turns.append(names)
            if len(turns) % FAILURES_MAX:
                raise Conflict("busy")
            return [an_outcome(name) for name in names]

        play(batch, shaky)

        answers = [told(ticket) for ticket in batch]
        through = {answer for answer in answers if isinstance(answer, str)}
        singles = {names[0] for names in turns if len(names) == 1} - through
        assert through | singles == {ticket.event.id for ticket in batch}
        assert len(turns) > 2 * FAILURES_MAX

    def test_an_unknown_outcome_is_told_to_the_whole_part_and_not_tried_again(self):
        batch, turns = tickets(8), []

        def commit(names):
            turns.append(names)
            if len(turns) == 1:
                raise Conflict("busy")
            if len(turns) == 2:
                raise OutcomeUnknown("cut")
            return [an_outcome(name) for name in names]

        assert play(batch, commit) == [8, 4, 4]
        answers = [told(ticket) for ticket in batch]
        assert {OutcomeUnknown} == {type(answer) for answer in answers[:4]}
        assert answers[4:] == ["e4", "e5", "e6", "e7"]

    def test_who_was_not_tried_again_is_told_the_error_of_its_own_transaction(self):
        batch = tickets(64)
        errors = iter([Conflict("a"), Conflict("b"), OutcomeUnknown("c"), StoreError("d"), Conflict("e")])

        def commit(_):
            raise next(errors)

        play(batch, commit)

        problems = [told(ticket).problem for ticket in batch]
        assert problems == ["d"] * 16 + ["e"] * 16 + ["c"] * 32

    def test_each_caller_is_given_an_error_of_its_own_with_the_drivers_as_cause(self):
        batch, cause = tickets(3), OSError("no route")

        def commit(_):
            raise OutcomeUnknown("cut") from cause

        play(batch, commit)

        errors = [told(ticket) for ticket in batch]
        assert len({id(error) for error in errors}) == 3
        assert [(str(error), error.problem, error.__cause__) for error in errors] == [
            (str(errors[0]), "cut", cause)
        ] * 3

    @settings(deadline=None)
    @given(bad=st.sets(st.integers(0, 63)), n=st.integers(1, 64))
    def test_everybody_is_told_once_and_nothing_is_committed_twice(self, bad, n):
        batch, commit = tickets(n), refusing(*(f"e{place}" for place in bad))

        sizes = play(batch, commit)

        answers = [told(ticket) for ticket in batch]
        through = [answer for answer in answers if isinstance(answer, str)]
        assert sorted(through) == sorted(commit.taken)
        assert {StoreError} >= {type(answer) for answer in answers if not isinstance(answer, str)}
        assert not set(through) & {f"e{place}" for place in bad}
        assert len(sizes) <= 2 * n - 1

    def test_whoever_is_stopped_leaves_nobody_waiting(self):
        trial, batch = Trial(), tickets(4)
        trial.begin(batch)
        trial.failed(Conflict("busy"))
        trial.succeeded([an_outcome("e0"), an_outcome("e1")])

        with pytest.raises(KeyboardInterrupt), trial.guarded():
            raise KeyboardInterrupt

        assert [told(ticket) for ticket in batch[:2]] == ["e0", "e1"]
        errors = [told(ticket) for ticket in batch[2:]]
        assert [type(error) for error in errors] == [OutcomeUnknown] * 2
        assert {error.problem for error in errors} == {
            "whoever carried the transaction was stopped by KeyboardInterrupt"
        }
        assert trial.part() == ()

    def test_outcomes_that_do_not_match_the_events_are_a_fault(self):
        trial, batch = Trial(), tickets(2)
        trial.begin(batch)

        with pytest.raises(ValueError, match="shorter"), trial.guarded():
            trial.succeeded([an_outcome("e0")])
        assert [told(batch[0]), type(told(batch[1]))] == ["e0", OutcomeUnknown]
