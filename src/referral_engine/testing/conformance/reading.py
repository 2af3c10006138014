"""Reading: facts are what was written, all that was wanted and nothing of other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from referral_engine import changes as c
from referral_engine.facts import Facts, Footprint, ScoreKey, Tally, Wanted
from referral_engine.ledger.balance import Balance
from referral_engine.ledger.budget import Spend
from referral_engine.ledger.grant import Grant, Reversal
from referral_engine.outcomes import Outcome, Reason, Verdict
from referral_engine.testing.conformance.samples import (
    PROGRAM,
    REVISION,
    START,
    Desk,
    a_code,
    a_grant,
    a_limit,
    a_member,
    a_payout,
    a_referral,
    a_revision,
    a_transfer,
    an_event,
    joining,
    keeping,
    owning,
)
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from referral_engine.ports import BlockingStore

_MOMENT = timedelta(microseconds=1)
_WITHIN_A_DAY = START + timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)
_GRANT = Grant("g1", "gift", "referrer", "alice", "cash", "usd", 9, 10, _WITHIN_A_DAY, "delivery")


def _rich_event() -> c.AddEvent:
    """An event that says all that an event can say."""
    outcome = Outcome(
        "buy-1",
        "accepted",
        a_referral("bob", "alice", campaign="spring", code="C1"),
        (_GRANT,),
        (Reversal("g0", "bob", "points", 7, from_held=3, debt=2, waived=1),),
        (Reason("limited", "gift", FrozenDict(per="referrer", max=3, asked=None)),),
        REVISION,
        (replace(_GRANT, id="g2", held_until=None), _GRANT),
    )
    verdicts = (
        Verdict("gift", "matched", because=("in words, also 中文",)),
        Verdict("small", "not_met", "where.all[1]", "event.amount", 12),
        Verdict("flag", "not_met", "where", "event.attributes.vip", found=False),
        Verdict("lost", "not_met", "where", "event.attributes.x", None),
        Verdict("closed", "skipped", code="budget_exhausted"),
    )
    footprint = Footprint(
        ((a_limit("bob"), 1), (a_limit("alice", unit="points"), 40)),
        ((ScoreKey("inviters", "2026-03", "alice"), 1),),
        "C1",
    )
    attributes = FrozenDict[Any](
        text="中文 'quoted' \"too\" \\ % ? :x", number=-(2**63) + 1, yes=True, no=False, none=None, many=("a", 1, None)
    )
    event = an_event(
        "buy-1",
        "bob",
        at=_WITHIN_A_DAY,
        recorded_at=START,
        amount=10**15,
        attributes=attributes,
        outcome=outcome,
        verdicts=verdicts,
        footprint=footprint,
    )
    return c.AddEvent(event, 0)


class Reading:
    """What `read`, and the facts that `decide` is shown, promise."""

    def test_nothing_is_shown_that_is_not_recorded(self, store: BlockingStore) -> None:
        """What is not recorded is in no mapping."""
        facts = Desk(store).read(
            actors=["alice"],
            members=["bob"],
            codes=["C1"],
            own_codes=[("alice", None)],
            events=["buy-1"],
            origins=["buy-2"],
            grants=["g1"],
            transfers=["t1"],
            tally_types=["purchase"],
            payouts=["p1"],
            units=["points"],
            lot_units=["points"],
            limit_rules=["gift"],
            limit_periods=["2026-03"],
            spends=[("spring", "points")],
            revision=True,
        )
        assert all(not getattr(facts, name) for name in Facts.__slots__)

    def test_an_event_is_kept_to_the_last_detail(self, store: BlockingStore) -> None:
        """The receipt of an event, its trace, its footprint, its attributes and its times come back equal."""
        desk = Desk(store)
        add = _rich_event()
        desk.write(*joining("alice", "bob"), add, c.AddEvent(an_event("buy-2", "bob", amount=None, counted=False), 0))
        events = desk.read(events=["buy-1", "buy-2"]).events
        assert add.event == events["buy-1"]
        assert an_event("buy-2", "bob", amount=None, counted=False) == events["buy-2"]
        shown = events["buy-1"].attributes
        assert [type(shown[name]) for name in ("yes", "no", "number")] == [bool, bool, int]

    def test_members_referrals_and_codes_are_kept_to_the_last_detail(self, store: BlockingStore) -> None:
        """Every field of a member, a referral and a code comes back equal."""
        desk = Desk(store)
        alice = a_member("alice", roles=frozenset({"seed"}), tags=frozenset({"a", "B"}), referrals_total=3)
        bob = a_member("bob", referrer="alice", root="alice", depth=1, joined_at=_WITHIN_A_DAY)
        referral = a_referral("bob", "alice", channel="mail", campaign="spring", code="C1", link="l", qualified_at=None)
        limited = a_code("C1", "alice", campaign="spring", max_uses=3, starts_at=START, expires_at=_WITHIN_A_DAY)
        lot = a_code("C2", uses=2, lot="lot-1", state="disabled", max_uses=0 + 2)
        desk.write(
            *(c.PutMember(one, fresh=True) for one in (alice, bob)),
            c.AddReferral(referral, 0),
            c.AddCode(limited, invite=True),
            c.AddCode(lot, invite=False),
        )
        facts = desk.read(members=["alice", "bob"], codes=["C1", "C2"])
        assert {"alice": alice, "bob": bob} == facts.members
        assert {"bob": referral} == facts.referrals
        assert {"C1": limited, "C2": lot} == facts.codes

    def test_changes_set_and_add(self, store: BlockingStore) -> None:
        """Put and Update set what they name; Adjust adds, each figure by its own sign."""
        desk = Desk(store)
        desk.write(
            *joining("alice", "bob"),
            c.AddReferral(a_referral("bob", "alice"), 0),
            c.AddCode(a_code("C1", max_uses=9), invite=False),
            c.AddEvent(an_event("buy-1"), 0),
            c.PutRefunded("buy-1", 30, fresh=True),
            c.AdjustTally("alice", "purchase", 1, 100),
            c.AdjustBalance("alice", "points", Balance(available=5, held=7), fresh=True),
            c.AddGrant(a_grant("g1", hold=timedelta(days=1))),
            c.AdjustLimit(a_limit(), 5),
            c.AdjustSpend("spring", "points", 5, 7),
        )
        desk.write(
            c.PutMember(a_member("alice", tags=frozenset({"gold"}), referrals_total=1), fresh=False),
            c.UpdateReferral(a_referral("bob", "alice", state="reversed")),
            c.UseCode("C1", 4),
            c.PutRefunded("buy-1", 70, fresh=False),
            c.AdjustTally("alice", "purchase", 2, 11),
            c.AdjustBalance("alice", "points", Balance(available=7, held=-7, lifetime=7, debt=1), fresh=False),
            c.UpdateGrant(a_grant("g1", hold=timedelta(days=1), state="posted", reversed=4, waived=3, slot="l1")),
            c.AdjustLimit(a_limit(), -2),
            c.AdjustSpend("spring", "points", 7, -7),
        )
        desk.write(c.UseCode("C1", 1), c.DisableCode("C1"))
        facts = desk.read(
            members=["alice", "bob"],
            codes=["C1"],
            origins=["buy-1"],
            tally_types=["purchase"],
            units=["points"],
            limit_rules=["gift"],
            limit_periods=["2026-03"],
            spends=[("spring", "points")],
        )
        assert a_member("alice", tags=frozenset({"gold"}), referrals_total=1) == facts.members["alice"]
        assert a_referral("bob", "alice", state="reversed") == facts.referrals["bob"]
        assert a_code("C1", max_uses=9, uses=5, state="disabled") == facts.codes["C1"]
        assert ({"buy-1": 70}, {("alice", "purchase"): Tally(3, 111)}) == (facts.refunded, facts.tallies)
        assert {("alice", "points"): Balance(available=12, lifetime=7, debt=1)} == facts.balances
        posted = a_grant("g1", hold=timedelta(days=1), state="posted", reversed=4, waived=3, slot="l1")
        assert posted == facts.grants["g1"]
        assert ({a_limit(): 3}, {("spring", "points"): Spend(12, 0)}) == (facts.limits, facts.spends)

    def test_the_members_concerned_are_resolved(self, store: BlockingStore) -> None:
        """Referrers of actors, owners of codes, members of origins, grants and payouts are concerned, with facts."""
        desk = Desk(store)
        names = ["alice", "bob", "carol", "dave", "erin", "frank"]
        desk.write(
            *joining(*names),
            *(
                c.AdjustBalance(one, "points", Balance(available=place + 1), fresh=True)
                for place, one in enumerate(names)
            ),
            c.AddReferral(a_referral("bob", "alice"), 0),
            c.AddCode(a_code("C1", "carol"), invite=True),
            c.AddEvent(an_event("buy-1", "dave"), 0),
            c.AddGrant(a_grant("g1", "erin", "buy-1")),
            c.AddGrant(a_grant("g2", "frank", "buy-2")),
            c.AddPayout(a_payout("p1", "alice"), 0),
        )
        ways: list[tuple[dict[str, list[Any]], set[str]]] = [
            ({"members": ["bob"]}, {"bob"}),
            ({"actors": ["bob"]}, {"alice", "bob"}),
            ({"codes": ["C1"]}, {"carol"}),
            ({"origins": ["buy-1"]}, {"dave", "erin"}),
            ({"events": ["buy-1"]}, set()),
            ({"grants": ["g2"]}, {"frank"}),
            ({"payouts": ["p1"]}, {"alice"}),
        ]
        for wanted, concerned in ways:
            facts = desk.read(**wanted, units=["points"])
            assert (concerned, {(one, "points") for one in concerned}) == (set(facts.members), set(facts.balances))
        assert {key: one.grant.member for key, one in desk.read(origins=["buy-1"]).grants.items()} == {"g1": "erin"}

    def test_an_owners_code_is_found(self, store: BlockingStore) -> None:
        """`own_codes` names the invite code of an owner for a campaign, or for every campaign, and shows it."""
        desk = Desk(store)
        every, spring = a_code("C1", "alice"), a_code("C2", "alice", campaign="spring")
        desk.write(*joining("alice"), c.AddCode(every, invite=True), c.AddCode(spring, invite=True))
        desk.write(c.AddCode(a_code("C3", "alice", campaign="autumn"), invite=False))
        wanted = [("alice", None), ("alice", "spring"), ("alice", "autumn"), ("bob", None)]
        facts = desk.read(own_codes=wanted)
        assert facts.own_codes == {("alice", None): "C1", ("alice", "spring"): "C2"}
        assert {"C1": every, "C2": spring} == facts.codes

    def test_read_writes_nothing(self, store: BlockingStore) -> None:
        """Reading about people who would arrive makes none of them, and appends nothing."""
        desk = Desk(store)
        for _ in range(2):
            facts = desk.read(members=["alice"], arriving=["alice"], actors=["alice"], units=["points"])
            assert (facts.members, facts.balances, desk.said()) == ({}, {}, [])
        desk.join("alice")

    def test_decide_sees_what_read_shows(self, store: BlockingStore) -> None:
        """The facts that a decision is made on include everything that reading them shows."""
        desk = Desk(store)
        desk.write(
            *joining("alice", "bob", "carol"),
            c.AddReferral(a_referral("bob", "alice"), 0),
            _rich_event(),
            c.AddGrant(a_grant("g1", "alice", "buy-1")),
            c.AdjustBalance("alice", "points", Balance(available=5, expiring=3), fresh=True),
            keeping("l1", 3, days=9),
            c.AddPayout(a_payout("p1", "carol"), 0),
            owning("carol", available=1, expiring=1),
            keeping("l1", 1, days=9, member="carol"),
            c.AddTransfer(a_transfer("t1"), 0),
            c.AddRevision(a_revision(1)),
            c.AdjustLimit(a_limit("bob"), 2),
            c.AdjustSpend("spring", "points", 1, 2),
            c.AdjustTally("bob", "purchase", 1, 5),
        )
        wanted = Wanted(
            PROGRAM,
            actors=frozenset({"bob"}),
            origins=frozenset({"buy-1"}),
            tally_types=frozenset({"purchase"}),
            transfers=frozenset({"t1"}),
            payouts=frozenset({"p1"}),
            units=frozenset({"points"}),
            lot_units=frozenset({"points"}),
            limit_rules=frozenset({"gift"}),
            limit_periods=frozenset({"2026-03"}),
            spends=frozenset({("spring", "points")}),
            revision=True,
        )
        shown = store.read(wanted)
        missing: list[str] = []

        def decide(facts: Facts) -> c.Decision[None]:
            for name in Facts.__slots__:
                seen, expected = getattr(facts, name), getattr(shown, name)
                if isinstance(expected, Mapping):
                    missing.extend(f"{name}[{key}]" for key in expected if seen.get(key) != expected[key])
                elif seen != expected:
                    missing.append(name)
            return c.Decision(None)

        store.apply(wanted, decide)
        assert missing == []
        assert {"alice", "bob", "carol"} == shown.members.keys()
        assert (len(shown.lots), len(shown.payouts), shown.revision) == (2, 1, a_revision(1))
