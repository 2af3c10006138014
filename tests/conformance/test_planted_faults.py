"""The suite is worth something: each fault that is planted in a store makes the tests fail that should find it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import referral_engine
from referral_engine.storage import MemoryStore
from tests.conformance import planted_faults as planted
from tests.conformance.trying import fails, finds

REFUSED = "a_failed_precondition_writes_nothing"
HISTORIES = "random_histories_agree_with_the_model"
STORMY_HISTORIES = "random_histories_in_a_storm_agree_with_the_model"

FAULTS = {
    "no guard on the budget, and facts that are stale": (
        planted.StaleBudget,
        ["race_for_a_budget", f"{REFUSED}[a budget would be passed by spending]"],
    ),
    "no guard on the uses of a code, and facts that are stale": (
        planted.StaleCodes,
        ["race_for_a_limited_code", f"{REFUSED}[a code is used up]", f"{REFUSED}[a code is disabled]"],
    ),
    "no lock": (
        planted.Unlocked,
        ["race_of_first_purchases_of_a_stranger", "race_of_two_first_purchases"],
    ),
    "no check that an event's id is free": (
        planted.unguarded(planted.c.AddEvent),
        [f"{REFUSED}[an event's id is taken]"],
    ),
    "no check that a referee has no referrer": (
        planted.unguarded(planted.c.AddReferral),
        [f"{REFUSED}[a referee has a referrer]"],
    ),
    "no check of what a code is made for": (
        planted.unguarded(planted.c.AddCode),
        [f"{REFUSED}[a code's text is taken]", f"{REFUSED}[an owner has an invite code for every campaign]"],
    ),
    "no check that a balance stays above 0": (
        planted.unguarded(planted.c.AdjustBalance),
        [f"{REFUSED}[available would fall below 0]", f"{REFUSED}[held would fall below 0]"],
    ),
    "no check that a limit stays above 0": (
        planted.unguarded(planted.c.AdjustLimit),
        [f"{REFUSED}[a limit would fall below 0]"],
    ),
    "no check that a score stays above 0": (
        planted.unguarded(planted.c.AdjustScore),
        [f"{REFUSED}[a score would fall below 0]"],
    ),
    "no check that ids of grants and transfers are free": (
        planted.unguarded(planted.c.AddGrant, planted.c.AddTransfer),
        [f"{REFUSED}[a grant's id is taken]", f"{REFUSED}[a transfer's id is taken]"],
    ),
    "a commit that is applied by half": (
        planted.HalfApplied,
        [f"{REFUSED}[a budget would be passed by spending]", "a_conflict_leaves_the_store_usable"],
    ),
    "a decision that is cut short": (
        planted.CutShort,
        ["a_thousand_events_in_one_decision", "a_thousand_events_in_one_transaction"],
    ),
    "more attempts than promised": (planted.Impatient, [f"{REFUSED}[a code is used up]"]),
    "a conflict that is not told": (planted.Silent, [f"{REFUSED}[a code is used up]"]),
    "an error of decide that is swallowed": (planted.Swallowing, ["a_decide_that_raises_writes_nothing"]),
    "a lost delta of a tally": (
        planted.rewriting(AdjustTally=planted.nothing),
        ["changes_set_and_add", "race_of_first_purchases_of_a_stranger", HISTORIES],
    ),
    "a balance that is set instead of added to": (
        planted.rewriting(AdjustBalance=planted.sets_balance),
        ["changes_set_and_add", "a_story_comes_out_exact", HISTORIES],
    ),
    "a limit that never gives a slot back": (
        planted.rewriting(AdjustLimit=planted.loses_reversals),
        ["changes_set_and_add", HISTORIES],
    ),
    "a second refund that is lost": (
        planted.rewriting(PutRefunded=planted.sets_refunded_first_only),
        ["changes_set_and_add", HISTORIES],
    ),
    "a new state of a referral that is lost": (
        planted.rewriting(UpdateReferral=planted.nothing),
        ["changes_set_and_add", "referrals_are_paged", HISTORIES],
    ),
    "a trace that is not kept": (
        planted.rewriting(AddEvent=planted.forgets_trace),
        ["an_event_is_kept_to_the_last_detail"],
    ),
    "a member made for nothing that stays": (
        planted.LeavesStubs,
        ["a_member_made_for_nothing_is_gone", "a_rejected_event_leaves_no_trace"],
    ),
    "a member made for nothing that is shown": (planted.ShowsStubs, ["a_member_made_for_nothing_is_gone"]),
    "a cursor that stands still": (
        planted.StandingCursor,
        ["cursors_grow_in_the_order_of_commits", "race_with_a_reader_of_the_outbox"],
    ),
    "a cursor that goes back": (
        planted.BackwardCursor,
        ["a_decision_appends_in_its_own_order", "ties_go_to_who_was_first"],
    ),
    "facts of another program that leak": (planted.LeakingFacts, ["programs_share_a_store"]),
    "programs that are kept as one": (
        planted.OneProgram,
        ["programs_do_not_see_each_other", "programs_share_a_store", HISTORIES],
    ),
    "programs that are compared without case": (planted.Caseless, ["programs_do_not_see_each_other"]),
    "ids that are compared without case": (planted.Trimming, ["ids_compare_by_bytes"]),
    "a read that writes": (planted.WritingRead, ["read_writes_nothing"]),
    "referrers that are not resolved": (planted.ForgetsReferrers, ["the_members_concerned_are_resolved"]),
    "reads between two changes": (planted.TornReads, ["race_of_readers_and_a_writer"]),
    "ties by member": (
        planted.ByMember,
        ["ties_go_to_who_was_first", "pages_places_and_counts_agree_with_a_plain_sort", HISTORIES],
    ),
    "ties by the latest": (planted.ByLatest, ["ties_go_to_who_was_first", HISTORIES]),
    "a regained score that was reached when it was first": (
        planted.rewriting(AdjustScore=planted.keeps_reached),
        ["a_score_regained_was_reached_later", HISTORIES],
    ),
    "a score lowered and raised at once that was not reached now": (
        planted.rewriting(AdjustScore=planted.skips_equal_scores),
        ["a_change_by_nothing_counts_as_reached_now"],
    ),
    "scores of 0 that are listed": (planted.ListsNothings, ["a_score_of_nothing_is_not_listed", HISTORIES]),
    "a count over all periods": (planted.OnePeriod, ["boards_and_periods_are_apart"]),
    "a place that is the rank": (planted.SharedPlaces, ["pages_places_and_counts_agree_with_a_plain_sort"]),
    "dues in the order of ids": (planted.DueAnyhow, ["holds_are_due_by_time"]),
    "dues without a limit": (planted.DueEndless, ["holds_are_due_by_time"]),
    "dues a moment too late": (planted.DueLate, ["holds_are_due_by_time", "a_story_comes_out_exact"]),
    "a hold that stays due when it ended": (
        planted.rewriting(UpdateGrant=planted.keeps_held),
        ["a_hold_that_ended_is_not_due"],
    ),
    "a page that begins with the last item of the one before": (planted.PagesFromCursor, ["transfers_are_paged"]),
    "a page of referrals of any state": (planted.AnyState, ["referrals_are_paged", HISTORIES]),
    "an acknowledgement that is lost": (
        planted.rewriting(Acknowledge=planted.nothing),
        ["the_outbox_goes_on_from_what_was_acknowledged"],
    ),
    "an acknowledgement that goes back": (
        planted.rewriting(Acknowledge=planted.acknowledges_downwards),
        ["the_outbox_goes_on_from_what_was_acknowledged"],
    ),
    "an acknowledgement of what is yet to come": (
        planted.rewriting(Acknowledge=planted.acknowledges_the_future),
        ["nothing_yet_to_come_is_acknowledged"],
    ),
    "an outbox that begins at its start": (
        planted.FromTheStart,
        ["the_outbox_goes_on_from_what_was_acknowledged"],
    ),
    "payloads that are kept as text": (planted.TextPayloads, ["the_outbox_is_paged"]),
    "a schema whose second creation empties the store": (
        planted.Recreating,
        ["the_schema_may_be_created_again"],
    ),
    "a store that closes once": (planted.ClosesOnce, ["closing_again_is_safe"]),
    "an event whose receipt is lost": (
        planted.rewriting(AddEvent=planted.nothing),
        [STORMY_HISTORIES, "race_to_record_in_a_storm"],
    ),
    "a receipt that does not say what was paid": (
        planted.rewriting(AddEvent=planted.forgets_grants),
        [STORMY_HISTORIES, "race_to_record_in_a_storm"],
    ),
    "a redemption whose receipt is lost": (
        planted.rewriting(AddTransfer=planted.nothing),
        [STORMY_HISTORIES, "race_to_redeem_in_a_storm"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault):
    make, tests = FAULTS[fault]
    missed = [test for test in tests if not finds(make, test)]
    assert missed == [], f"these tests passed over a store with {fault}"


@pytest.mark.parametrize(
    "test", sorted({test for _, tests in FAULTS.values() for test in tests} - {HISTORIES, STORMY_HISTORIES})
)
def test_what_finds_the_faults_passes_without_them(test):
    assert not fails(MemoryStore(), test)


THIRD_PARTY = """
import pytest

from referral_engine.testing import StoreConformance
from tests.conformance.planted_faults import HalfApplied


class TestMyStore(StoreConformance):
    concurrent = False
    histories_max = 1

    @pytest.fixture
    def store(self):
        return HalfApplied()
"""


def test_a_third_party_sees_which_promise_is_broken(tmp_path):
    """Run as an adapter's author would: the failing test is named, its promise and the figures are shown."""
    (tmp_path / "test_mine.py").write_text(THIRD_PARTY, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
        "-p",
        "no:cacheprovider",
    ]
    roots = [Path(__file__).parents[2], Path(referral_engine.__file__).parents[1]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))}
    done = subprocess.run(
        [*command, "test_mine.py"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "TestMyStore::test_a_conflict_leaves_the_store_usable" in done.stdout
    assert "takes the whole decision with it" in done.stdout
    assert "TestMyStore::test_a_story_comes_out_exact" not in done.stdout
    assert "skipped" in done.stdout
