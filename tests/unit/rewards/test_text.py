"""Conditions written as text."""

from __future__ import annotations

import pytest

from referral_engine.errors import RuleError
from referral_engine.rewards.builder import field
from referral_engine.rewards.condition import Condition, ConditionField
from referral_engine.validation import Model

AMOUNT = field("event.amount")
COUNTRY = field("event.attributes.country")
ORDERS = field("referee.count.purchase")
GOLD = field("referrer.tag.gold") == True  # noqa: E712 - a condition, no comparison
DEEP = "(" * 17 + "referrer.tag.gold" + " and event.amount exists or event.amount exists)" * 17


class Holder(Model):
    """A model with a condition, refusing as rules do."""

    where: ConditionField | None = None

    @classmethod
    def _refuse(cls, problems):
        return RuleError(problems)


def read(text: str) -> Condition | None:
    return Holder(where=text).where


@pytest.mark.parametrize(
    ("text", "built"),
    [
        ("event.amount >= 2000 and referee.count.purchase == 1", (AMOUNT >= 2000) & (ORDERS == 1)),
        ("event.amount>=2000 and referrer.tag.gold", (AMOUNT >= 2000) & GOLD),
        ("event.amount == -5", AMOUNT == -5),
        ("event.amount != 0", AMOUNT != 0),
        ("event.amount < 1 or event.amount <= 2 or event.amount > 3", (AMOUNT < 1) | (AMOUNT <= 2) | (AMOUNT > 3)),
        ("event.amount in [1, 2]", AMOUNT.in_(1, 2)),
        ("event.amount in (1)", AMOUNT.in_(1)),
        ("event.amount not in [1,2]", AMOUNT.not_in(1, 2)),
        ("event.amount between 1 and 5", AMOUNT.between(1, 5)),
        ("event.amount between 1 and 5 and referrer.tag.gold", AMOUNT.between(1, 5) & GOLD),
        ("event.amount exists", AMOUNT.exists()),
        ("not event.amount exists", ~AMOUNT.exists()),
        ("not event.amount == 5 and referrer.tag.gold", ~(AMOUNT == 5) & GOLD),
        ("not not referrer.tag.gold", ~~GOLD),
        ("not (referrer.tag.gold or event.amount > 5)", ~(GOLD | (AMOUNT > 5))),
        ("event.attributes.country contains 'N'", COUNTRY.contains("N")),
        ('event.attributes.country starts_with "C"', COUNTRY.starts_with("C")),
        (r'event.attributes.country == "say \"hi\" \\ it\'s"', COUNTRY == 'say "hi" \\ it\'s'),
        ("event.attributes.country == 'a \"b\" c'", COUNTRY == 'a "b" c'),
        ("event.attributes.country == ''", COUNTRY == ""),
        ("event.attributes.country == 'and'", COUNTRY == "and"),
        ("event.attributes.country == '中国'", COUNTRY == "中国"),
        ("event.attributes.country == true", COUNTRY == True),  # noqa: E712 - a condition
        ("event.attributes.country == false", COUNTRY == False),  # noqa: E712 - a condition
        ("event.at < '2026-03-01T00:00:00+08:00'", field("event.at") < "2026-02-28T16:00:00Z"),
        ("referee.count.shop.order-paid == 1", field("referee.count.shop.order-paid") == 1),
        ("\n  referrer.tag.gold\r\n\tand event.amount > 1  ", GOLD & (AMOUNT > 1)),
        ("(((referrer.tag.gold)))", GOLD),
        ("(referrer.tag.gold and event.amount > 1) and event.amount < 9", GOLD & (AMOUNT > 1) & (AMOUNT < 9)),
        ("referrer.tag.gold and (event.amount > 1 and event.amount < 9)", GOLD & (AMOUNT > 1) & (AMOUNT < 9)),
        ("referrer.tag.gold or event.amount > 1 and event.amount < 9", GOLD | (AMOUNT > 1) & (AMOUNT < 9)),
        ("(referrer.tag.gold or event.amount > 1) and event.amount < 9", (GOLD | (AMOUNT > 1)) & (AMOUNT < 9)),
        ("event.amount == 9223372036854775807", AMOUNT == 2**63 - 1),
    ],
)
def test_text_reads_as_the_same_condition(text, built):
    assert built == read(text)


def test_the_bounds_themselves_are_kept():
    assert read("not " * 31 + "referrer.tag.gold") is not None
    assert read("(" * 32 + "referrer.tag.gold" + ")" * 32) == GOLD
    assert read("not referee.tag.a or " * 127 + "referee.tag.a") is not None
    assert read("referrer.tag.gold".ljust(4096)) == GOLD


BROKEN = [
    ("", 1, "expected a fact, `not` or `(`, found the end of the text"),
    ("   ", 4, "found the end of the text"),
    ("event.amount", 13, "expected one of =="),
    ("event.amount >=", 16, "expected a whole number, quoted text, true or false, found the end"),
    ("event.amount 2000", 14, "expected one of =="),
    ("event.amount = 5", 14, "write '==' instead of '='"),
    ("event.amount => 5", 14, "write '>=' instead of '=>'"),
    ("event.amount =< 5", 14, "write '<=' instead of '=<'"),
    ("event.amount <> 5", 14, "write '!=' instead of '<>'"),
    ("event.amount === 5", 14, "write '==' instead of '==='"),
    ("event.amount > 5 && referrer.tag.gold", 18, "write 'and' instead of '&&'"),
    ("event.amount > 5 | referrer.tag.gold", 18, "write 'or' instead of '|'"),
    ("!referrer.tag.gold", 1, "write 'not' instead of '!'"),
    ("referrer.tag.gold AND event.amount > 5", 19, "did you mean 'and'?"),
    ("1 < event.amount < 5", 1, "a range is `between`"),
    ("event.amount > 1 < 5", 18, "comparisons can't be chained"),
    ("event.amount == event.amount == 1", 17, "expected a whole number"),
    ("2000 <= event.amount", 1, "begins with the fact"),
    ("'x' == event.type", 1, "begins with the fact"),
    ("true", 1, "begins with the fact"),
    ("event.amount >= referee.sum.purchase", 17, "expected a whole number, quoted text, true or false"),
    ("event.amount >= 1_000", 17, "'1_000' is no whole number"),
    ("event.amount >= 2.5", 17, "'2.5' is no whole number"),
    ("event.amount >= 1e3", 17, "'1e3' is no whole number"),
    ("event.amount >= 0x10", 17, "'0x10' is no whole number"),
    ("event.amount >= 007", 17, "no zeros in front"),
    ("event.amount >= - 5", 17, "'-' can't stand here"),
    ("event.amount >= +5", 17, "'+' can't stand here"),
    ("event.amount >= 9223372036854775808", 17, "64 bits"),
    ("event.amount >= " + "9" * 4000, 17, "64 bits"),
    ("event.amount >= \u0665", 17, "can't stand here"),
    ("event.amount >= nan", 17, "expected a whole number"),
    ("event.amount == 'x'", 17, "can't be compared with text"),
    ("event.amount == true", 17, "can't be compared with true or false"),
    ("referrer.tag.gold >= 3", 22, "has no order"),
    ("event.type > 'a'", 14, "has no order"),
    ("event.amount contains 5", 23, "contains is for text"),
    ("event.amount contians 5", 14, "did you mean 'contains'?"),
    ("event.amount in []", 17, "list of 1 to 1,000"),
    ("event.amount in [1 2]", 20, "expected `,` or `]`"),
    ("event.amount in [1, ]", 21, "expected a whole number"),
    ("event.amount in [1)", 19, "expected `,` or `]`"),
    ("event.amount in [[1]]", 18, "expected a whole number"),
    ("event.amount in 5", 17, "expected a list such as [1, 2]"),
    ("event.amount not 5", 14, "expected one of =="),
    ("event.amount between 5", 23, "expected `and` and the upper end"),
    ("event.amount between 5 and 1", 22, "must not be above"),
    ("event.amount between (1, 5)", 22, "expected a whole number"),
    ("event.amount exists 5", 21, "expected `and`, `or` or the end"),
    ("event.amout >= 5", 1, "did you mean 'event.amount'?"),
    ("referrer.tag.gold and evnt.amount >= 5", 23, "did you mean 'event.amount'?"),
    ("referee.count.purchase@month >= 1", 1, "takes no period"),
    ("event.attributes.country", 25, "expected one of =="),
    ("event.attributes.country == 'CN", 29, "never closed"),
    ("event.attributes.country == 'C\\N'", 31, "a backslash stands only before"),
    ("event.attributes.country == 'a\nb'", 29, "control characters"),
    ("event.attributes.country == '\u202e'", 29, "bidi"),
    ("event.at < 'yesterday'", 12, "RFC 3339"),
    ("event.at < 5", 12, "is a time"),
    ("(event.amount > 5", 18, "expected `)`, `and` or `or`, found the end"),
    ("event.amount > 5)", 17, "expected `and`, `or` or the end, found ')'"),
    ("()", 2, "expected a fact"),
    ("referrer.tag.gold referrer.tag.gold", 19, "expected one of =="),
    ("referrer.tag.gold and", 22, "expected a fact"),
    ("and referrer.tag.gold", 1, "expected a fact"),
    ("not", 4, "expected a fact"),
    ("referrer.tag.gold; drop", 18, "';' can't stand here"),
    ("__import__('os').system('true')", 1, "'_' can't stand here"),
    ("referrer.tag.gold if 1 else 2", 19, "expected one of =="),
    ("event.amount.__class__ == 1", 1, "there is no fact"),
    ("lambda: 1", 7, "':' can't stand here"),
    ("lambda", 1, "there is no fact 'lambda'"),
    ("event\u2024amount > 1", 6, "can't stand here"),
    ("event.amount > 1\0", 17, "can't stand here"),
    ("event.amount > 1\u00a0", 17, "can't stand here"),
    ("\ud800", 1, "can't stand here"),
    ("(" * 33 + "referrer.tag.gold" + ")" * 33, 33, "at most 32 deep"),
    ("(" * 4000, 33, "at most 32 deep"),
    ("not " * 33 + "referrer.tag.gold", 129, "at most 32 deep"),
    ("not " * 1024, 129, "at most 32 deep"),
    ("not referee.tag.a or " * 150 + "referee.tag.a", None, "at most 256 comparisons and groups"),
    (DEEP, None, "at most 32 deep"),
]


@pytest.mark.parametrize(("text", "at", "says"), BROKEN)
def test_broken_text_is_refused_at_once_with_its_place(text, at, says):
    with pytest.raises(RuleError) as caught:
        read(text)
    (problem,) = caught.value.problems
    assert (problem.path, problem.code) == ("where", "condition_text")
    assert says in problem.message
    assert at is None or problem.message.startswith(f"character {at}: ")


@pytest.mark.parametrize("text", ["referrer.tag.gold".ljust(4097), "(" * 5_000_000, "a" * 5_000_000])
def test_long_text_is_not_read_at_all(text):
    with pytest.raises(RuleError, match="at most 4,096 characters"):
        read(text)
