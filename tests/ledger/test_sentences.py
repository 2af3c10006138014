"""The sentences of the domain about the ledger, each with the tests that hold it over every store."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.ledger.conftest import STORES

HERE = Path(__file__).parent

SENTENCES: dict[str, list[str]] = {
    # Ledger
    "Double entry, integers, every transfer sums to zero per unit.": [
        "test_double_entry.test_every_kind_of_transfer_moves_between_its_two_accounts_and_all_of_them_come_to_zero",
        "test_double_entry.test_over_all_accounts_of_a_unit_everything_comes_to_zero",
        "test_double_entry.test_amounts_are_whole_numbers_up_to_10_to_the_15",
        "test_double_entry.test_two_units_of_one_member_are_two_purses",
    ],
    "Accounts: issuer, campaign budget, member available, member held, redeemed, expired, debt.": [
        "test_double_entry.test_every_kind_of_transfer_moves_between_its_two_accounts_and_all_of_them_come_to_zero",
        "test_double_entry.test_the_clearing_account_comes_to_nothing_for_each_key",
    ],
    "Member accounts never go below zero except debt.": [
        "test_double_entry.test_no_account_of_a_member_goes_below_zero_by_what_is_asked",
        "test_double_entry.test_only_the_debt_account_falls_below_zero",
        "test_double_entry.test_who_owes_has_nothing_available",
    ],
    "Every transfer has an idempotency key.": [
        "test_idempotency.test_the_same_key_with_the_same_content_answers_the_same_and_changes_nothing",
        "test_idempotency.test_the_same_key_with_other_content_is_refused_and_nothing_is_written",
        "test_idempotency.test_keys_of_redemptions_and_payouts_are_one_space_and_those_of_other_operations_are_apart",
        "test_idempotency.test_an_event_sent_again_grants_nothing_twice",
        "test_idempotency.test_a_refund_sent_again_takes_nothing_twice",
        "test_idempotency.test_ids_are_derived_from_what_names_the_thing_so_that_a_replay_makes_the_same",
    ],
    "Hold: pending until `hold` has passed or an event confirms it;": [
        "test_holds.test_a_hold_is_pending_and_is_due_at_the_very_instant_that_it_has_passed",
        "test_holds.test_an_event_confirms_what_is_held_for_it",
        "test_holds.test_with_a_time_and_an_event_the_first_of_them_posts",
        "test_holds.test_a_confirmation_of_what_is_unknown_of_somebody_else_or_a_refund_is_rejected",
    ],
    "then posted exactly once; a reversal in between voids it.": [
        "test_holds.test_whatever_comes_first_decides_and_the_rest_finds_nothing",
        "test_holds.test_a_reversal_in_between_voids_it",
        "test_holds.test_a_reversal_in_between_voids_what_waits_for_an_event",
        "test_expired.test_several_workers_write_it_down_once",
    ],
    "Lots: points may expire: rolling, calendar, or inactivity;": [
        "test_lots.test_points_live_through_the_end_of_their_last_day",
        "test_lots.test_earning_prolongs_all_points_that_expire_by_inactivity",
        "test_lots.test_spending_and_getting_prolong_them_too",
        "test_lots.test_nothing_else_prolongs_them",
        "test_expired.test_what_has_expired_cannot_be_spent",
        "test_expired.test_it_is_written_down_at_the_instant_at_which_it_expired",
    ],
    "from activation, not from earning;": [
        "test_lots.test_from_activation_and_not_from_earning",
        "test_lots.test_what_is_held_never_expires",
        "test_lots.test_a_hold_keeps_the_expiry_that_it_was_granted_with",
    ],
    "the soonest to expire is spent first;": [
        "test_spending.test_the_soonest_to_expire_is_spent_first",
        "test_spending.test_what_never_expires_is_spent_last",
        "test_spending.test_a_reversal_takes_from_the_lot_of_its_own_grant_first",
        "test_transfers.test_the_soonest_to_expire_of_them_repay",
    ],
    "month arithmetic clamps (31 January + 1 month = 28 or 29 February,": [
        "test_last_days.test_the_last_day_by_the_calendar"
    ],
    "through the end of that day in the program's zone).": [
        "test_last_days.test_through_the_end_of_that_day_in_the_programs_zone",
        "test_last_days.test_one_instant_is_two_days_in_two_zones",
    ],
    "Reversal: proportional for part refunds, cumulative: ceil(granted * refunded / paid) minus what was reversed "
    "before (three thirds of 1000 come back as 334 + 333 + 333), at most the grant.": [
        "test_reversals.test_three_thirds_of_1000_come_back_as_334_and_333_and_333",
        "test_reversals.test_parts_are_cumulative_and_rounded_up_and_at_most_the_grant",
    ],
    "Each grant of the event is reversed apart, by the same fraction;": [
        "test_reversals.test_each_grant_of_the_event_is_reversed_apart_by_the_same_fraction"
    ],
    "rules are not judged again; refunds never lower counts or sums;": [
        "test_reversals.test_rules_are_not_judged_again_and_refunds_never_lower_counts_or_sums"
    ],
    "only a full reversal gives a limit's slot back;": [
        "test_reversals.test_only_a_full_reversal_gives_a_limits_slot_back",
        "test_reversals.test_a_full_refund_gives_the_slot_back_whatever_the_policy_left_with_the_member",
    ],
    "reversed money returns to its budget at once.": [
        "test_reversals.test_reversed_money_returns_to_its_budget_at_once"
    ],
    "Policy `held_only | within_balance | debt`:": [
        "test_reversals.test_how_far_a_reversal_reaches_into_what_was_posted",
        "test_reversals.test_under_every_policy_what_is_held_comes_back_from_the_hold",
        "test_reversals.test_what_was_waived_is_not_asked_for_again",
        "test_reversals.test_a_grant_keeps_the_policy_that_it_was_granted_under",
    ],
    "the shortfall becomes a debt that later grants repay first.": [
        "test_debts.test_a_credit_repays_what_is_owed_first",
        "test_debts.test_a_hold_repays_when_it_is_posted",
        "test_debts.test_what_comes_back_of_a_payout_repays_too",
    ],
    "A reversal is never put on hold.": ["test_reversals.test_a_reversal_is_never_put_on_hold"],
    "Cash units redeem through a payout: requested → paid | failed (money returns) | rejected (money returns);": [
        "test_payouts.test_a_request_sets_the_money_aside",
        "test_payouts.test_paid_it_has_left",
        "test_payouts.test_failed_or_rejected_the_money_is_back",
        "test_payouts.test_redeeming_cash_is_asking_for_a_payout",
        "test_payouts.test_a_payout_is_decided_once",
    ],
    "minimum amount.": ["test_payouts.test_there_is_a_least_amount"],
    "Lifetime counts what was ever posted;": ["test_figures.test_lifetime_counts_what_was_posted_and_not_what_is_held"],
    "it does not fall by spending or expiry,": [
        "test_figures.test_lifetime_does_not_fall_by_spending_or_expiry",
        "test_figures.test_lifetime_does_not_fall_by_a_payout_nor_rise_by_its_return",
    ],
    "and falls by reversal.": [
        "test_figures.test_lifetime_falls_by_reversal_also_of_what_was_spent",
        "test_figures.test_lifetime_does_not_fall_by_what_a_reversal_voided_or_waived",
    ],
    "Day-close order in `release_due`: activate holds, then levels, then expire lots, then close boards and pay "
    "prizes.": [
        "test_day_close.test_holds_come_before_lots",
        "test_day_close.test_in_one_call_too",
        "test_day_close.test_what_a_hold_posts_lives_on_when_the_rest_of_an_idle_purse_expires",
    ],
    # Rules
    "Budgets never overspend under any concurrency;": [
        "test_budget_races.test_a_budget_that_clamps_is_given_to_the_last_point_with_each_alarm_once",
        "test_budget_races.test_a_budget_that_skips_is_never_overspent",
    ],
    "over budget: `skip` the whole rule or `clamp`;": [
        "test_budgets.test_what_does_not_fit_is_skipped_and_what_does_is_paid",
        "test_budgets.test_the_whole_rule_is_skipped_whichever_side_or_unit_does_not_fit",
        "test_budgets.test_a_campaign_that_clamps_gives_what_is_left",
        "test_budgets.test_the_rewards_listed_last_are_cut_first",
    ],
    "alarms at 50, 80 and 100 %.": [
        "test_budgets.test_each_alarm_goes_off_once_on_the_way",
        "test_budgets.test_in_one_batch_each_goes_off_where_it_is_reached",
        "test_budget_races.test_while_others_give_back_alarms_and_levels_still_fit",
    ],
    # Outbox and audit
    "Every commit also appends domain events (…) to an outbox in the same transaction:": [
        "test_audit.test_every_movement_is_told_to_the_outbox_in_the_order_of_commits",
        "test_audit.test_what_is_refused_tells_nothing",
        "test_audit.test_a_message_and_the_transfers_it_tells_of_are_one_commit",
    ],
    "Configuration and staff actions are audited with an actor.": [
        "test_audit.test_publishing_keeps_the_program_and_who_published_it",
        "test_audit.test_it_is_audited_who_changed_the_program_from_which_to_which",
        "test_audit.test_staff_actions_are_audited_in_their_order",
        "test_adjustments.test_it_is_audited_from_what_to_what_by_whom_and_why",
        "test_payouts.test_the_decision_is_audited",
    ],
}
BY_STORE = {"store", "shelf", "books"}
"""Asking for one of these, directly or through another fixture, runs a test over every store."""


def functions(module: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((HERE / f"{module}.py").read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def over_every_store(name: str, module: dict[str, ast.FunctionDef]) -> bool:
    asked = {argument.arg for argument in module[name].args.args}
    return bool(asked & BY_STORE) or any(over_every_store(one, module) for one in asked & module.keys())


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_sentence_has_tests_that_exist_and_run_over_every_store(sentence):
    assert SENTENCES[sentence]
    for test in SENTENCES[sentence]:
        module, _, name = test.partition(".")
        found = functions(module)
        assert name in found, test
        assert over_every_store(name, found), test


def test_every_store_is_among_the_parameters():
    names = [getattr(one, "values", (one,))[0] for one in STORES]
    assert names == ["memory", "sqlite", "postgres", "mariadb"]
