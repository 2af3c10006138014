"""Bad rules: conditions of every kind of nonsense, rules as data, and rules in Python that fail while they judge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from referral_engine import Limit, Program, Reward, RuleError, field, rule
from tests.contract.stage import START, UNITS, Stage, pays, program_of
from tests.security.bad_programs import rule_row
from tests.security.rows import BAD_INTS, BAD_NAMES, BAD_TIMES, HUGE_INT, HUGE_TEXT, Row, broken, endless

LEAF = {"field": "event.amount", "op": "ge", "value": 5}


def nested(depth: int, group: str = "not") -> dict[str, Any]:
    node: dict[str, Any] = LEAF
    for _ in range(depth):
        node = {"not": node} if group == "not" else {group: [node]}
    return node


loop_list: list[Any] = []
loop_list.append({"all": loop_list})
loop_dict: dict[str, Any] = {}
loop_dict["not"] = loop_dict


def leaf(**change: Any) -> dict[str, Any]:
    return {**LEAF, **change}


CONDITIONS: dict[str, Any] = {
    "int": 5,
    "true": True,
    "bytes": b"event.amount > 5",
    "list": [LEAF],
    "object": object(),
    "function": lambda ctx: True,  # noqa: ARG005 - a function as people may try it
    "empty mapping": {},
    "empty text": "",
    "blank text": "  ",
    "half a text": "event.amount >=",
    "two texts": "event.amount > 5 event.amount > 6",
    "single equals sign": "event.amount = 5",
    "Python": "event.amount.__class__",
    "call": "__import__('os').system('true')",
    "statement": "event.amount > 5; import os",
    "comparison of literals": "1 == 1",
    "chained": "1 < event.amount < 5",
    "float": "event.amount > 1.5",
    "exponent": "event.amount > 1e400",
    "hexadecimal": "event.amount > 0x10",
    "underscore": "event.amount > 1_000",
    "30 digits": "event.amount > " + "9" * 30,
    "5,000 digits": "event.amount > " + "9" * 5_000,
    "full-width digit": "event.amount > \uff15",
    "Cyrillic fact": "event.\u0430mount > 5",
    "open quote": "event.id == 'a",
    "NUL in a literal": "event.id == 'a\0'",
    "line feed in a literal": "event.id == 'a\n'",
    "bidi mark": "event.id == '\u202e'",
    "lone surrogate": "event.id == '\ud800'",
    "4,000 parentheses": "(" * 2_000 + "event.amount > 5" + ")" * 2_000,
    "1,000 nots": "not " * 1_000 + "event.amount > 5",
    "300 comparisons": " and ".join(["event.amount > 5"] * 300)[:4_000],
    "ten megabytes": HUGE_TEXT,
    "regex": "event.id matches '(a+)+$'",
    "unknown fact": "event.amuont > 5",
    "unknown scope": "user.name == 'x'",
    "fact of a later issue": "referee.count.purchase@month == 1",
    "text for a number": "event.amount == '5'",
    "order of text": "event.member > 'a'",
    "order of truth": "referrer.tag.gold >= true",
    "number for truth": "referrer.tag.gold == 1",
    "naive time": "event.at > '2026-03-01T00:00:00'",
    "no time": "event.at > 'yesterday'",
    "empty list": "event.amount in []",
    "between backwards": "event.amount between 9 and 1",
    "nested 33 deep": nested(32),
    "nested 10,000 deep": nested(10_000),
    "nested 10,000 deep in all": nested(10_000, "all"),
    "257 nodes": {"all": [LEAF] * 256},
    "100,000 nodes": {"any": [LEAF] * 100_000},
    "cyclic list": {"all": loop_list},
    "cyclic mapping": loop_dict,
    "all and any": {"all": [LEAF], "any": [LEAF]},
    "all of nothing": {"all": []},
    "all of no list": {"all": LEAF},
    "all of text": {"all": "event.amount > 5"},
    "all of texts": {"all": ["event.amount > 5"]},
    "endless": {"all": endless(LEAF)},
    "generator": {"all": (part for part in [LEAF])},
    "failing": {"all": broken(LEAF)},
    "not of a list": {"not": [LEAF]},
    "not of nothing": {"not": None},
    "leaf with a surprise": leaf(surprise=1),
    "leaf of many keys": leaf(**{f"k{n}": n for n in range(100)}),
    "leaf without field": {"op": "eq", "value": 5},
    "leaf without op": {"field": "event.amount", "value": 5},
    "leaf without value": {"field": "event.amount", "op": "eq"},
    "unknown op": leaf(op="matches"),
    "op as sign": leaf(op=">="),
    "op as number": leaf(op=5),
    "field as number": leaf(field=5),
    "huge field": leaf(field=HUGE_TEXT),
    "field with NUL": leaf(field="event.amount\0"),
    "field of a dunder": leaf(field="event.__class__"),
    "value NaN": leaf(value=float("nan")),
    "value infinity": leaf(value=float("inf")),
    "value float": leaf(value=5.0),
    "value true": leaf(value=True),
    "value text": leaf(value="5"),
    "value huge": leaf(value=HUGE_INT),
    "value 65 bits": leaf(value=2**63),
    "value object": leaf(value=object()),
    "value bytes": leaf(value=b"5"),
    "value list": leaf(value=[5]),
    "value none": leaf(value=None),
    "in of no list": leaf(op="in", value=5),
    "in of 1,001": leaf(op="in", value=list(range(1_001))),
    "in of a million": leaf(op="in", value=list(range(1_000_000))),
    "in of lists": leaf(op="in", value=[[5]]),
    "exists of a value": leaf(op="exists", value=5),
    "contains of a number": leaf(op="contains", value=5),
    "starts_with of a number": {"field": "event.id", "op": "starts_with", "value": 5},
    "between of three": leaf(op="between", value=[1, 2, 3]),
}

BUILT: dict[str, Callable[[], object]] = {
    "field of nothing": lambda: field(""),
    "field of none": lambda: field(None),  # type: ignore[arg-type]
    "field of a huge text": lambda: field(HUGE_TEXT),
    "field that is unknown": lambda: field("event.amuont"),
    "== none": lambda: field("event.amount") == None,  # noqa: E711 # type: ignore[operator]
    "== float": lambda: field("event.amount") == 1.5,  # type: ignore[operator]
    "== another field": lambda: field("event.amount") == field("event.amount"),  # type: ignore[operator]
    "in endless": lambda: field("event.amount").in_(endless(5)),  # type: ignore[arg-type]
    "in none": lambda: field("event.amount").in_(),
    "chained": lambda: 1 < field("event.amount") < 5,
    "and": lambda: (field("event.amount") > 1) and (field("event.amount") < 5),
    "not": lambda: not (field("event.amount") > 1),
    "nested 33 deep": lambda: deepened(33),
}


def deepened(times: int) -> object:
    node: Any = field("event.amount") > 5
    for _ in range(times):
        node = ~node
    return pays(where=node)


def of_rule(name: str, values: dict[str, Any]) -> list[Row]:
    return [
        rule_row(f"Rule.{name} {k}", lambda value=value: pays(**{name: value}), name) for k, value in values.items()
    ]


RULE_ROWS = [
    *(rule_row(f"where {kind}", lambda value=value: pays(where=value), None) for kind, value in CONDITIONS.items()),
    *(rule_row(f"built {kind}", act, None) for kind, act in BUILT.items()),
    *of_rule("id", BAD_NAMES),
    *of_rule("on", BAD_NAMES | {"refund": "refund"}),
    *of_rule("give", {"none": None, "empty": [], "text": "500 points", "17": [Reward("member", "points", 1)] * 17}),
    *of_rule("give", {"endless": endless(Reward("member", "points", 1))}),
    *of_rule("limits", {"none": None, "17": [Limit(times=1, per="pair")] * 17, "text": "10 per month"}),
    *of_rule(
        "priority", {k: v for k, v in BAD_INTS.items() if k != "below zero"} | {"beyond": 1_000_001, "none": None}
    ),
    *of_rule("starts_at", BAD_TIMES),
    *of_rule("milestones", {"later": [3]}),
    rule_row("Rule of no time", lambda: pays(starts_at=START, ends_at=START), ""),
    rule_row("Rule where of a program", lambda: Program("a", UNITS, [{"id": "c", "rules": [{"id": "r"}]}]), None),  # type: ignore[list-item]
]


async def waits(_: Any) -> None:
    """Do nothing, but late."""


async def trickles(_: Any) -> Any:
    """Give nothing, but late."""
    yield None


def decorated(name: str, function: Any = waits, **header: Any) -> Row:
    given = {"on": "purchase", "version": "1", **header}
    return rule_row(f"@rule {name}", lambda: rule(**given)(function), None)


def quiet(_: Any) -> None:
    """Give nothing."""


DECORATED_ROWS = [
    decorated("of an async function"),
    decorated("of an async generator", trickles),
    decorated("of an unnamed function", lambda _: None),
    decorated("on a refund", quiet, on="refund"),
    decorated("of no version", quiet, version=""),
    decorated("of a numbered version", quiet, version=1),
    decorated("of a huge version", quiet, version=HUGE_TEXT),
    decorated("with an unknown need", quiet, needs=["event.amuont"]),
    decorated("with a need that is no text", quiet, needs=[5]),
    decorated("with 65 needs", quiet, needs=["event.amount"] * 65),
    decorated("with needs without end", quiet, needs=endless("event.amount")),
    decorated("with limits without end", quiet, limits=endless(Limit(times=1, per="pair"))),
    decorated("with needs that are no list", quiet, needs=5),
    decorated("with limits that are no list", quiet, limits=5),
    decorated("of a fractional priority", quiet, priority=0.5),
    decorated("of a naive time", quiet, starts_at=START.replace(tzinfo=None)),
]


def failing(name: str, answer: Callable[[Any], Any], **event: Any) -> Row:
    """A rule in Python that fails for an event: the event is rejected, `rule_error`."""

    def judged(ctx: Any) -> Any:
        return answer(ctx)

    def act(stage: Stage) -> object:
        program = program_of(pays(), rule(on="purchase", version="1")(judged))
        return Stage(program, store=stage.store).buy("newcomer", id="bad-1", **event)

    return Row(f"python rule {name}", act, None, "rule_error")


def throws(error: Exception) -> Callable[[Any], Any]:
    def answer(ctx: Any) -> Any:
        yield ctx.award("member", points=5)
        raise error

    return answer


def deep(ctx: Any) -> Any:
    return deep(ctx)


FAILING_ROWS = [
    *(
        failing(f"raising {type(error).__name__}", throws(error))
        for error in (
            KeyError("x"),
            ValueError("\ud800\n"),
            StopIteration(),
            StopAsyncIteration(),
            MemoryError(),
            OSError(5, "x"),
            AssertionError(),
            ArithmeticError(HUGE_TEXT),
            RuleError([]),
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"),
        )
    ),
    failing("raising at once", lambda ctx: 1 // 0),  # noqa: ARG005 - it fails whatever it is given
    failing("calling itself without end", deep),
    failing("yielding for ever", lambda ctx: endless(ctx.because("again"))),
    failing("yielding garbage", lambda _: iter(["500 points"])),
    failing("yielding none", lambda _: [None]),
    failing("answering text", lambda _: "500"),
    failing("answering a number", lambda _: 500),
    failing("answering a coroutine class", lambda _: waits),
    failing("looking at an undeclared fact", lambda ctx: ctx["referee.count.purchase"]),
    failing("looking at nothing", lambda ctx: ctx[None]),
    failing("looking at a list", lambda ctx: ctx[[]]),
    failing("awarding true", lambda ctx: [ctx.award("member", points=True)]),
    failing("awarding zero", lambda ctx: [ctx.award("member", points=0)]),
    failing("awarding a float", lambda ctx: [ctx.award("member", points=0.5)]),
    failing("awarding a huge amount", lambda ctx: [ctx.award("member", points=HUGE_INT)]),
    failing("awarding an unknown unit", lambda ctx: [ctx.award("member", gold=5)]),
    failing("awarding nothing", lambda ctx: [ctx.award("member")]),
    failing("awarding to nobody", lambda ctx: [ctx.award("everybody", points=5)]),
    failing("holding backwards", lambda ctx: [ctx.award("member", points=5, hold=timedelta(-1))]),
    failing("holding for a number", lambda ctx: [ctx.award("member", points=5, hold=5)]),
    failing("saying too much", lambda ctx: [ctx.because("x" * 501)]),
    failing("saying nothing", lambda ctx: [ctx.because("")]),
    failing("saying control signs", lambda ctx: [ctx.because("\x1b[31m")]),
    failing("saying a surrogate", lambda ctx: [ctx.because("\ud800")]),
    failing("changing the event", lambda ctx: setattr(ctx.event, "amount", 10**9)),
    failing("changing the attributes", lambda ctx: ctx.event.attributes.update(x=1)),
    failing("comparing what is missing", lambda ctx: ctx.event.amount > None),
]
