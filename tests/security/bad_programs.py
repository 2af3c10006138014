"""Bad programs and their parts: each raises InvalidProgram, inside a rule RuleError, with the path of the problem."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from referral_engine import (
    Attribution,
    Board,
    Campaign,
    CodeSpec,
    InvalidProgram,
    Limit,
    Program,
    Reward,
    RuleError,
    Unit,
)
from tests.contract.stage import START, UNITS, pays, program_of, spring_program
from tests.security.rows import BAD_AMOUNTS, BAD_INTS, BAD_NAMES, BAD_TIMES, HUGE_INT, HUGE_TEXT, NO_TEXT, Row, endless

BAD_ZONES: dict[str, Any] = {
    **{kind: value for kind, value in NO_TEXT.items() if kind != "none"},
    "none": None,
    "empty": "",
    "unknown": "Mars/Olympus",
    "5,000 signs": "A" * 5_000,
    "ten megabytes": HUGE_TEXT,
    "parent folder": "../etc/passwd",
    "absolute": "/etc/localtime",
    "parent inside": "Europe/../../etc",
    "of this machine": "localtime",
    "leap seconds": "right/UTC",
    "offset": "+08:00",
    "NUL": "UTC\0",
    "line feed": "UTC\n",
    "Cyrillic": "\u0415urope/Berlin",
    "lone surrogate": "\ud800",
    "folder": "Europe",
}
BAD_HOLDS: dict[str, Any] = {
    "below zero": timedelta(-1),
    "3,661 days": timedelta(days=3_661),
    "the longest": timedelta.max,
    "int": 14,
    "float": 1.5,
    "true": True,
    "text": "14 days",
    "words": "two weeks",
    "time": START,
}
BAD_BUDGETS: dict[str, tuple[Any, str]] = {
    **{kind: ({"points": value}, "budget.points") for kind, value in BAD_INTS.items() if kind != "complex"},
    "beyond 63 bits": ({"points": 2**63}, "budget.points"),
    "of no unit": ({"": 5}, None),
    "number": (5, "budget"),
    "list": ([("points", 5)], "budget"),
}


def program_row(name: str, act: Callable[[], object], where: str | None) -> Row:
    return Row(name, lambda _: act(), InvalidProgram, "invalid_program", where)


def rule_row(name: str, act: Callable[[], object], where: str | None) -> Row:
    return Row(name, lambda _: act(), RuleError, "invalid_rule", where)


def fields(
    row: Callable[[str, Callable[[], object], str | None], Row],
    build: Callable[..., object],
    name: str,
    values: dict[str, Any],
    **others: Any,
) -> list[Row]:
    """One row for each value that a field must refuse."""

    def act(value: object) -> Callable[[], object]:
        return lambda: build(**{**others, name: value})

    title = getattr(build, "__name__", "model")
    return [row(f"{title}.{name} {kind}", act(value), name) for kind, value in values.items()]


def campaign(**given: Any) -> Callable[[], object]:
    return lambda: Campaign(**{"id": "c", **given})


def program(**given: Any) -> Callable[[], object]:
    return lambda: Program(**{"id": "acme", "units": UNITS, "campaigns": [], **given})


GIVE = {"to": "member", "unit": "points", "amount": 5}
LIMIT = {"times": 1, "per": "pair"}
BOARD = {"id": "b", "metric": "referrals.total", "period": "month"}
TINY = {
    kind: BAD_NAMES[kind] for kind in ("none", "int", "empty", "65 signs", "Cyrillic a", "e-mail", "lone surrogate")
}
CHOICES: dict[str, Any] = {"none": None, "int": 5, "unknown": "x", "list": [], "huge": HUGE_TEXT, "surrogate": "\ud800"}

PART_ROWS = [
    *fields(program_row, Unit, "scale", {k: v for k, v in BAD_INTS.items() if k != "none"} | {"nine": 9}),
    *fields(program_row, Unit, "kind", CHOICES),
    *fields(rule_row, Reward, "to", CHOICES | {"upline": "upline"}, **GIVE),
    *fields(rule_row, Reward, "unit", TINY, **GIVE),
    *fields(rule_row, Reward, "amount", BAD_AMOUNTS | {"none": None}, **GIVE),
    *fields(rule_row, Reward, "hold", BAD_HOLDS, **GIVE),
    rule_row("Reward by place and by name", lambda: Reward("member", "points", 5, to="member"), "to"),
    rule_row("Reward of four by place", lambda: Reward("member", "points", 5, timedelta(1)), ""),
    *fields(rule_row, Limit, "times", BAD_INTS | {"beyond 63 bits": 2**63}, **LIMIT),
    *fields(rule_row, Limit, "amount", BAD_INTS, unit="points", per="pair"),
    *fields(rule_row, Limit, "per", CHOICES | {"team": "team"}, **LIMIT),
    *fields(rule_row, Limit, "within", CHOICES | {"hour": "hour"}, **LIMIT),
    *fields(rule_row, Limit, "over", CHOICES | {"clamp of times": "clamp"}, **LIMIT)[:-1],
    rule_row("Limit of neither", lambda: Limit(per="pair"), ""),
    rule_row("Limit of both", lambda: Limit(times=1, amount=1, unit="points", per="pair"), ""),
    rule_row("Limit of an amount without unit", lambda: Limit(amount=1, per="pair"), ""),
    rule_row("Limit of times with a unit", lambda: Limit(times=1, unit="points", per="pair"), ""),
    rule_row("Limit that clamps times", lambda: Limit(times=1, per="pair", over="clamp"), ""),
    *fields(program_row, Board, "id", TINY, **BOARD),
    *fields(program_row, Board, "metric", CHOICES | {"of no unit": "granted.", "flow": "flow"}, **BOARD),
    *fields(program_row, Board, "period", CHOICES | {"week": "week"}, **BOARD),
    *fields(program_row, Board, "ranking", CHOICES | {"dense": "dense"}, **BOARD),
    *fields(program_row, Attribution, "bind", CHOICES | {"override": "override"}),
    *fields(program_row, CodeSpec, "alphabet", CHOICES | {"twice": "A" * 29, "short": "ABC", "NUL": "\0" * 29}),
    *fields(program_row, CodeSpec, "length", {"true": True, "zero": 0, "short": 3, "huge": HUGE_INT, "text": "10"}),
    *fields(program_row, CodeSpec, "prefix", {"hyphen": "A-B", "small": "acme", "long": "A" * 13, "int": 5}),
    *fields(program_row, CodeSpec, "group", {"true": True, "below zero": -1, "huge": HUGE_INT}),
    program_row("check symbol of a composite alphabet", lambda: CodeSpec("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"), "check"),
]

CAMPAIGN_ROWS = [
    *fields(program_row, Campaign, "id", BAD_NAMES),
    *fields(program_row, Campaign, "starts_at", BAD_TIMES, id="c"),
    *fields(program_row, Campaign, "ends_at", BAD_TIMES, id="c"),
    program_row("Campaign of no time", campaign(starts_at=START, ends_at=START), ""),
    program_row("Campaign backwards", campaign(starts_at=START, ends_at=START - timedelta(1)), ""),
    *(program_row(f"Campaign.budget {kind}", campaign(budget=v), where) for kind, (v, where) in BAD_BUDGETS.items()),
    *fields(program_row, Campaign, "over_budget", CHOICES | {"allow_last": "allow_last"}, id="c"),
    *fields(program_row, Campaign, "rules", {"none": None, "int": 5, "text": "rule", "mapping": {}}, id="c"),
    *fields(program_row, Campaign, "rules", {"1,001": [pays()] * 1_001, "endless": endless(pays())}, id="c"),
    rule_row("Campaign.rules of nothing", campaign(rules=[None]), "rules[0]"),
    rule_row("Campaign.rules of text", campaign(rules=["rule"]), "rules[0]"),
    rule_row("Campaign.rules of a function", campaign(rules=[print]), "rules[0]"),
    rule_row(
        "Campaign.rules of a python rule not given", campaign(rules=[{"python": "x", "version": "1"}]), "rules[0]"
    ),
    rule_row("Campaign.rules of half a python rule", campaign(rules=[{"python": "x"}]), "rules[0]"),
    *fields(
        program_row, Campaign, "boards", {"none": None, "101": [Board(**BOARD)] * 101, "endless": endless(5)}, id="c"
    ),
    program_row("Campaign with a surprise", campaign(surprise=1), "surprise"),
    program_row("Campaign of five by place", lambda: Campaign("c", None, None, [], {}), ""),
]

PROGRAM_ROWS = [
    *fields(program_row, Program, "id", BAD_NAMES, units=UNITS, campaigns=[]),
    *fields(program_row, Program, "timezone", BAD_ZONES, id="acme", units=UNITS, campaigns=[]),
    program_row("Program of no unit", program(units={}), "units"),
    program_row("Program of 65 units", program(units={f"u{n}": Unit() for n in range(65)}), "units"),
    program_row("Program of a unit that is none", program(units={"points": 5}), "units.points"),
    program_row("Program of a unit with a strange name", program(units={"p\u043eints": Unit()}), None),
    program_row("Program of units as a list", program(units=["points"]), "units"),
    program_row("Program of no campaigns at all", program(campaigns=None), "campaigns"),
    program_row("Program of 1,001 campaigns", program(campaigns=[Campaign(id="c")] * 1_001), "campaigns"),
    program_row("Program of endless campaigns", program(campaigns=endless(Campaign(id="c"))), "campaigns"),
    program_row("Program of two campaigns of one id", program(campaigns=[Campaign(id="c")] * 2), "campaigns[1].id"),
    rule_row("Program of two rules of one id", lambda: program_of(pays(), pays()), "campaigns[0].rules[1].id"),
    program_row(
        "Program of two boards of one id", lambda: program_of(boards=[Board(**BOARD)] * 2), "campaigns[0].boards[1].id"
    ),
    rule_row(
        "Program that pays an unknown unit", lambda: program_of(pays(unit="gold")), "campaigns[0].rules[0].give[0].unit"
    ),
    rule_row(
        "Program that limits an unknown unit",
        lambda: program_of(pays(limits=[Limit(amount=1, unit="gold", per="pair")])),
        "campaigns[0].rules[0].limits[0].unit",
    ),
    program_row(
        "Program with a budget of an unknown unit", lambda: program_of(budget={"gold": 1}), "campaigns[0].budget.gold"
    ),
    program_row(
        "Program with a board of an unknown unit",
        lambda: program_of(boards=[Board("b", "granted.gold", "month")]),
        "campaigns[0].boards[0].metric",
    ),
    program_row("Program with a surprise", program(surprise=1), "surprise"),
    program_row("Program of four by place", lambda: Program("acme", UNITS, [], "UTC"), ""),
    *(
        program_row(f"Program.model_validate {kind}", lambda value=value: Program.model_validate(value), None)
        for kind, value in NO_TEXT.items()
    ),
    program_row("Program.model_validate without id", lambda: Program.model_validate({"units": {}}), "id"),
]


def json_row(name: str, text: Any, where: str | None = "", *, error: Any = program_row) -> Row:
    return error(f"JSON {name}", lambda: Program.model_validate_json(text), where)


WHOLE = spring_program().model_dump_json()
JSON_ROWS = [
    json_row("empty", ""),
    json_row("cut off", WHOLE[:-1]),
    json_row("with a tail", WHOLE + "]"),
    json_row("of a list", "[]", None),
    json_row("of null", "null", None),
    json_row("of text", '"program"', None),
    json_row("duplicate key at the top", WHOLE[:-1] + ',"id":"other"}'),
    json_row("duplicate key inside", WHOLE.replace('"amount":200', '"amount":200,"amount":20000')),
    json_row("duplicate key spelt otherwise", WHOLE[:-1] + ',"\\u0069d":"other"}'),
    json_row("NaN", WHOLE.replace('"amount":200', '"amount":NaN')),
    json_row("Infinity", WHOLE.replace('"amount":200', '"amount":Infinity')),
    json_row("-Infinity", WHOLE.replace('"amount":200', '"amount":-Infinity')),
    json_row("float", WHOLE.replace('"amount":200', '"amount":200.0'), None, error=rule_row),
    json_row("exponent", WHOLE.replace('"amount":200', '"amount":2e2'), None, error=rule_row),
    json_row("huge exponent", WHOLE.replace('"amount":200', '"amount":1e999999'), None, error=rule_row),
    json_row("huge int", WHOLE.replace('"amount":200', '"amount":' + "9" * 4_000), None, error=rule_row),
    json_row("int beyond the digits read", WHOLE.replace('"amount":200', '"amount":' + "9" * 5_000)),
    json_row("number as text", WHOLE.replace('"amount":200', '"amount":"200"'), None, error=rule_row),
    json_row("true as number", WHOLE.replace('"amount":200', '"amount":true'), None, error=rule_row),
    json_row("deep lists", "[" * 100_000 + "]" * 100_000),
    json_row("deep objects", '{"a":' * 100_000 + "1" + "}" * 100_000),
    json_row("deep condition", WHOLE.replace('{"all":', '{"not":' * 500 + '{"all":', 1), None),
    json_row("five megabytes", " " * (5 * 1024 * 1024) + WHOLE),
    json_row("comment", "// program\n" + WHOLE),
    json_row("trailing comma", WHOLE[:-1] + ",}"),
    json_row("single quotes", WHOLE.replace('"', "'")),
    json_row("lone surrogate", WHOLE.replace('"acme"', '"\\ud800"'), None),
    json_row("NUL in an id", WHOLE.replace('"acme"', '"a\\u0000b"'), None),
    json_row("bytes that are no UTF-8", b'{"id":"\xff"}'),
    json_row("hold as words", WHOLE.replace('"P14D"', '"two weeks"'), None, error=rule_row),
    json_row("hold as a number", WHOLE.replace('"P14D"', "14"), None, error=rule_row),
    json_row("hold of 10,000 years", WHOLE.replace('"P14D"', '"P3650000D"'), None, error=rule_row),
    json_row("naive time", WHOLE.replace('"2026-03-01T00:00:00Z"', '"2026-03-01T00:00:00"'), None),
    json_row("time as a number", WHOLE.replace('"2026-03-01T00:00:00Z"', "1772323200"), None),
]
