"""Membership: people who are there already, and the invite codes they share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from referral_engine.changes import AddCode, Change, Decision, DisableCode, PutMember
from referral_engine.codes import InviteCode
from referral_engine.errors import UnknownCode, UnknownMember
from referral_engine.facts import Facts, Wanted
from referral_engine.members import Member, newcomer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


def want_member(program: str, member_id: str) -> Wanted:
    """Name what joining needs."""
    return Wanted(program=program, members=frozenset({member_id}), arriving=frozenset({member_id}))


def decide_join(
    facts: Facts, member_id: str, at: datetime, roles: frozenset[str], tags: frozenset[str]
) -> Decision[Member]:
    """Make the member, or add the roles and tags to those it has; its time of joining stays. Pure."""
    known = facts.members.get(member_id)
    before = newcomer(member_id, at) if known is None else known
    member = replace(before, roles=before.roles | roles, tags=before.tags | tags)
    if known == member:
        return Decision(known)
    return Decision(member, (PutMember(member, fresh=known is None),))


def want_invite(program: str, member_id: str, campaign: str | None, candidates: Sequence[str]) -> Wanted:
    """Name what giving a member its invite code needs."""
    return Wanted(
        program=program,
        members=frozenset({member_id}),
        arriving=frozenset({member_id}),
        codes=frozenset(candidates),
        own_codes=frozenset({(member_id, campaign)}),
    )


def decide_invite(
    facts: Facts, member_id: str, campaign: str | None, candidates: Sequence[str], now: datetime
) -> Decision[InviteCode | None]:
    """Answer the member's code for the campaign; make it of the first free candidate. None when all are taken. Pure."""
    if (text := facts.own_codes.get((member_id, campaign))) is not None:
        return Decision(facts.codes[text])
    free = next((text for text in candidates if text not in facts.codes), None)
    if free is None:
        return Decision(None)
    code = fresh_code(free, member_id, campaign)
    changes: tuple[Change, ...] = (AddCode(code, invite=True),)
    if member_id not in facts.members:
        changes = (PutMember(newcomer(member_id, now), fresh=True), *changes)
    return Decision(code, changes)


def fresh_code(text: str, owner: str | None, campaign: str | None) -> InviteCode:
    """A code without limits that nobody has used."""
    return InviteCode(
        text=text,
        owner=owner,
        campaign=campaign,
        state="active",
        uses=0,
        max_uses=None,
        starts_at=None,
        expires_at=None,
        lot=None,
    )


@dataclass(frozen=True, slots=True)
class CodeLot:
    """Codes to be issued together: `n` of them, all like `model` but for the text."""

    n: int
    model: InviteCode


def want_code_lot(program: str, lot: CodeLot, candidates: Sequence[str]) -> Wanted:
    """Name what issuing needs."""
    owner = lot.model.owner
    return Wanted(
        program=program,
        members=frozenset() if owner is None else frozenset({owner}),
        codes=frozenset(candidates),
    )


def decide_code_lot(facts: Facts, lot: CodeLot, candidates: Sequence[str]) -> Decision[list[InviteCode]]:
    """Issue codes of the free candidates, at most `n`; the caller offers more when some were taken. Pure.

    Raises UnknownMember for an owner nobody has seen.
    """
    owner = lot.model.owner
    if owner is not None and owner not in facts.members:
        raise UnknownMember(owner)
    free = [text for text in candidates if text not in facts.codes][: lot.n]
    if len(free) < lot.n:
        return Decision([])
    codes = [replace(lot.model, text=text) for text in free]
    return Decision(codes, tuple(AddCode(code, invite=False) for code in codes))


def want_code(program: str, text: str) -> Wanted:
    """Name what changing a code needs."""
    return Wanted(program=program, codes=frozenset({text}))


def decide_disable(facts: Facts, text: str) -> Decision[InviteCode]:
    """Disable the code; referrals made with it stay. Raises UnknownCode. Pure."""
    code = facts.codes.get(text)
    if code is None:
        raise UnknownCode(text)
    if code.state == "disabled":
        return Decision(code)
    return Decision(replace(code, state="disabled"), (DisableCode(text),))
