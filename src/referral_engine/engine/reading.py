"""Reading members, referrals, explanations and the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from referral_engine.changes import Acknowledge, Decision
from referral_engine.engine.arguments import require_count, require_cursor
from referral_engine.engine.explanation import Explanation, explanation_of
from referral_engine.errors import InvalidInput
from referral_engine.facts import Wanted
from referral_engine.ids import require_id
from referral_engine.referrals import Referral, ReferralState
from referral_engine.validation import TOTAL_MAX

if TYPE_CHECKING:
    from referral_engine.engine.core import Core
    from referral_engine.members import Member
    from referral_engine.outcomes import Message

PAGE_MAX = 1_000
_STATES = get_args(ReferralState)


async def member(core: Core, member_id: str) -> Member | None:
    """A member, or None."""
    name = require_id("member_id", member_id)
    facts = await core.store.read(Wanted(program=core.program, members=frozenset({name})))
    return facts.members.get(name)


async def referral(core: Core, member_id: str) -> Referral | None:
    """The referral of a referee, or None."""
    name = require_id("member_id", member_id)
    facts = await core.store.read(Wanted(program=core.program, members=frozenset({name})))
    return facts.referrals.get(name)


async def referrals(
    core: Core, referrer_id: str, state: ReferralState | None, after: int | None, limit: int
) -> list[Referral]:
    """A page of the referrals of a referrer."""
    if state is not None and state not in _STATES:
        raise InvalidInput("state", f"must be one of {', '.join(_STATES)}")
    name, since = require_id("referrer_id", referrer_id), require_cursor("after", after)
    return await core.store.referrals(core.program, name, state, since, require_count("limit", limit, 1, PAGE_MAX))


async def explain(core: Core, event_id: str) -> Explanation:
    """Why each rule paid or did not pay for a recorded event."""
    name = require_id("event_id", event_id)
    facts = await core.store.read(Wanted(program=core.program, events=frozenset({name})))
    event = facts.events.get(name)
    if event is None:
        problem = f"no event {name!r} is recorded; a rejected one leaves no trace, its outcome told the reasons"
        raise InvalidInput("event_id", problem)
    return explanation_of(event)


async def messages(core: Core, after: int | None, limit: int) -> list[Message]:
    """A page of the outbox."""
    since = require_cursor("after", after)
    return await core.store.messages(core.program, since, require_count("limit", limit, 1, PAGE_MAX))


async def acknowledge(core: Core, up_to: int) -> None:
    """Note that the outbox was read up to a cursor."""
    cursor = require_count("up_to", up_to, 0, TOTAL_MAX)
    await core.store.apply(Wanted(program=core.program), lambda _: Decision(None, (Acknowledge(cursor),)))
