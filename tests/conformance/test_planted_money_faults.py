"""The suite is worth something for money too: each fault makes the tests fail that should find it."""

from __future__ import annotations

import pytest

from referral_engine.storage import MemoryStore
from tests.conformance import planted_drift_faults as drifting
from tests.conformance import planted_money_faults as planted
from tests.conformance.planted_faults import StaleBudget
from tests.conformance.rewritten import Unlocked, nothing, rewriting, unguarded
from tests.conformance.trying import fails, finds

REFUSED = "a_failed_precondition_writes_nothing"
ALLOWED = "a_precondition_holds_to_the_edge"
DRIFTS = "what_does_not_add_up_is_named"
HISTORIES = "random_histories_agree_with_the_model"

FAULTS = {
    "no check that a lot stays above 0": (
        unguarded(planted.c.AdjustLot),
        [f"{REFUSED}[a lot would fall below 0]", f"{REFUSED}[a new lot would be below 0]"],
    ),
    "no check of what a balance has in lots": (
        type("Unchecked", (planted.Rewritten,), {"checks": {planted.c.AdjustBalance: planted.forgets_expiring}}),
        [
            f"{REFUSED}[more would expire than is available]",
            f"{REFUSED}[more would expire than is available of a new balance]",
            f"{REFUSED}[paying would fall below 0]",
            f"{REFUSED}[expiring would fall below 0]",
        ],
    ),
    "a lot that is set instead of added to": (
        rewriting(AdjustLot=planted.sets_lot),
        ["a_lot_adds_up", "a_story_of_money_comes_out_exact", HISTORIES],
    ),
    "a lot that is lost": (
        rewriting(AdjustLot=nothing),
        ["a_lot_adds_up", f"{DRIFTS}[a lot beside the balance]", "a_story_of_money_comes_out_exact", HISTORIES],
    ),
    "a lot that is shortened": (
        rewriting(AdjustLot=planted.shortens_lot),
        [f"a_lot_is_never_shortened[{by}]" for by in (2, 0, -2)],
    ),
    "a lot that never lives longer": (
        rewriting(AdjustLot=planted.never_lengthens_lot),
        [f"a_lot_is_never_shortened[{by}]" for by in (2, 0, -2)],
    ),
    "a lot that lives longer only by being filled": (
        rewriting(AdjustLot=planted.lengthens_only_filled_lots),
        [f"a_lot_is_never_shortened[{by}]" for by in (0, -2)],
    ),
    "a spent lot that is forgotten": (
        rewriting(AdjustLot=planted.forgets_spent_lots),
        ["a_spent_lot_lives_on_when_it_is_filled_again"],
    ),
    "spent lots that are shown": (planted.ShowsSpentLots, ["only_lots_with_something_left_are_shown", HISTORIES]),
    "lots of every unit": (planted.ShowsAllLots, ["only_lots_with_something_left_are_shown"]),
    "lots that a decision does not see": (planted.HidesLots, ["a_decision_sees_the_lots_it_wants", HISTORIES]),
    "no lock": (Unlocked, ["race_to_settle_a_payout"]),
    "no guard on the budget, and facts that are stale": (StaleBudget, ["race_to_the_alarms_of_a_budget"]),
    "lots that are read before and written unchecked": (
        planted.StaleLots,
        ["race_to_spend_lots", "race_of_transfers_both_ways"],
    ),
    "due lots in the order of ids": (planted.DueById, ["lots_are_due_by_time"]),
    "due lots without a limit": (planted.DueEndless, ["lots_are_due_by_time"]),
    "due lots one by one": (planted.DueLots, ["lots_are_due_by_time"]),
    "lots that are due a moment too late": (
        planted.DueLate,
        ["lots_are_due_by_time", "a_story_of_money_comes_out_exact"],
    ),
    "spent lots that are due": (planted.DueSpent, ["a_spent_lot_is_not_due"]),
    "what is owed in any unit": (planted.OwesInAnyUnit, ["the_liability_adds_up_everybody", HISTORIES]),
    "what is owed lot by lot": (planted.OwesLotByLot, ["the_liability_adds_up_everybody"]),
    "payouts that are not owed": (planted.OwesWithoutPaying, ["the_liability_adds_up_everybody", HISTORIES]),
    "no check that a payout's id is free": (
        unguarded(planted.c.AddPayout),
        [f"{REFUSED}[a payout's id is taken]"],
    ),
    "a decision on a payout that makes it": (
        type(
            "Putting",
            (planted.Rewritten,),
            {
                "checks": {planted.c.UpdatePayout: None},
                "writers": {planted.c.UpdatePayout: planted.puts_any_payout},
            },
        ),
        [f"{REFUSED}[a payout to update is not kept]"],
    ),
    "a decision on a payout that is lost": (
        rewriting(UpdatePayout=nothing),
        ["a_payout_is_decided", "race_to_settle_a_payout", HISTORIES],
    ),
    "a decided payout without time and actor": (
        rewriting(UpdatePayout=planted.loses_decision),
        ["a_payout_is_decided"],
    ),
    "a decided payout that goes to the end": (
        rewriting(UpdatePayout=planted.moves_decided_payouts),
        ["a_payout_is_decided", "payouts_are_paged"],
    ),
    "payouts that do not lead to their members": (
        planted.ForgetsPayees,
        ["a_payout_leads_to_its_member", "the_members_concerned_are_resolved"],
    ),
    "payouts of any state": (planted.PayoutsOfAnyState, ["payouts_are_paged", HISTORIES]),
    "payouts in the order of ids": (planted.PayoutsById, ["payouts_are_paged", HISTORIES]),
    "no lower bound on what was given": (
        planted.NoLowerBound,
        [f"{REFUSED}[less was given than the lower bound]"],
    ),
    "no upper bound on what was given": (
        planted.NoUpperBound,
        [f"{REFUSED}[more was given than the upper bound]", f"{REFUSED}[a budget would be passed by spending]"],
    ),
    "a lower bound that is left out": (
        planted.OpenLowerBound,
        [f"{ALLOWED}[giving at the lower bound]", f"{ALLOWED}[giving where both bounds are what was given]"],
    ),
    "an upper bound that is left out": (
        planted.OpenUpperBound,
        [f"{ALLOWED}[giving at the upper bound]", f"{ALLOWED}[a budget spent to the last point]"],
    ),
    "bounds without what is held": (
        planted.BoundsOnWhatWasSpent,
        [f"{REFUSED}[a budget would be passed by holding]", f"{ALLOWED}[giving at the lower bound]"],
    ),
    "bounds on what is given afterwards": (
        planted.BoundsAfterwards,
        [f"{ALLOWED}[giving at the upper bound]", f"{ALLOWED}[giving back within bounds that it leaves]"],
    ),
    "what is asked for as payouts that is not booked": (
        rewriting(AdjustBalance=planted.forgets_paying),
        ["a_story_of_money_comes_out_exact", "money_is_kept_to_the_last_detail", HISTORIES],
    ),
    "the lot of a grant that is lost": (
        rewriting(UpdateGrant=planted.forgets_slot),
        ["changes_set_and_add"],
    ),
    "what was fixed with a grant that is lost": (
        rewriting(AddGrant=planted.forgets_what_was_fixed),
        ["money_is_kept_to_the_last_detail", HISTORIES],
    ),
    "an audit log that is not kept": (
        rewriting(AddAudit=nothing),
        ["the_audit_log_is_paged", "a_story_of_money_comes_out_exact", HISTORIES],
    ),
    "an audit log without words": (rewriting(AddAudit=planted.forgets_memo), ["the_audit_log_is_paged"]),
    "an audit log without pages": (planted.AuditEndless, ["the_audit_log_is_paged"]),
    "an audit log that goes back": (planted.AuditBackwards, ["the_audit_log_is_paged", HISTORIES]),
    "no check that the number of a revision is free": (
        unguarded(planted.c.AddRevision),
        [f"{REFUSED}[a revision's number is taken]", "a_decision_is_made_again_until_it_fits"],
    ),
    "a first revision that stays the latest": (
        planted.FirstRevision,
        ["the_latest_revision_is_shown", "race_to_publish"],
    ),
    "revisions that are ordered as text": (planted.RevisionByText, ["the_latest_revision_is_shown"]),
    "revisions that are read before and written unchecked": (planted.StaleRevisions, ["race_to_publish"]),
    "a carried sum that ends before the cursor": (
        planted.CarriesUpTo,
        ["transfers_are_carried_forward", HISTORIES],
    ),
    "a carried sum of everybody": (planted.CarriesOfEverybody, ["transfers_are_carried_forward", HISTORIES]),
    "a carried debt with the wrong sign": (
        planted.CarriesDebtBackwards,
        ["transfers_are_carried_forward", HISTORIES],
    ),
    "no drift at all": (
        drifting.FindsNothing,
        [
            f"{DRIFTS}[available without a record]",
            f"{DRIFTS}[a grant that was not booked]",
            f"{DRIFTS}[spending without grants]",
            f"{DRIFTS}[counters without a footprint]",
            "a_transfer_that_is_not_sealed_is_not_missed",
        ],
    ),
    "no drift of lots": (
        drifting.deaf_to("balance.expiring"),
        [f"{DRIFTS}[expiring without a record]", f"{DRIFTS}[a lot in another unit than the balance]"],
    ),
    "no drift of payouts": (
        drifting.deaf_to("payout.paying"),
        [f"{DRIFTS}[a payout requested beside the balance]", f"{DRIFTS}[a payout decided that is still set aside]"],
    ),
    "no drift of what is between two members": (
        drifting.deaf_to("clearing"),
        [f"{DRIFTS}[a transfer that never arrived]", f"{DRIFTS}[a transfer that arrived under another reference]"],
    ),
    "one drift at most": (
        drifting.StopsAtTheFirst,
        [f"{DRIFTS}[a tally without events]", f"{DRIFTS}[a footprint without counters]"],
    ),
    "a drift of payouts that were decided": (
        drifting.NeverDecided,
        [f"{DRIFTS}[a payout requested and another one paid]", "a_story_of_money_comes_out_exact", HISTORIES],
    ),
    "no seals": (drifting.NoSeals, [f"a_sealed_transfer_that_was_changed_is_named[{place}]" for place in (0, 4, 8)]),
    "seals that begin anew": (
        drifting.SealsAnew,
        ["sealed_transfers_that_nobody_changed_are_whole", "a_story_comes_out_exact", HISTORIES],
    ),
    "seals without a lock": (drifting.StaleSeals, ["race_of_sealed_transfers"]),
    "a broken chain whose end is named": (
        drifting.NamesTheLastBroken,
        [f"a_sealed_transfer_that_was_changed_is_named[{place}]" for place in (0, 4)],
    ),
    "one message of a kind in a decision": (planted.OneOfAKind, [HISTORIES]),
    "balances that are read from a cache": (planted.CachedBalances, [HISTORIES]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault):
    make, tests = FAULTS[fault]
    missed = [test for test in tests if not finds(make, test)]
    assert missed == [], f"these tests passed over a store with {fault}"


@pytest.mark.parametrize("test", sorted({test for _, tests in FAULTS.values() for test in tests} - {HISTORIES}))
def test_what_finds_the_faults_passes_without_them(test):
    assert not fails(MemoryStore(), test)
