"""Bad arguments of every public method of the engine: each raises InvalidInput that names the argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from referral_engine import InsufficientBalance, InvalidInput, ReferralEngine, UnknownCode, UnknownMember
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from tests.contract.stage import START, Stage, spring_program
from tests.security.rows import (
    BAD_AMOUNTS,
    BAD_IDS,
    BAD_INTS,
    BAD_NAMES,
    BAD_TIMES,
    HUGE_TEXT,
    NO_TEXT,
    Row,
    arguments,
    endless,
)

SOME_IDS = {
    kind: BAD_IDS[kind] for kind in ("none", "int", "bytes", "empty", "NUL", "e-mail", "phone", "lone surrogate")
}
BAD_COUNTS = {kind: value for kind, value in BAD_INTS.items() if kind != "false"} | {"zero": 0, "none": None}
BAD_CURSORS = BAD_INTS | {"beyond 63 bits": 2**63}
BAD_CHOICES = {kind: value for kind, value in BAD_NAMES.items() if value is not None} | {"unknown": "ghost", "list": []}
BAD_LABELS: dict[str, Any] = {
    "none": None,
    "int": 5,
    "text": "gold",
    "bytes": b"gold",
    "number in it": [5],
    "none in it": [None],
    "list in it": [["gold"]],
    "space in it": ["a b"],
    "Cyrillic in it": ["g\u043eld"],
    "e-mail in it": ["a@b.de"],
    "65 of them": [f"t{n}" for n in range(65)],
    "endless": endless("gold"),
}
BAD_MEMOS = {
    "int": 5,
    "bytes": b"x",
    "empty": "",
    "501 signs": "x" * 501,
    "huge": HUGE_TEXT,
    "control sign": "a\x07",
    "line feed": "a\nb",
    "bidi mark": "\u2066a",
    "lone surrogate": "\ud800",
}
BAD_PERIODS = {
    "int": 202603,
    "true": True,
    "bytes": b"2026-03",
    "empty": "",
    "month 13": "2026-13",
    "month 0": "2026-00",
    "short": "2026-3",
    "another span": "2026-W10",
    "day": "2026-03-01",
    "lifetime": "lifetime",
    "line feed": "2026-03\n",
    "full-width digits": "\uff12\uff10\uff12\uff16-03",
    "year 0": "0000-03",
    "huge": HUGE_TEXT,
}
BAD_TEXTS = {kind: value for kind, value in NO_TEXT.items() if not isinstance(value, str)} | {
    "empty": "",
    "no code": "hello",
    "huge": HUGE_TEXT,
    "lone surrogate": "\ud800" * 11,
    "NUL": "\0" * 11,
    "mistyped": "BBBBBBBBBBC",
}


NEVER_ISSUED = Stage(spring_program()).engine.invite_code("alice").text


def raised(name: str, act: Callable[[Stage], object], where: str) -> Row:
    return Row(name, act, InvalidInput, "invalid_input", where)


def view_rows(method: str, name: str, values: dict[str, Any], *before: object) -> list[Row]:
    def act(value: object) -> Callable[[Stage], object]:
        return lambda stage: getattr(stage.engine.board("inviters"), method)(*before, value)

    return [raised(f"board.{method}({name}) {kind}", act(value), name) for kind, value in values.items()]


def lot(**given: Any) -> Callable[[Stage], object]:
    return lambda stage: stage.engine.issue_codes(**{"n": 2, **given})


ARGUMENT_ROWS = [
    *arguments("join", "member_id", BAD_IDS),
    *arguments("join", "at", {kind: at for kind, at in BAD_TIMES.items() if at is not None}, member_id="newcomer"),
    *arguments("join", "roles", BAD_LABELS, member_id="newcomer"),
    *arguments("join", "tags", BAD_LABELS | {"endless": endless("gold")}, member_id="newcomer"),
    *arguments("invite_code", "member_id", BAD_IDS),
    *arguments("invite_code", "campaign", BAD_CHOICES, member_id="newcomer"),
    *arguments("issue_codes", "n", BAD_COUNTS | {"100,001": 100_001}),
    *arguments("issue_codes", "campaign", BAD_CHOICES, n=2),
    *arguments("issue_codes", "owner", {kind: bad for kind, bad in SOME_IDS.items() if bad is not None}, n=2),
    *arguments("issue_codes", "max_uses", {k: v for k, v in BAD_CURSORS.items() if k != "none"}, n=2),
    *arguments("issue_codes", "starts_at", BAD_TIMES, n=2),
    *arguments("issue_codes", "expires_at", BAD_TIMES, n=2),
    raised("issue_codes of an empty window", lot(starts_at=START, expires_at=START), "expires_at"),
    raised("issue_codes of a window backwards", lot(starts_at=START, expires_at=START - timedelta(1)), "expires_at"),
    Row("issue_codes for a stranger", lot(owner="ghost"), UnknownMember, "unknown_member"),
    *arguments("disable_code", "text", BAD_TEXTS),
    Row("disable_code never issued", lambda s: s.engine.disable_code(NEVER_ISSUED), UnknownCode, "unknown_code"),
    *arguments(
        "record_many", "events", {kind: bad for kind, bad in NO_TEXT.items() if kind not in {"list", "generator"}}
    ),
    *arguments("record_many", "events", {"text": "abc", "mapping": {"id": "e"}}),
    *arguments("explain", "event_id", BAD_IDS | {"not recorded": "ghost"}),
    *arguments("release_due", "limit", BAD_COUNTS | {"beyond a million": 1_000_001}),
    *arguments("member", "member_id", SOME_IDS),
    *arguments("referral", "member_id", SOME_IDS),
    *arguments("referrals", "referrer_id", SOME_IDS),
    *arguments(
        "referrals", "state", {"unknown": "lost", "int": 5, "list": ["qualified"], "true": True}, referrer_id="bob"
    ),
    *arguments("referrals", "after", BAD_CURSORS, referrer_id="bob"),
    *arguments("referrals", "limit", BAD_COUNTS | {"1,001": 1_001}, referrer_id="bob"),
    *arguments("balance", "member_id", SOME_IDS),
    *arguments("balance", "unit", BAD_CHOICES | {"none": None}, member_id="bob"),
    *arguments("statement", "member_id", SOME_IDS),
    *arguments("statement", "unit", {"unknown": "gold", "list": [], "huge": HUGE_TEXT}, member_id="bob"),
    *arguments("statement", "after", BAD_CURSORS, member_id="bob"),
    *arguments("statement", "limit", BAD_COUNTS, member_id="bob"),
    *arguments("budget", "campaign", BAD_CHOICES | {"none": None}, unit="points"),
    *arguments("budget", "unit", {"unknown": "gold", "none": None, "int": 5}, campaign="spring"),
    *arguments("redeem", "member_id", BAD_IDS, amount=1, key="k"),
    *arguments("redeem", "amount", BAD_AMOUNTS | {"none": None}, member_id="bob", key="k"),
    *arguments("redeem", "unit", BAD_CHOICES | {"none": None}, member_id="bob", amount=1, key="k"),
    *arguments("redeem", "key", BAD_IDS, member_id="bob", amount=1),
    *arguments("redeem", "memo", BAD_MEMOS, member_id="bob", amount=1, key="k"),
    Row("redeem of a stranger", lambda s: s.engine.redeem("ghost", 1, key="k"), UnknownMember, "unknown_member"),
    Row(
        "redeem of too much",
        lambda stage: stage.engine.redeem("bob", 10**15, key="k"),
        InsufficientBalance,
        "insufficient_balance",
    ),
    *arguments("board", "board_id", BAD_CHOICES | {"none": None}),
    *arguments("board", "period", BAD_PERIODS, board_id="inviters"),
    *view_rows("top", "n", BAD_COUNTS | {"1,001": 1_001}),
    *view_rows("rank", "member_id", SOME_IDS),
    *view_rows("entry", "member_id", SOME_IDS),
    *view_rows("around", "member_id", SOME_IDS),
    *view_rows("around", "size", BAD_COUNTS | {"1,001": 1_001}, "alice"),
    *arguments("messages", "after", BAD_CURSORS),
    *arguments("messages", "limit", BAD_COUNTS),
    *arguments("acknowledge", "up_to", BAD_CURSORS | {"none": None}),
    *arguments("bind", "connection", {"none": None, "text": "sqlite://", "object": object()}),
    raised("engine over no store", lambda _: ReferralEngine(None, spring_program()), "store"),  # type: ignore[arg-type]
    raised("engine over an async store", lambda _: ReferralEngine(AsyncMemoryStore(), spring_program()), "store"),  # type: ignore[arg-type]
    raised("engine over a class", lambda _: ReferralEngine(MemoryStore, spring_program()), "store"),  # type: ignore[arg-type]
    raised("engine of no program", lambda stage: ReferralEngine(stage.store, None), "program"),  # type: ignore[arg-type]
    raised("engine of data", lambda s: ReferralEngine(s.store, spring_program().model_dump()), "program"),  # type: ignore[arg-type]
]
