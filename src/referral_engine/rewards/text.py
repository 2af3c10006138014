"""Conditions as text: an own scanner and a recursive-descent parser from text to the data form."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, NoReturn

from referral_engine.rewards.vocabulary import LISTED, Fact, Operator, fact, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT_LENGTH_MAX = 4096
"""The longest condition, in characters, that is read as text."""
DEPTH_MAX = 32
"""How many conditions may lie one in another; a leaf alone is 1 deep."""
NODES_MAX = 256
"""How many leaves and groups one condition holds."""

Data = dict[str, Any]
"""A condition as plain data, `{"field": …, "op": …, "value": …}` or a group of such."""
_Group = Literal["all", "any"]

_SIGNS: Final[dict[str, Operator]] = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_WORDS: Final[dict[str, Operator]] = {
    "in": "in",
    "not in": "not_in",
    "between": "between",
    "exists": "exists",
    "contains": "contains",
    "starts_with": "starts_with",
}
_MENDS: Final = {"=": "==", "=>": ">=", "=<": "<=", "<>": "!=", "===": "==", "!==": "!=", "!": "not"}
_MENDS_JOINING: Final = {"&": "and", "&&": "and", "|": "or", "||": "or"}
_KEYWORDS: Final = frozenset({"and", "or", "not", "true", "false", *_WORDS})
_CLOSING: Final = {"(": ")", "[": "]"}
_NUMBER_DIGITS_MAX = 19

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<name>[A-Za-z][A-Za-z0-9_.@-]*)
    |(?P<number>-?[0-9][A-Za-z0-9_.]*)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<mend>!==|===|=>|=<|<>|&&?|\|\|?|=(?!=)|!(?!=))
    |(?P<sign>==|!=|<=|>=|[<>()\[\],])""",
    re.ASCII | re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _Part(NamedTuple):
    """A piece of the condition, with its size."""

    data: Data
    nodes: int
    depth: int


def parse(text: str) -> Data:
    """Read a condition from text into its data form; ValueError says at which character what was expected.

    Data, not the model, so that text knows nothing of it; every leaf was checked and passes the model as it is.
    """
    if len(text) > TEXT_LENGTH_MAX:
        msg = f"a condition in text has at most {TEXT_LENGTH_MAX:,} characters; write it as data or with field()"
        raise ValueError(msg)
    return _Parser(_scan(text)).whole()


def _fail(at: int, problem: str) -> NoReturn:
    msg = f"character {at + 1}: {problem}"
    raise ValueError(msg)


def _scan(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            quoted = text[at] in "\"'"
            _fail(at, "this quote is never closed" if quoted else f"{text[at]!r} can't stand here")
        token = _Token(str(found.lastgroup), found.group(), at)
        if token.kind == "mend":
            _fail(at, f"write {(_MENDS | _MENDS_JOINING)[token.text]!r} instead of {token.text!r}")
        if token.kind != "space":
            tokens.append(token)
        at = found.end()
    return [*tokens, _Token("end", "", at)]


class _Parser:
    """One reading of one text; a method for each rule of the grammar, the loosest first."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._index = 0
        self._open = 0

    def whole(self) -> Data:
        """Read everything."""
        part = self._either()
        token = self._peek()
        if token.text in _SIGNS:
            _fail(token.at, "comparisons can't be chained; write `fact between low and high`, or join two with `and`")
        if token.kind != "end":
            self._expected("`and`, `or` or the end", token)
        return part.data

    def _peek(self, ahead: int = 0) -> _Token:
        return self._tokens[min(self._index + ahead, len(self._tokens) - 1)]

    def _next(self) -> _Token:
        token = self._peek()
        self._index += 1
        return token

    def _took(self, word: str) -> bool:
        took = self._peek().text == word
        self._index += took
        return took

    def _expected(self, what: str, token: _Token) -> NoReturn:
        if token.kind == "end":
            _fail(token.at, f"expected {what}, found the end of the text")
        hint = ""
        if token.kind == "name" and token.text not in _KEYWORDS:
            near = get_close_matches(token.text.lower()[:40], sorted(_KEYWORDS), 1, 0.75)
            hint = f"; did you mean {near[0]!r}?" if near else ""
        _fail(token.at, f"expected {what}, found {token.text[:40]!r}{hint}")

    def _either(self) -> _Part:
        parts = [self._both()]
        while self._took("or"):
            parts.append(self._both())
        return self._group("any", parts)

    def _both(self) -> _Part:
        parts = [self._negation()]
        while self._took("and"):
            parts.append(self._negation())
        return self._group("all", parts)

    def _negation(self) -> _Part:
        if not self._took("not"):
            return self._primary()
        self._enter()
        part = self._negation()
        self._open -= 1
        return self._sized(_Part({"not": part.data}, part.nodes + 1, part.depth + 1))

    def _primary(self) -> _Part:
        if not self._took("("):
            return _Part(self._comparison(), 1, 1)
        self._enter()
        part = self._either()
        self._open -= 1
        if not self._took(")"):
            self._expected("`)`, `and` or `or`", self._peek())
        return part

    def _enter(self) -> None:
        self._open += 1
        if self._open > DEPTH_MAX:
            _fail(self._peek(-1).at, f"a condition is nested at most {DEPTH_MAX} deep")

    def _group(self, kind: _Group, parts: list[_Part]) -> _Part:
        """Join parts; a group of the same kind among them gives its own parts, as `a & b & c` does."""
        if len(parts) == 1:
            return parts[0]
        flat: list[Data] = []
        nodes, depth = 1, 1
        for part in parts:
            same = kind in part.data
            flat += part.data[kind] if same else [part.data]
            nodes += part.nodes - same
            depth = max(depth, part.depth + (not same))
        return self._sized(_Part({kind: flat}, nodes, depth))

    def _sized(self, part: _Part) -> _Part:
        if part.nodes > NODES_MAX:
            _fail(self._peek().at, f"a condition has at most {NODES_MAX} comparisons and groups")
        if part.depth > DEPTH_MAX:
            _fail(self._peek().at, f"a condition is nested at most {DEPTH_MAX} deep")
        return part

    def _comparison(self) -> Data:
        found = self._fact()
        op = self._operator(found)
        if op is None:
            return {"field": found.name, "op": "eq", "value": True}
        at = self._peek().at
        value = self._value(op)
        try:
            kept = literal(found, op, value)
        except ValueError as exc:
            _fail(at, str(exc))
        leaf = {"field": found.name, "op": op}
        return leaf if op == "exists" else {**leaf, "value": kept}

    def _operator(self, found: Fact) -> Operator | None:
        """Take the operator; None is a fact that stands alone and is true or false itself."""
        token = self._peek()
        words = "not in" if (token.text, self._peek(1).text) == ("not", "in") else token.text
        if op := _SIGNS.get(words) or _WORDS.get(words):
            self._index += 1 + (op == "not_in")
            return op
        if found.type == "bool" and (token.kind in {"end", "sign"} or token.text in {"and", "or"}):
            return None
        return self._expected(f"one of {' '.join(_SIGNS)} or {', '.join(_WORDS)}", token)

    def _value(self, op: Operator) -> object:
        if op == "exists":
            return None
        if op in LISTED:
            return self._list()
        low = self._literal()
        if op != "between":
            return low
        if not self._took("and"):
            self._expected("`and` and the upper end", self._peek())
        return low, self._literal()

    def _fact(self) -> Fact:
        token = self._next()
        if token.kind in {"number", "text"} or token.text in {"true", "false"}:
            _fail(token.at, "a comparison begins with the fact, as in `event.amount >= 2000`; a range is `between`")
        if token.kind != "name" or token.text in _KEYWORDS:
            self._expected("a fact, `not` or `(`", token)
        try:
            return fact(token.text)
        except ValueError as exc:
            _fail(token.at, str(exc))

    def _list(self) -> list[object]:
        token = self._next()
        if token.text not in _CLOSING or token.kind != "sign":
            self._expected("a list such as [1, 2]", token)
        closing = _CLOSING[token.text]
        values: list[object] = []
        if not self._took(closing):
            values.append(self._literal())
            while self._took(","):
                values.append(self._literal())
            if not self._took(closing):
                self._expected(f"`,` or `{closing}`", self._peek())
        return values

    def _literal(self) -> int | str | bool:
        token = self._next()
        if token.kind == "number":
            return _number(token)
        if token.kind == "text":
            return _unquoted(token)
        if token.text in {"true", "false"}:
            return token.text == "true"
        return self._expected("a whole number, quoted text, true or false", token)


def _number(token: _Token) -> int:
    digits = token.text.removeprefix("-")
    if not digits.isdigit():
        _fail(token.at, f"{token.text[:40]!r} is no whole number: write digits only, amounts in minor units")
    if len(digits) > _NUMBER_DIGITS_MAX:
        _fail(token.at, "a number must fit in 64 bits")
    if digits[0] == "0" and digits != "0":
        _fail(token.at, "a number has no zeros in front")
    return int(token.text)


def _unquoted(token: _Token) -> str:
    inner = token.text[1:-1]
    for found in _ESCAPE.finditer(inner):
        if found.group(1) not in "\\\"'":
            _fail(token.at + 1 + found.start(), "a backslash stands only before a quote or a backslash")
    return _ESCAPE.sub(r"\1", inner)
