"""The books: balances, lots, statements, budgets, what is owed in all, who changed what, and whether it adds up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.decisions import decide_publication, want_publication
from referral_engine.engine.arguments import require_count, require_cursor, require_memo
from referral_engine.engine.reading import PAGE_MAX
from referral_engine.facts import Wanted
from referral_engine.ids import require_id
from referral_engine.ledger import (
    NOTHING,
    Balance,
    Budget,
    Carried,
    Entry,
    Liability,
    Lot,
    Spend,
    budget_of,
    entries_of,
    liability_of,
    without_due,
)

if TYPE_CHECKING:
    from referral_engine.engine.core import Core
    from referral_engine.outcomes import AuditEntry, Drift, Revision


async def _purse(core: Core, member_id: str, unit: str) -> tuple[Balance, list[Lot]]:
    name, kind = require_id("member_id", member_id), core.unit(unit)
    units = frozenset({kind})
    facts = await core.store.read(Wanted(program=core.program, members=frozenset({name}), units=units, lot_units=units))
    lots = facts.lots.get((name, kind), {}).values()
    return facts.balances.get((name, kind), NOTHING), sorted(lots, key=lambda lot: (lot.expires_at, lot.slot))


async def balance(core: Core, member_id: str, unit: str) -> Balance:
    """What a member has; zeros for a stranger. A lot whose end has come is gone, written down or not."""
    kept, lots = await _purse(core, member_id, unit)
    return without_due(kept, lots, core.now())


async def lots(core: Core, member_id: str, unit: str) -> list[Lot]:
    """What a member has that expires, the soonest first."""
    _, found = await _purse(core, member_id, unit)
    now = core.now()
    return [lot for lot in found if lot.expires_at > now]


async def statement(core: Core, member_id: str, unit: str, after: int | None, limit: int) -> list[Entry]:
    """A page of a member's statement."""
    name, kind, since = require_id("member_id", member_id), core.unit(unit), require_cursor("after", after)
    found = await core.store.transfers(core.program, name, kind, since, require_count("limit", limit, 1, PAGE_MAX))
    carried = Carried() if not (since and found) else await core.store.carried(core.program, name, kind, since)
    return entries_of(found, carried)


async def budget(core: Core, campaign: str, unit: str) -> Budget:
    """What a campaign may give and has given."""
    where, kind = core.campaign(campaign), core.unit(unit)
    facts = await core.store.read(Wanted(program=core.program, spends=frozenset({(where, kind)})))
    owner = core.compiled.program.campaign(where)
    total = None if owner is None else owner.total(kind)
    return budget_of(total, facts.spends.get((where, kind), Spend()))


async def liability(core: Core, unit: str) -> Liability:
    """What is owed to all members in one unit."""
    kind, now = core.unit(unit), core.now()
    total, left = await core.store.liability(core.program, kind)
    return liability_of(kind, total, left, now, core.compiled.calendar)


async def publish(core: Core, *, actor: str, memo: str | None) -> Revision:
    """Keep the engine's program as the latest revision."""
    who, words, compiled, now = require_id("actor", actor), require_memo(memo), core.compiled, core.now()
    decision = await core.store.apply(
        want_publication(core.program), lambda facts: decide_publication(compiled, facts, who, words, now)
    )
    return decision.result


async def audit_log(core: Core, after: int | None, limit: int) -> list[AuditEntry]:
    """A page of the audit log."""
    since = require_cursor("after", after)
    return await core.store.audit_log(core.program, since, require_count("limit", limit, 1, PAGE_MAX))


async def verify(core: Core) -> list[Drift]:
    """Add everything up again."""
    return await core.store.drift(core.program)
