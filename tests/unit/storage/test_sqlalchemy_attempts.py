"""Attempts: what is tried again, what is told at once, and that nothing is left of what did not go through."""

from __future__ import annotations

import sqlite3
from threading import Barrier, Thread

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import IntegrityError

from referral_engine import changes as c
from referral_engine.errors import Conflict, OutcomeUnknown, StoreError
from referral_engine.facts import Wanted
from referral_engine.ports import ATTEMPTS_MAX
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing.conformance.samples import (
    PROGRAM,
    Desk,
    a_code,
    a_grant,
    a_member,
    a_referral,
    an_event,
    joining,
    saying,
    wanting,
)
from tests.databases import driver_url

SPRING = frozenset({("spring", "points")})


@pytest.fixture
def store(database_url):
    with SQLAlchemyStore(database_url) as made:
        made.create_schema()
        yield made


@pytest.fixture
def served(served_url):
    with SQLAlchemyStore(served_url) as made:
        made.create_schema()
        yield made


def together(*calls):
    """Run the calls in threads that begin at once, and answer what each returned or raised."""
    answers, meet = [None] * len(calls), Barrier(len(calls))

    def run(place, call):
        meet.wait()
        try:
            answers[place] = call()
        except Exception as exc:  # noqa: BLE001 - it is the answer
            answers[place] = exc

    threads = [Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def taking(store, amount, total=100):
    """Spend `amount`, or what is left of the budget."""

    def decide(facts):
        spend = facts.spends.get(("spring", "points"))
        taken = min(amount, total - (0 if spend is None else spend.spent))
        changes = (c.AdjustSpend("spring", "points", taken, 0, 0, total - taken),) if taken else ()
        return c.Decision(taken, changes)

    return store.apply(Wanted(PROGRAM, spends=SPRING), decide).result


def test_a_budget_is_drained_to_the_last_point_and_no_further(store):
    taken = together(*[lambda: sum(taking(store, 7) for _ in range(5))] * 6)
    spend = Desk(store).read(spends=SPRING).spends["spring", "points"]
    assert (sum(taken), spend.spent) == (100, 100)


def test_a_code_is_used_as_often_as_it_may(store):
    Desk(store).write(c.AddCode(a_code("C1", max_uses=10), invite=False))

    def use():
        used = 0
        for _ in range(4):
            decision = store.apply(
                Wanted(PROGRAM, codes=frozenset({"C1"})),
                lambda facts: c.Decision(
                    facts.codes["C1"].uses < 10, (c.UseCode("C1", 1),) if facts.codes["C1"].uses < 10 else ()
                ),
            )
            used += decision.result
        return used

    assert sum(together(*[use] * 5)) == 10
    assert Desk(store).read(codes=["C1"]).codes["C1"].uses == 10


def test_one_event_id_is_kept_once(store):
    """Two members' events of one id race: the loser is shown the winner's."""
    Desk(store).join("alice", "bob")

    def record(member):
        def decide(facts):
            if "e1" in facts.events:
                return c.Decision(facts.events["e1"].member)
            return c.Decision(member, (c.AddEvent(an_event("e1", member), 0), saying("recorded")), 2)

        return store.apply(Wanted(PROGRAM, actors=frozenset({member}), events=frozenset({"e1"})), decide).result

    answers = together(*[lambda member=member: record(member) for member in ("alice", "bob") * 4])
    assert (len(set(answers)), Desk(store).said()) == (1, ["recorded"])


def test_strangers_arrive_once(store):
    """Whoever arrives in several decisions at once is new to one of them."""
    names = [f"m{n}" for n in range(20)]

    def arrive():
        def decide(facts):
            new = [name for name in names if name not in facts.members]
            return c.Decision(len(new), tuple(joining(*new)))

        return store.apply(wanting(PROGRAM, joining(*names)), decide).result

    assert sorted(together(*[arrive] * 5)) == [0, 0, 0, 0, 20]


def test_a_decision_is_tried_so_often_and_no_more(store):
    Desk(store).write(c.AddEvent(an_event("e1"), 0))
    calls = []

    def decide(_):
        calls.append(1)
        return c.Decision(None, (c.AddEvent(an_event("e1"), 0),), 1)

    with pytest.raises(Conflict) as caught:
        store.apply(Wanted(PROGRAM), decide)
    assert (len(calls), caught.value.host_must_retry) == (ATTEMPTS_MAX, False)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("error", [OverflowError("mine"), IntegrityError("mine", {}, Exception()), StoreError("mine")])
def test_what_decide_raises_is_not_taken_for_the_drivers(store, error):
    """Also an error of a kind that the border to the driver translates passes through."""

    def decide(_):
        raise error

    with pytest.raises(type(error)) as caught:
        store.apply(wanting(PROGRAM, joining("alice")), decide)
    assert caught.value is error


def test_a_change_of_an_unknown_kind_fails_loudly(store):
    class Novelty:
        pass

    with pytest.raises(AssertionError):
        store.apply(Wanted(PROGRAM), lambda _: c.Decision(None, (*joining(), Novelty())))


def test_a_total_cannot_pass_64_bits(store):
    """What a column cannot hold is refused by the database and never kept as something else."""
    spend = c.AdjustSpend("spring", "points", 2**63 - 1, 0)
    Desk(store).write(spend)
    with pytest.raises((Conflict, StoreError)):
        Desk(store).write(spend)
    assert Desk(store).read(spends=SPRING).spends["spring", "points"].spent == 2**63 - 1


def test_a_commit_that_is_refused_leaves_nothing(tmp_path):
    """A reader of a file without WAL holds up the commit; the transaction must not live on in the pool."""
    engine = create_engine(f"sqlite:///{tmp_path}/a.db", connect_args={"timeout": 0.01})
    store = SQLAlchemyStore(engine)
    store.create_schema()
    with engine.connect() as reader:
        reader.exec_driver_sql("BEGIN")
        reader.execute(text("SELECT * FROM referral_members")).all()
        with pytest.raises(Conflict, match="locked"):
            Desk(store).join("alice")
    assert dict(Desk(store).read(members=["alice"]).members) == {}
    Desk(store).join("alice")
    assert {"alice"} == Desk(store).read(members=["alice"]).members.keys()
    engine.dispose()


class Unsure(sqlite3.Connection):
    """Its first commit of a member is carried out and then fails, as where the file could not be flushed."""

    failed = False

    def commit(self):
        found = self.execute("SELECT 1 FROM sqlite_master WHERE name = 'referral_members'").fetchall()
        written = found and self.execute("SELECT 1 FROM referral_members").fetchall()
        super().commit()
        if written and not Unsure.failed:
            Unsure.failed = True
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error


def test_a_commit_that_an_io_error_ended_is_of_unknown_outcome(tmp_path):
    """SQLite may find a transaction again that it said it could not flush; the store goes on with a new connection."""
    engine = create_engine(f"sqlite:///{tmp_path}/a.db", connect_args={"factory": Unsure})
    store = SQLAlchemyStore(engine)
    store.create_schema()
    with pytest.raises(OutcomeUnknown, match="disk I/O error"):
        Desk(store).join("alice")
    assert {"alice"} == Desk(store).read(members=["alice"]).members.keys()
    Desk(store).join("bob")
    engine.dispose()


def backends(url):
    """End every other connection to the database."""
    engine = create_engine(driver_url(url))
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            connection.execute(text(f"{others} AND pid <> pg_backend_pid()")).all()
        else:
            others = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            for (session,) in connection.execute(text(others)).all():
                connection.execute(text(f"KILL {session}"))
    engine.dispose()


def test_a_connection_that_breaks_before_the_commit_is_replaced(served, served_url):
    calls = []

    def decide(_):
        calls.append(1)
        if len(calls) == 1:
            backends(served_url)
        return c.Decision("done", (*joining("alice"),))

    assert served.apply(wanting(PROGRAM, joining("alice")), decide).result == "done"
    assert len(calls) == 2


def test_connections_that_broke_while_they_were_idle_are_replaced(served, served_url):
    Desk(served).join("alice")
    backends(served_url)
    assert {"alice"} == Desk(served).read(members=["alice"]).members.keys()
    backends(served_url)
    Desk(served).join("bob")


def test_all_idle_connections_that_broke_are_replaced_at_once(served, served_url):
    """A server that began anew costs one attempt, and not one for each connection that the pool kept."""
    engine = create_engine(driver_url(served_url), pool_size=ATTEMPTS_MAX + 2)
    for connection in [engine.connect() for _ in range(ATTEMPTS_MAX + 2)]:
        connection.close()
    backends(served_url)
    with SQLAlchemyStore(engine) as store:
        Desk(store).join("alice")
    engine.dispose()
    assert {"alice"} == Desk(served).read(members=["alice"]).members.keys()


def test_a_commit_without_an_answer_is_of_unknown_outcome(served, served_url):
    """The connection breaks while the commit is under way; sending the same again is safe."""
    decision = Desk(served).decision(*joining("alice"), c.AddEvent(an_event("e1"), 0))
    engine = served._engine
    event.listen(engine, "commit", lambda _: backends(served_url), once=True)
    with pytest.raises(OutcomeUnknown):
        served.apply(wanting(PROGRAM, decision.changes), lambda _: decision)
    served.apply(wanting(PROGRAM, decision.changes), lambda _: decision)
    assert {"e1"} == Desk(served).read(events=["e1"]).events.keys()


def test_a_bound_store_tells_that_the_hosts_connection_broke(served, served_url):
    with served._engine.connect() as connection:
        bound = Desk(served.bind(connection))
        bound.join("alice")
        backends(served_url)
        with pytest.raises(StoreError, match="lost"):
            bound.join("bob")


def test_who_is_concerned_is_asked_again_under_the_lock(served, monkeypatch):
    """A referrer who was not there yet when it was found out who is to be locked is locked by the next attempt."""
    desk = Desk(served)
    desk.join("alice", "bob")
    desk.write(c.AddReferral(a_referral("bob", "alice"), 0))
    claim = served._operations._locking._claim
    claimed, shown = [], []

    class Late:
        def members(self, connection, program, named, led, arriving):
            seen = led if claimed else {**led, "referrers": frozenset()}
            claimed.append(set(named))
            return claim.members(connection, program, named, seen, arriving)

    monkeypatch.setattr(served._operations._locking, "_claim", Late())

    def decide(facts):
        shown.append(set(facts.members))
        return c.Decision(None, (c.PutMember(a_member("bob", referrer="alice", root="alice", depth=1), fresh=False),))

    served.apply(Wanted(PROGRAM, actors=frozenset({"bob"})), decide)
    assert claimed == [{"bob"}, {"alice", "bob"}]
    assert shown == [{"alice", "bob"}]


def test_no_member_is_left_that_was_made_to_be_locked(served):
    """Stubs are gone when nothing is decided, when another is put, and when decide raises."""
    wanted = wanting(PROGRAM, joining("alice", "bob"))
    served.apply(wanted, lambda _: c.Decision(None))
    served.apply(wanted, lambda _: c.Decision(None, (c.PutMember(a_member("bob"), fresh=True),)))
    with pytest.raises(ZeroDivisionError):
        served.apply(wanted, lambda _: 1 / 0)
    with served._engine.connect() as connection:
        assert connection.execute(text("SELECT member, joined_at IS NULL FROM referral_members")).all() == [
            ("bob", False)
        ]


def test_batches_that_name_the_same_members_differently_do_not_deadlock(served):
    """Members, codes and spends are locked in one order, however a decision lists them."""
    names = [f"m{n}" for n in range(12)]
    codes = [f"C{n}" for n in range(4)]
    Desk(served).write(*joining(*names), *(c.AddCode(a_code(code), invite=False) for code in codes))

    def write(turn):
        mine, mine_too = names[:: -1 if turn % 2 else 1], codes[:: -1 if turn % 2 else 1]
        changes = [
            *(c.AdjustTally(name, "visit", 1, 0) for name in mine),
            *(c.UseCode(code, 1) for code in mine_too),
            *(c.AdjustSpend(code, "points", 1, 0) for code in mine_too),
            c.AddGrant(a_grant(f"g{turn}")),
        ]
        calls = []
        wanted = wanting(PROGRAM, changes)
        served.apply(wanted, lambda _: calls.append(1) or c.Decision(None, tuple(changes)))
        return len(calls)

    assert together(*[lambda turn=turn: write(turn) for turn in range(8)]) == [1] * 8
    facts = Desk(served).read(members=names, tally_types=["visit"], codes=codes)
    assert {tally.count for tally in facts.tallies.values()} == {8}
    assert {code.uses for code in facts.codes.values()} == {8}
