"""Reward rules: conditions, rewards, limits, as data or in Python."""

from referral_engine.rewards.builder import FieldRef, field
from referral_engine.rewards.condition import AllOf, AnyOf, Condition, Leaf, Not
from referral_engine.rewards.context import Because, PythonAward, RuleContext
from referral_engine.rewards.data_rule import Rule
from referral_engine.rewards.limit import Limit
from referral_engine.rewards.python_rule import PythonRule, rule
from referral_engine.rewards.reward import Award, Reward

__all__ = [
    "AllOf",
    "AnyOf",
    "Award",
    "Because",
    "Condition",
    "FieldRef",
    "Leaf",
    "Limit",
    "Not",
    "PythonAward",
    "PythonRule",
    "Reward",
    "Rule",
    "RuleContext",
    "field",
    "rule",
]
