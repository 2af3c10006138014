"""Writing: a decision is written whole or not at all, and each change keeps its precondition."""

from __future__ import annotations

import pytest

from referral_engine import changes as c
from referral_engine.errors import Conflict
from referral_engine.facts import Facts, ScoreKey, Wanted
from referral_engine.ledger.balance import Balance
from referral_engine.ports import ATTEMPTS_MAX, BlockingStore
from referral_engine.testing.conformance.edges import ALLOWED, REFUSED, spending
from referral_engine.testing.conformance.samples import (
    PROGRAM,
    Desk,
    a_grant,
    a_limit,
    a_member,
    a_revision,
    a_transfer,
    an_event,
    joining,
    noting,
    raising,
    saying,
    wanting,
)

BATCH = 1_000


class Writing:
    """What `Store.apply` promises about one decision."""

    def test_the_decision_is_answered(self, store: BlockingStore) -> None:
        """`apply` answers the very decision that was written."""
        decision = c.Decision("said", (c.PutMember(a_member("alice"), fresh=True),))
        assert decision == store.apply(wanting(PROGRAM, decision.changes), lambda _: decision)

    def test_a_decision_without_changes_is_fine(self, store: BlockingStore) -> None:
        """A decision may come to nothing."""
        assert store.apply(Wanted(PROGRAM), lambda _: c.Decision(7)).result == 7  # noqa: PLR2004

    def test_a_decide_that_raises_writes_nothing(self, store: BlockingStore) -> None:
        """What `decide` raises passes through as it is, and the members made for it are gone."""
        desk = Desk(store)
        raised = LookupError("from decide")

        def decide(_: Facts) -> c.Decision[None]:
            raise raised

        with pytest.raises(LookupError) as caught:
            store.apply(wanting(PROGRAM, joining("alice")), decide)
        assert caught.value is raised
        assert dict(desk.read(members=["alice"]).members) == {}
        desk.join("alice")

    def test_a_member_made_for_nothing_is_gone(self, store: BlockingStore) -> None:
        """An arriving member that the decision does not put leaves no trace, and is unknown to the decision."""
        desk = Desk(store)
        wanted = wanting(PROGRAM, joining("alice", "bob"))
        seen: list[frozenset[str]] = []

        def decide(facts: Facts) -> c.Decision[None]:
            seen.append(frozenset(facts.members) & wanted.members)
            return c.Decision(None, (c.PutMember(a_member("bob"), fresh=True),))

        store.apply(wanted, decide)
        assert seen[-1] == frozenset()
        assert {"bob"} == desk.read(members=["alice", "bob"]).members.keys()
        store.apply(wanted, lambda _: c.Decision(None, (c.PutMember(a_member("alice"), fresh=True),)))
        assert {"alice", "bob"} == desk.read(members=["alice", "bob"]).members.keys()

    @pytest.mark.parametrize("case", sorted(REFUSED))
    def test_a_failed_precondition_writes_nothing(self, store: BlockingStore, case: str) -> None:
        """A change whose precondition does not hold takes the whole decision with it.

        `decide` is called at most ATTEMPTS_MAX times; then Conflict is raised, and neither what stands before the
        change in the decision nor what stands behind it was written.
        """
        before, change = REFUSED[case]
        desk = Desk(store)
        desk.join("alice", "bob", "carol")
        for step in before:
            desk.write(step)
        beside = (
            c.PutMember(a_member("dave"), fresh=True),
            c.AdjustTally("alice", "visit", 1, 1),
            saying("written"),
            noting("written"),
        )
        decision = desk.decision(change, *beside)
        calls: list[int] = []

        def decide(_: Facts) -> c.Decision[None]:
            calls.append(1)
            return decision

        with pytest.raises(Conflict):
            store.apply(wanting(PROGRAM, decision.changes), decide)
        assert 1 <= len(calls) <= ATTEMPTS_MAX
        facts = desk.read(members=["alice", "dave"], tally_types=["visit"])
        assert ("dave" in facts.members, dict(facts.tallies), desk.said()) == (False, {}, [])
        assert store.audit_log(PROGRAM, None, 9) == []

    @pytest.mark.parametrize("case", sorted(ALLOWED))
    def test_a_precondition_holds_to_the_edge(self, store: BlockingStore, case: str) -> None:
        """A change that just keeps its precondition is carried out."""
        before, change = ALLOWED[case]
        desk = Desk(store)
        desk.join("alice", "bob")
        for step in before:
            desk.write(step)
        desk.write(change, saying("written"))
        assert desk.said() == ["written"]

    def test_a_decision_is_made_again_until_it_fits(self, store: BlockingStore) -> None:
        """Of two who publish the same number the second starts again; what fits then is written, and written once."""
        desk = Desk(store)
        desk.write(c.AddRevision(a_revision(1)), noting("published 1"))
        numbers: list[int] = []

        def decide(facts: Facts) -> c.Decision[None]:
            number = 1 if not numbers or facts.revision is None else facts.revision.number + 1
            numbers.append(number)
            return desk.decision(c.AddRevision(a_revision(number)), noting(f"published {number}"), saying("said"))

        store.apply(Wanted(PROGRAM, revision=True), decide)
        assert (numbers[0], numbers[-1]) == (1, 2)
        assert desk.read(revision=True).revision == a_revision(2)
        assert [one.action for one in store.audit_log(PROGRAM, None, 9)] == ["published 1", "published 2"]
        assert desk.said() == ["said"]

    def test_a_conflict_leaves_the_store_usable(self, store: BlockingStore) -> None:
        """After a Conflict the same records can be written by a decision that fits."""
        desk = Desk(store)
        desk.join("alice")
        with pytest.raises(Conflict):
            desk.write(spending(101), c.AddEvent(an_event("buy-1"), 0))
        desk.write(spending(100), c.AddEvent(an_event("buy-1"), 0))
        spend = desk.read(spends=[("spring", "points")]).spends["spring", "points"]
        assert (spend.spent, spend.held) == (100, 0)

    def test_a_thousand_events_in_one_decision(self, store: BlockingStore) -> None:
        """A decision of BATCH_MAX events, each with a member, a tally, a grant and a score, is written whole."""
        desk = Desk(store)
        names = [f"m{n:04}" for n in range(BATCH)]
        changes: list[c.Change] = joining(*names)
        for place, name in enumerate(names):
            changes += [
                c.AddEvent(an_event(f"buy-{place}", name), 0),
                c.AdjustTally(name, "purchase", 1, place),
                c.AdjustBalance(name, "points", Balance(available=10, lifetime=10), fresh=True),
                c.AddGrant(a_grant(f"g{place}", name, f"buy-{place}")),
                c.AddTransfer(a_transfer(f"t{place}", name), 0),
                raising(name, 1 + place % 10),
                saying(f"said-{place}"),
            ]
        desk.write(*changes)
        facts = desk.read(members=names, events=[f"buy-{n}" for n in range(BATCH)], tally_types=["purchase"])
        assert (set(names), BATCH) == (set(facts.members), len(facts.events))
        assert list(range(BATCH)) == [facts.tallies[name, "purchase"].sum for name in names]
        assert store.count(PROGRAM, "inviters", "2026-03") == BATCH
        assert [f"said-{n}" for n in range(BATCH)] == desk.said()

    def test_one_change_may_touch_many_records_of_a_member(self, store: BlockingStore) -> None:
        """Figures of one member under different keys are kept apart, however much the keys look alike."""
        desk = Desk(store)
        keys = [a_limit(rule=rule, period=period) for rule in ("gift", "gift2") for period in ("2026-03", "2026-0")]
        desk.write(
            *joining("alice"),
            *(c.AdjustLimit(key, place + 1) for place, key in enumerate(keys)),
            c.AdjustTally("alice", "visit", 1, 10),
            c.AdjustTally("alice", "visit2", 2, 20),
            c.AdjustScore(ScoreKey("inviters", "2026-03", "alice"), 1, 0),
            c.AdjustScore(ScoreKey("inviters", "lifetime", "alice"), 2, 0),
        )
        facts = desk.read(
            members=["alice"],
            tally_types=["visit", "visit2"],
            limit_rules=["gift", "gift2"],
            limit_periods=["2026-03", "2026-0"],
        )
        assert dict(facts.limits) == {key: place + 1 for place, key in enumerate(keys)}
        assert {key: one.sum for key, one in facts.tallies.items()} == {("alice", "visit"): 10, ("alice", "visit2"): 20}
        assert [desk.standings(period=period)[0].score for period in ("2026-03", "lifetime")] == [1, 2]
