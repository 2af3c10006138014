"""The point ledger: units, grants, balances, transfers, reversals, budgets."""

from referral_engine.ledger.balance import NOTHING, Balance, Budget, Spend, budget_of
from referral_engine.ledger.grant import Grant, GrantState, Recipient, Reversal, StoredGrant
from referral_engine.ledger.reversal import Sources, due_back, sources
from referral_engine.ledger.transfer import Account, Entry, Transfer, TransferKind, entry_of
from referral_engine.ledger.units import Unit, UnitKind

__all__ = [
    "NOTHING",
    "Account",
    "Balance",
    "Budget",
    "Entry",
    "Grant",
    "GrantState",
    "Recipient",
    "Reversal",
    "Sources",
    "Spend",
    "StoredGrant",
    "Transfer",
    "TransferKind",
    "Unit",
    "UnitKind",
    "budget_of",
    "due_back",
    "entry_of",
    "sources",
]
