"""Strategies for what an event is made of, and for one event by itself."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from referral_engine.codes import CodeSpec, check_symbol
from referral_engine.engine.arguments import require_time
from referral_engine.events import REFUND, SIGNUP, Event
from referral_engine.validation import AMOUNT_MAX, TOTAL_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

MEMBERS = ("alice", "bob", "carol", "dave")
"""Few members, so that they meet."""

TYPES = ("purchase", "checkin")
"""Types of events besides sign-ups and refunds."""

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)

_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_MICROSECOND = timedelta(microseconds=1)
_ZONES = (UTC, timezone(timedelta(hours=8)), timezone(-timedelta(hours=3, minutes=30)))


def member_ids() -> SearchStrategy[str]:
    """Ids of members: the everyday ones of MEMBERS, and any other of 1 to 128 characters."""
    return st.sampled_from(MEMBERS) | _ids()


def event_ids() -> SearchStrategy[str]:
    """Ids of events, of 1 to 128 characters; ask for several of them with `unique=True`."""
    return _ids()


def _ids() -> SearchStrategy[str]:
    return st.text(_LETTERS_AND_DIGITS + "._:/=-", min_size=1, max_size=128)


def names() -> SearchStrategy[str]:
    """Names of programs, campaigns, rules, boards, units and event types, of 1 to 64 characters."""
    rest = st.text(_LETTERS_AND_DIGITS + "._-", max_size=63)
    return st.builds(str.__add__, st.sampled_from(_LETTERS_AND_DIGITS), rest)


def amounts(min_value: int = 1, max_value: int = AMOUNT_MAX) -> SearchStrategy[int]:
    """Amounts in minor units, mostly below 100.00 of a unit of two decimals, up to the largest there is."""
    everyday = st.integers(min_value, max(min_value, min(max_value, 10_000)))
    return everyday | st.integers(min_value, max_value)


def times(start: datetime | str = START, end: datetime | str = END) -> SearchStrategy[datetime]:
    """Aware times in [start, end), in several zones: round ones by the hour, and any microsecond."""
    first, past = require_time("start", start), require_time("end", end)
    last = (past - first) // _MICROSECOND - 1
    hours = st.integers(0, last // 3_600_000_000).map(lambda hour: hour * 3_600_000_000)
    offsets = hours | st.integers(0, last)
    return st.builds(
        lambda offset, zone: (first + offset * _MICROSECOND).astimezone(zone), offsets, st.sampled_from(_ZONES)
    )


def attributes() -> SearchStrategy[dict[str, Any]]:
    """Attributes of an event: up to four texts, whole numbers, truth values, nothings and flat lists of them."""
    text = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=20)
    scalars = st.none() | st.booleans() | st.integers(-TOTAL_MAX, TOTAL_MAX) | text
    keys = st.sampled_from(["country", "channel", "level"]) | st.text(
        _LETTERS_AND_DIGITS + "_-", min_size=1, max_size=64
    )
    return st.dictionaries(keys, scalars | st.lists(scalars, max_size=3), max_size=4)


def invite_codes(spec: CodeSpec | None = None) -> SearchStrategy[str]:
    """Texts that read as codes of a spec, the default one unless given; that one of them was issued is unlikely."""
    form = CodeSpec() if spec is None else spec

    def whole(symbols: str) -> str:
        return symbols + check_symbol(form.alphabet, symbols) if form.check else symbols

    canonical = st.text(form.alphabet, min_size=form.length, max_size=form.length).map(whole)
    return canonical | canonical.map(form.show)


def events(members: Sequence[str] = MEMBERS, types: Sequence[str] = TYPES) -> SearchStrategy[Event]:
    """One event by itself: a sign-up, a refund of an event that may never have been, or one of the host's types."""
    content: dict[str, SearchStrategy[Any]] = {
        "member": st.sampled_from(members),
        "at": st.none() | times(),
        "attributes": attributes(),
    }
    amount = st.none() | amounts()
    sign_up = {"id": event_ids(), "type": st.just(SIGNUP), **content}
    two = st.lists(event_ids(), min_size=2, max_size=2, unique=True)
    return st.one_of(
        st.builds(Event, id=event_ids(), type=st.sampled_from(types), amount=amount, **content),
        st.builds(Event, **sign_up),
        st.builds(Event, referrer=st.sampled_from(members), **sign_up),
        st.builds(Event, code=invite_codes(), **sign_up),
        st.builds(_refund_of, two, amount=amount, **content),
    )


def _refund_of(ids: Sequence[str], **content: Any) -> Event:
    return Event(id=ids[0], type=REFUND, of=ids[1], **content)
