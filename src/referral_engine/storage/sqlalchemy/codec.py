"""How values that are no plain columns are kept: times as whole microseconds, the rest as compact JSON text.

Records become bare lists, in the order of their fields and without their last empty ones. What says nothing, such as
the outcome of an event that paid nobody, is NULL and costs nothing.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from referral_engine.events import microseconds
from referral_engine.facts import NO_FOOTPRINT, Footprint, LimitKey, ScoreKey
from referral_engine.ledger.grant import Grant, Reversal
from referral_engine.outcomes import Outcome, Reason, Verdict
from referral_engine.referrals.referral import Referral
from referral_engine.validation import TIME_MIN, FrozenDict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_NO_WORDS: frozenset[str] = frozenset()
_NOTHING: FrozenDict[Any] = FrozenDict()
_read = json.JSONDecoder().decode


def _write(value: object) -> str:
    """Write JSON, by the fastest writer that is there; what is kept is text, whole numbers, truth values and None."""
    return to_json(value).decode()


def _frozen(value: Any) -> Any:
    """Freeze what was read, all the way down."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return FrozenDict({key: _frozen(item) for key, item in value.items()})
    return value


def time_of(number: int) -> datetime:
    """Turn microseconds since 1970 into an aware datetime."""
    return TIME_MIN + timedelta(0, 0, number)


def maybe_time_of(number: int | None) -> datetime | None:
    """Turn microseconds since 1970 into an aware datetime, and None into None."""
    return None if number is None else TIME_MIN + timedelta(0, 0, number)


def maybe_microseconds(moment: datetime | None) -> int | None:
    """Turn an aware datetime into microseconds since 1970, and None into None."""
    return None if moment is None else microseconds(moment)


def write_mapping(mapping: Mapping[str, Any]) -> str | None:
    """Write attributes; None for an empty mapping."""
    return _write(mapping) if mapping else None


def write_payload(mapping: Mapping[str, Any]) -> str:
    """Write a message's payload."""
    return _write(mapping)


def read_mapping(text: str | None) -> Mapping[str, Any]:
    """Read a mapping that `write_mapping` or `write_payload` wrote."""
    if text is None:
        return _NOTHING
    return FrozenDict({key: _frozen(value) for key, value in _read(text).items()})


def write_words(words: Collection[str]) -> str | None:
    """Write roles or tags; None for none."""
    return _write(sorted(words)) if words else None


def read_words(text: str | None) -> frozenset[str]:
    """Read what `write_words` wrote."""
    return _NO_WORDS if text is None else frozenset(_read(text))


def write_outcome(outcome: Outcome) -> str | None:
    """Write an outcome but its event's id and revision, which have columns; None for one that is merely accepted."""
    referral, grants, reversals, reasons = outcome.referral, outcome.grants, outcome.reversals, outcome.reasons
    confirmed = outcome.confirmed
    if referral is None and not (grants or reversals or reasons or confirmed) and outcome.status == "accepted":
        return None
    parts = (
        None if referral is None else _referral_out(referral),
        [_grant_out(grant) for grant in grants],
        [(r.grant, r.member, r.unit, r.amount, r.from_held, r.debt, r.waived) for r in reversals],
        [(reason.code, reason.rule, reason.values) for reason in reasons],
        outcome.status,
    )
    return _write((*parts, [_grant_out(grant) for grant in confirmed]) if confirmed else parts)


def read_outcome(text: str | None, event_id: str, revision: str) -> Outcome:
    """Read what `write_outcome` wrote."""
    if text is None:
        return Outcome(event_id, "accepted", None, (), (), (), revision)
    referral, grants, reversals, reasons, status, *more = _read(text)
    return Outcome(
        event_id=event_id,
        status=status,
        referral=None if referral is None else _referral_in(referral),
        grants=tuple(map(_grant_in, grants)),
        reversals=tuple(Reversal(*row) for row in reversals),
        reasons=tuple(Reason(code, rule, _frozen(values)) for code, rule, values in reasons),
        revision=revision,
        confirmed=tuple(_grant_in(row) for rows in more for row in rows),
    )


def _grant_out(grant: Grant) -> tuple[Any, ...]:
    until = grant.held_until
    held_until = None if until is None else microseconds(until)
    plain = (
        grant.id, grant.rule, grant.to, grant.member, grant.kind, grant.unit, grant.amount, grant.wanted, held_until,
    )  # fmt: skip
    return plain if grant.confirmed_by is None else (*plain, grant.confirmed_by)


def _grant_in(row: list[Any]) -> Grant:
    id_, rule, recipient, member, kind, unit, amount, wanted, held_until, *confirmed_by = row
    return Grant(id_, rule, recipient, member, kind, unit, amount, wanted, maybe_time_of(held_until), *confirmed_by)


def _referral_out(one: Referral) -> tuple[Any, ...]:
    ends = (one.referee, one.referrer, one.state, one.channel, one.campaign, one.code, one.link)
    return (*ends, microseconds(one.at), maybe_microseconds(one.qualified_at))


def _referral_in(row: list[Any]) -> Referral:
    referee, referrer, state, channel, campaign, code, link, at, qualified_at = row
    times = time_of(at), maybe_time_of(qualified_at)
    return Referral(referee, referrer, state, channel, campaign, code, link, *times)


def write_verdicts(verdicts: tuple[Verdict, ...]) -> str | None:
    """Write the trace of an event; None when no rule looked at it."""
    return _write([_verdict_out(verdict) for verdict in verdicts]) if verdicts else None


def _verdict_out(one: Verdict) -> tuple[Any, ...]:
    if one.because:
        return (one.rule, one.status, one.path, one.field, one.found, one.code, one.because)
    if one.code is not None:
        return (one.rule, one.status, one.path, one.field, one.found, one.code)
    if one.path is not None or one.field is not None:
        return (one.rule, one.status, one.path, one.field, one.found)
    return (one.rule, one.status) if one.found is None else (one.rule, one.status, None, None, one.found)


def read_verdicts(text: str | None) -> tuple[Verdict, ...]:
    """Read what `write_verdicts` wrote."""
    return () if text is None else tuple(Verdict(*map(_frozen, row)) for row in _read(text))


def write_footprint(footprint: Footprint) -> str | None:
    """Write what an event added to shared counters; None for nothing."""
    if footprint is NO_FOOTPRINT or footprint == NO_FOOTPRINT:
        return None
    limits = [(*key, by) for key, by in footprint.limits]
    scores = [(*key, by) for key, by in footprint.scores]
    return _write((limits, scores, footprint.code))


def read_footprint(text: str | None) -> Footprint:
    """Read what `write_footprint` wrote."""
    if text is None:
        return NO_FOOTPRINT
    limits, scores, code = _read(text)
    return Footprint(
        limits=tuple((LimitKey(*row[:-1]), row[-1]) for row in limits),
        scores=tuple((ScoreKey(*row[:-1]), row[-1]) for row in scores),
        code=code,
    )
