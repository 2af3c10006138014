"""The point ledger: units, grants, balances, lots, transfers, reversals, payouts, budgets."""

from referral_engine.ledger.balance import NOTHING, Balance, fullest, throughput, without_due
from referral_engine.ledger.budget import ALARMS_PERCENT, Budget, Spend, budget_of, step
from referral_engine.ledger.chain import FIRST, seal
from referral_engine.ledger.expiry import IDLE, Expiry, expiry_named
from referral_engine.ledger.grant import Grant, GrantState, Recipient, Reversal, ReversalPolicy, StoredGrant
from referral_engine.ledger.liability import Liability, liability_of
from referral_engine.ledger.lot import Lot, drawn
from referral_engine.ledger.payout import Payout, PayoutState
from referral_engine.ledger.reversal import Sources, due_back, sources
from referral_engine.ledger.transfer import Account, Carried, Entry, Transfer, TransferKind, entries_of, moved
from referral_engine.ledger.units import Unit, UnitKind

__all__ = [
    "ALARMS_PERCENT",
    "FIRST",
    "IDLE",
    "NOTHING",
    "Account",
    "Balance",
    "Budget",
    "Carried",
    "Entry",
    "Expiry",
    "Grant",
    "GrantState",
    "Liability",
    "Lot",
    "Payout",
    "PayoutState",
    "Recipient",
    "Reversal",
    "ReversalPolicy",
    "Sources",
    "Spend",
    "StoredGrant",
    "Transfer",
    "TransferKind",
    "Unit",
    "UnitKind",
    "budget_of",
    "drawn",
    "due_back",
    "entries_of",
    "expiry_named",
    "fullest",
    "liability_of",
    "moved",
    "seal",
    "sources",
    "step",
    "throughput",
    "without_due",
]
