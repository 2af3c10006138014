"""Names, arguments and defaults of the contract, as they are written there."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from referral_engine import (
    AsyncReferralEngine,
    BoardView,
    Explanation,
    Program,
    ReferralEngine,
    RuleContext,
    UndeclaredFact,
    field,
    rule,
)

SIGNATURES = {
    "join": "(member_id, *, at=None, roles=(), tags=())",
    "invite_code": "(member_id, *, campaign=None)",
    "issue_codes": "(n, *, campaign=None, owner=None, max_uses=None, starts_at=None, expires_at=None)",
    "disable_code": "(text)",
    "record": "(event)",
    "record_many": "(events)",
    "combiner": "(*, batch_max=1000, waiting_max=10000)",
    "preview": "(event)",
    "explain": "(event_id)",
    "release_due": "(*, limit=10000)",
    "member": "(member_id)",
    "referral": "(member_id)",
    "referrals": "(referrer_id, *, state=None, after=None, limit=100)",
    "balance": "(member_id, unit='points')",
    "statement": "(member_id, unit='points', *, after=None, limit=100)",
    "budget": "(campaign, unit)",
    "redeem": "(member_id, amount, unit='points', *, key, memo=None)",
    "board": "(board_id, *, period=None)",
    "messages": "(*, after=None, limit=100)",
    "acknowledge": "(up_to)",
    "verify": "()",
}

VIEW = {"top": "(n=10)", "rank": "(member_id)", "entry": "(member_id)", "around": "(member_id, size=5)", "count": "()"}


def bare(function: Any, *, method: bool = True) -> str:
    """A signature without annotations and without self."""
    parameters = list(inspect.signature(function).parameters.values())[int(method) :]
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature(plain))


@pytest.mark.parametrize("engine", [ReferralEngine, AsyncReferralEngine])
@pytest.mark.parametrize(("name", "signature"), SIGNATURES.items())
def test_the_methods_of_an_engine(engine, name, signature):
    assert bare(getattr(engine, name)) == signature


@pytest.mark.parametrize(("name", "signature"), VIEW.items())
def test_the_methods_of_a_board_view(name, signature):
    assert bare(getattr(BoardView, name)) == signature


def test_the_rest_of_what_is_called():
    assert bare(ReferralEngine, method=False) == "(store, program, *, clock=None)"
    assert bare(rule, method=False) == (
        "(on, version, needs=(), *, limits=(), starts_at=None, ends_at=None, priority=0)"
    )
    assert bare(RuleContext.award) == "(to, *, because=None, hold=None, confirmed_by=None, **units)"
    assert bare(RuleContext.because) == "(text)"
    assert bare(Explanation.text) == "()"
    assert bare(field, method=False) == "(name)"
    assert bare(UndeclaredFact, method=False) == "(fact)"
    assert {"revision", "model_dump_json", "model_validate_json"} <= set(dir(Program))


def test_a_condition_has_the_methods_of_the_contract():
    names = ["in_", "not_in", "between", "exists", "contains", "starts_with"]
    assert [name for name in names if not callable(getattr(field("event.amount"), name, None))] == []


@pytest.mark.parametrize(("name", "signature"), SIGNATURES.items())
def test_every_method_says_what_it_does(name, signature):
    assert len(inspect.getdoc(getattr(ReferralEngine, name)) or "") > 20
