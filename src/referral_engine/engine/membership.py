"""Joining, and the codes that members invite by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import shortuuid

from referral_engine.codes import InviteCode, generate, parse
from referral_engine.decisions import (
    CodeLot,
    decide_code_lot,
    decide_disable,
    decide_invite,
    decide_join,
    fresh_code,
    want_code,
    want_code_lot,
    want_invite,
    want_member,
)
from referral_engine.engine.arguments import (
    require_count,
    require_labels,
    require_optional_count,
    require_optional_time,
    require_time,
)
from referral_engine.errors import CodeSpaceExhausted, InvalidInput
from referral_engine.ids import require_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from referral_engine.engine.core import Core
    from referral_engine.members import Member

LOT_MAX = 100_000
"""How many codes one call issues at most; they are written in one transaction."""

ROUNDS_MAX = 16
"""How often new candidates are drawn when some were taken."""

CANDIDATES = 4


async def join(core: Core, member_id: str, at: datetime | None, roles: Iterable[str], tags: Iterable[str]) -> Member:
    """Make a member, or add roles and tags to one."""
    member = require_id("member_id", member_id)
    moment = core.now() if at is None else require_time("at", at)
    role_set, tag_set = require_labels("roles", roles), require_labels("tags", tags)
    wanted = want_member(core.program, member)
    decision = await core.store.apply(wanted, lambda facts: decide_join(facts, member, moment, role_set, tag_set))
    return decision.result


async def invite_code(core: Core, member_id: str, campaign: str | None) -> InviteCode:
    """The one code that a member has for a campaign."""
    member = require_id("member_id", member_id)
    where = core.optional_campaign(campaign)
    spec, now = core.compiled.program.codes, core.now()
    for _ in range(ROUNDS_MAX):
        candidates = generate(spec, CANDIDATES)
        decision = await core.store.apply(
            want_invite(core.program, member, where, candidates),
            lambda facts, texts=candidates: decide_invite(facts, member, where, texts, now),  # type: ignore[misc]
        )
        if decision.result is not None:
            code: InviteCode = decision.result
            return code
    raise CodeSpaceExhausted(1, spec.space)


async def issue_codes(
    core: Core,
    n: int,
    *,
    campaign: str | None,
    owner: str | None,
    max_uses: int | None,
    starts_at: datetime | None,
    expires_at: datetime | None,
) -> list[InviteCode]:
    """Issue a lot of new codes, all or none."""
    count = require_count("n", n, 1, LOT_MAX)
    begin = require_optional_time("starts_at", starts_at)
    end = require_optional_time("expires_at", expires_at)
    if begin is not None and end is not None and begin >= end:
        raise InvalidInput("expires_at", "must be after starts_at")
    model = replace(
        fresh_code("", core.optional_member("owner", owner), core.optional_campaign(campaign)),
        max_uses=require_optional_count("max_uses", max_uses),
        starts_at=begin,
        expires_at=end,
        lot=shortuuid.uuid(),
    )
    lot, spec = CodeLot(count, model), core.compiled.program.codes
    for spare in range(ROUNDS_MAX):
        candidates = generate(spec, count + spare * (1 + count // 8))
        decision = await core.store.apply(
            want_code_lot(core.program, lot, candidates),
            lambda facts, texts=candidates: decide_code_lot(facts, lot, texts),  # type: ignore[misc]
        )
        if decision.result:
            codes: list[InviteCode] = decision.result
            return codes
    raise CodeSpaceExhausted(count, spec.space)


async def disable_code(core: Core, text: str) -> InviteCode:
    """Disable a code."""
    if not isinstance(text, str):
        raise InvalidInput("text", "must be the text of a code")
    parsed = parse(core.compiled.program.codes, text)
    if parsed.text is None:
        raise InvalidInput("text", f"is not a code of this program ({parsed.problem})")
    canonical = parsed.text
    decision = await core.store.apply(
        want_code(core.program, canonical), lambda facts: decide_disable(facts, canonical)
    )
    return decision.result
