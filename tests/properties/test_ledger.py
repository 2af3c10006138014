"""The pure functions of the ledger, against oracles that count day by day, point by point and case by case."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from itertools import product
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referral_engine.changes import AdjustSpend
from referral_engine.decisions.draft import Draft
from referral_engine.facts import Facts
from referral_engine.ledger import (
    ALARMS_PERCENT,
    FIRST,
    IDLE,
    NOTHING,
    Balance,
    Carried,
    Expiry,
    Lot,
    Spend,
    Transfer,
    drawn,
    due_back,
    entries_of,
    expiry_named,
    liability_of,
    moved,
    seal,
    sources,
    step,
    without_due,
)
from referral_engine.periods import Calendar, zone_named

MANY = settings(max_examples=400, deadline=None)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
ZONES = [
    *("UTC", "Asia/Shanghai", "Asia/Kathmandu", "Europe/London", "America/New_York", "Australia/Lord_Howe"),
    *("Africa/Cairo", "Pacific/Apia", "America/St_Johns", "America/Sao_Paulo", "Asia/Beirut", "America/Havana"),
]
CALENDARS = {name: Calendar(zone_named(name)) for name in ZONES}
PERIODS = {"month": 1, "quarter": 3, "year": 12}

# Days on which clocks were changed somewhere, ends of months, leap days; and any other.
ODD_DAYS = [
    *(date(2011, 12, 29), date(2011, 12, 31), date(2026, 4, 23), date(2026, 4, 24), date(2026, 10, 29)),
    *(date(2026, 3, 7), date(2026, 3, 8), date(2026, 10, 31), date(2026, 11, 1), date(2010, 11, 6)),
    *(date(2018, 11, 3), date(2018, 11, 4), date(2026, 1, 31), date(2028, 2, 29), date(2027, 12, 31)),
]
days = st.sampled_from(ODD_DAYS) | st.dates(date(1980, 1, 1), date(2200, 12, 31))
moments = st.builds(
    lambda day, minutes: datetime(day.year, day.month, day.day, tzinfo=UTC) + minutes * MINUTE,
    st.sampled_from(ODD_DAYS) | st.dates(date(1980, 1, 1), date(2036, 12, 31)),
    st.integers(-1_440, 2_880),
)
kinds = st.sampled_from(["rolling", "inactivity"])
expiries = st.one_of(
    st.builds(Expiry, kind=kinds, months=st.integers(1, 30)),
    st.builds(Expiry, kind=kinds, days=st.integers(1, 800)),
    st.builds(
        Expiry,
        kind=st.just("calendar"),
        period=st.sampled_from(sorted(PERIODS)),
        months=st.none() | st.integers(0, 30),
    ),
)

# When points expire


def same_day_months_later(day: date, months: int) -> date:
    """Go on day by day into the month that many months later, and there to the same day, or to the last one."""
    found = day
    while months:
        found += DAY
        months -= found.day == 1
    while found.day < day.day and (found + DAY).day != 1:
        found += DAY
    return found


def last_of_period(day: date, length: int) -> date:
    """Go on day by day as long as the period is the same."""

    def period(one: date) -> tuple[int, int]:
        return one.year, (one.month - 1) // length

    found = day
    while period(found + DAY) == period(day):
        found += DAY
    return found


def expected_last_day(expiry: Expiry, day: date) -> date:
    if expiry.days is not None:
        found = day
        for _ in range(expiry.days):
            found += DAY
        return found
    later = same_day_months_later(day, expiry.months or 0)
    return later if expiry.period is None else last_of_period(later, PERIODS[expiry.period])


@MANY
@given(expiries, days)
def test_the_last_day_is_what_counting_day_by_day_comes_to(expiry, day):
    assert expiry.last_day(day) == expected_last_day(expiry, day)


def test_the_oracle_itself_knows_the_ends_of_months():
    assert same_day_months_later(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert same_day_months_later(date(2028, 1, 31), 1) == date(2028, 2, 29)
    assert same_day_months_later(date(2026, 2, 28), 1) == date(2026, 3, 28)
    assert same_day_months_later(date(2026, 1, 15), 0) == date(2026, 1, 15)
    assert same_day_months_later(date(2028, 2, 29), 12) == date(2029, 2, 28)
    assert same_day_months_later(date(2026, 12, 31), 1) == date(2027, 1, 31)


def local_day(calendar: Calendar, at: datetime) -> date:
    """The latest date that clocks had shown by then; clocks go back by three hours at most."""
    return max((at - minutes * MINUTE).astimezone(calendar.zone).date() for minutes in range(181))


def first_minute_after(calendar: Calendar, day: date) -> datetime:
    """Go on minute by minute until the clocks show a later date."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while at.astimezone(calendar.zone).date() <= day:
        at += MINUTE
    return at


@settings(max_examples=150, deadline=None)
@given(expiries, st.sampled_from(ZONES).map(CALENDARS.__getitem__), moments)
def test_a_lot_ends_when_the_clocks_of_the_zone_show_the_day_after_its_last(expiry, calendar, at):
    slot, expires_at = expiry.lot(at, calendar)
    last = expected_last_day(expiry, local_day(calendar, at))
    assert slot == (IDLE if expiry.kind == "inactivity" else last.isoformat())
    assert expires_at == first_minute_after(calendar, last)
    assert expires_at > at


@MANY
@given(expiries, st.sampled_from(ZONES).map(CALENDARS.__getitem__), moments, st.integers(0, 5_000))
def test_who_is_activated_later_never_expires_sooner(expiry, calendar, at, minutes):
    first, later = (expiry.lot(one, calendar) for one in (at, at + minutes * MINUTE))
    assert first[1] <= later[1]
    if expiry.kind != "inactivity":
        assert (first[0] == later[0]) <= (first[1] == later[1])


@MANY
@given(expiries, days)
def test_an_expiry_is_read_back_from_its_text(expiry, day):
    again = expiry_named(expiry.text)
    assert (again.kind, again.period, again.days, again.months or None) == (
        expiry.kind, expiry.period, expiry.days, expiry.months or None,
    )  # fmt: skip
    assert again.last_day(day) == expiry.last_day(day)
    assert expiry_named(again.text) == again


@MANY
@given(st.text(alphabet="rolingcaedvty:0123456789 mq\n", max_size=20) | st.text(max_size=12))
def test_any_other_text_is_refused(text):
    try:
        expiry = expiry_named(text)
    except ValueError:
        return
    assert expiry.text == text or "0" in text, "another spelling of the same number at most"


# What pays and what is taken back

lots = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=5, unique_by=lambda one: one[0]).flatmap(
    lambda made: st.permutations(
        [Lot("bob", "points", f"slot-{place}", datetime(2026, 3, 1 + place // 2, tzinfo=UTC), n) for place, n in made]
    )
)


@MANY
@given(st.integers(0, 40), lots, st.none() | st.integers(0, 4).map("slot-{}".format))
def test_each_point_is_drawn_from_the_own_lot_then_from_the_soonest(amount, purse, own):
    """Two lots may end at once: then by the name of the lot."""
    points = [lot for lot in purse for _ in range(lot.remaining)]
    points.sort(key=lambda lot: (lot.slot, lot.expires_at))
    points.sort(key=lambda lot: lot.expires_at)
    points.sort(key=lambda lot: lot.slot != own)
    expected = Counter(lot.slot for lot in points[:amount])
    found = drawn(amount, purse, own)
    assert {lot.slot: part for lot, part in found} == expected
    assert all(part > 0 for _, part in found)
    assert [lot.slot for lot, _ in found] == list(dict.fromkeys(lot.slot for lot in points[:amount]))
    assert all(lot in purse for lot, _ in found)


@MANY
@given(st.integers(1, 60), st.integers(0, 60), st.sampled_from(["held_only", "within_balance", "debt"]), st.booleans())
def test_each_point_of_a_reversal_comes_from_somewhere(amount, available, policy, held):
    came: Counter[str] = Counter()
    for point in range(amount):
        if held:
            came["held"] += 1
        elif policy == "held_only":
            came["waived"] += 1
        elif point < available:
            came["available"] += 1
        else:
            came["debt" if policy == "debt" else "waived"] += 1
    parts = sources(amount, available, policy, held=held)
    assert {part.name: getattr(parts, part.name) for part in fields(parts) if getattr(parts, part.name)} == came
    assert parts.taken == amount - came["waived"]


@MANY
@given(st.integers(1, 10**15), st.integers(1, 10**15), st.data())
def test_what_is_due_back_is_the_exact_fraction_rounded_up(granted, paid, data):
    refunded = data.draw(st.integers(1, paid))
    before = data.draw(st.integers(0, granted))
    exact = ceil(Fraction(granted * refunded, paid))
    assert due_back(granted, before, refunded, paid) == max(exact - before, 0)
    assert exact <= granted


# Budgets


def level_of(percent: int, total: int) -> int:
    return ceil(Fraction(total * percent, 100))


def fired(before: int, by: int, total: int) -> tuple[int, ...]:
    return tuple(percent for percent in ALARMS_PERCENT if before < level_of(percent, total) <= before + by)


def run_around(start: int, among: set[int]) -> tuple[int, int]:
    """The numbers next to each other, `start` in the midst of them, that are all in a set."""
    assert start in among
    low = high = start
    while low - 1 in among:
        low -= 1
    while high + 1 in among:
        high += 1
    return low, high


@pytest.mark.parametrize("total", [*range(1, 22), 40])
def test_a_step_holds_for_just_those_budgets_for_which_it_would_be_decided_so(total):
    """For every small budget, whatever was given before and is given now."""
    for before, by in product(range(total), range(1, total + 1)):
        if before + by > total:
            continue
        taken = step(before, by, total)
        assert taken.alarms == fired(before, by, total)
        alike = {one for one in range(total + 1) if one + by <= total and fired(one, by, total) == taken.alarms}
        assert run_around(before, alike) == (taken.low, taken.high), (before, by)


moves = st.lists(st.integers(-6, 9).filter(bool), min_size=1, max_size=6)


@settings(max_examples=1_000, deadline=None)
@given(st.integers(1, 30), st.integers(0, 30), moves)
def test_several_steps_hold_for_just_those_budgets_for_which_all_would_be_decided_so(total, before, steps):
    """What a batch gives and takes back is written as one change, whose bounds are of what was given before it."""
    spend = Spend(spent=min(before, total))
    draft = Draft(Facts(spends={("spring", "points"): spend}), chained=False)
    taken: list[tuple[int, tuple[int, ...]]] = []
    for by in steps:
        given = draft.committed("spring", "points")
        if by < 0 and given + by >= 0:
            draft.adjust_spend("spring", "points", by, 0)
            taken.append((by, ()))
        elif by > 0 and given + by <= total:
            taken.append((by, draft.spend_within("spring", "points", 0, by, total)))
    changes = [change for change in draft.changes() if isinstance(change, AdjustSpend)]
    if not taken:
        assert changes == []
        return

    def alike(start: int) -> bool:
        given = start
        for by, alarms in taken:
            if by > 0 and (given < 0 or given + by > total or fired(given, by, total) != alarms):
                return False
            given += by
        return True

    among = {start for start in range(total + 1) if alike(start)}
    low, high = (changes[0].low, changes[0].high) if changes else (0, total)
    assert run_around(spend.spent, among) == (low, min(high, total))


# Figures

figures = st.builds(Balance, *[st.integers(0, 10**6)] * 8)
ended = st.lists(
    st.tuples(st.integers(-40, 400), st.integers(1, 50)).map(
        lambda made: (datetime(2026, 3, 2, tzinfo=UTC) + made[0] * DAY, made[1])
    ),
    max_size=8,
)


@MANY
@given(ended, figures, st.integers(0, 400), st.sampled_from(ZONES).map(CALENDARS.__getitem__))
def test_a_liability_report_adds_up(left, total, days_on, calendar):
    now = datetime(2026, 3, 2, tzinfo=UTC) + days_on * DAY
    owed = sum(amount for _, amount in left)
    total = replace(total, available=total.available + owed, expiring=owed)
    report = liability_of("points", total, left, now, calendar)
    months: Counter[str] = Counter()
    for expires_at, amount in left:
        if expires_at > now:
            months[f"{(expires_at - MINUTE).astimezone(calendar.zone):%Y-%m}"] += amount
    assert dict(report.expiring) == months
    assert list(report.expiring) == sorted(months)
    assert report.outstanding == sum(report.expiring.values()) + report.lasting
    assert (report.unit, report.at, report.lasting) == ("points", now, total.available - owed)
    assert (report.held, report.paying, report.debt) == (total.held, total.paying, total.debt)


@MANY
@given(ended, figures, st.integers(0, 400))
def test_a_balance_without_what_is_due_has_it_expired(left, balance, days_on):
    now = datetime(2026, 3, 2, tzinfo=UTC) + days_on * DAY
    found = [Lot("bob", "points", str(place), at, amount) for place, (at, amount) in enumerate(left)]
    gone = sum(lot.remaining for lot in found if not lot.expires_at > now)
    expected = replace(
        balance,
        available=balance.available - gone,
        expired=balance.expired + gone,
        expiring=balance.expiring - gone,
    )
    assert without_due(balance, found, now) == expected


@MANY
@given(figures, figures)
def test_balances_add_figure_by_figure(one, other):
    added = one.plus(other)
    assert all(
        getattr(added, part.name) == getattr(one, part.name) + getattr(other, part.name) for part in fields(Balance)
    )
    assert one.plus(NOTHING) == one


accounts = st.sampled_from(["campaign", "issuer", "clearing", "available", "held", "debt", "paying"])
texts = st.text(alphabet="0123456789:intsr N", max_size=8)
transfers = st.builds(
    Transfer,
    id=texts,
    kind=st.sampled_from(["grant", "hold"]),
    member=texts,
    unit=texts,
    amount=st.integers(1, 120),
    debit=accounts,
    credit=accounts,
    campaign=st.none() | texts,
    reference=texts,
    memo=st.none() | texts,
    at=st.integers(0, 3).map(lambda n: datetime(2026, 3, 2, tzinfo=UTC) + n * timedelta(microseconds=1)),
    cursor=st.integers(1, 30),
)


@MANY
@given(st.lists(transfers, max_size=8), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_a_statement_carries_each_figure_on(made, available, held, debt):
    lines = entries_of(made, Carried(available, held, debt))
    for transfer, line in zip(made, lines, strict=True):
        change = dict.fromkeys(("available", "held", "debt"), 0)
        for account, sign in ((transfer.debit, -1), (transfer.credit, 1)):
            if account in change:
                change[account] += sign * transfer.amount
        assert (line.available, line.held, line.debt) == (change["available"], change["held"], -change["debt"])
        available, held, debt = available + line.available, held + line.held, debt + line.debt
        assert (line.available_after, line.held_after, line.debt_after) == (available, held, debt)
        assert (line.cursor, line.at, line.kind, line.unit) == (
            transfer.cursor, transfer.at, transfer.kind, transfer.unit,
        )  # fmt: skip
        assert (line.reference, line.memo) == (transfer.reference, transfer.memo)


@MANY
@given(transfers)
def test_over_all_accounts_a_transfer_comes_to_nothing(transfer):
    everything = ("campaign", "issuer", "clearing", "available", "held", "debt", "paying", "redeemed", "expired")
    assert sum(moved(transfer, account) for account in everything) == 0
    if transfer.debit != transfer.credit:
        assert (moved(transfer, transfer.debit), moved(transfer, transfer.credit)) == (
            -transfer.amount, transfer.amount,
        )  # fmt: skip


# The chain


def everything_of(transfer: Transfer) -> tuple[object, ...]:
    return tuple(getattr(transfer, part.name) for part in fields(Transfer))


@MANY
@given(transfers, transfers)
def test_no_two_transfers_have_one_seal(one, other):
    assert (seal(FIRST, one) == seal(FIRST, other)) == (everything_of(one) == everything_of(other))


@MANY
@given(transfers, transfers)
def test_a_change_of_any_one_field_changes_the_seal(transfer, other):
    for part in fields(Transfer):
        changed = replace(transfer, **{part.name: getattr(other, part.name)})
        same = everything_of(changed) == everything_of(transfer)
        assert (seal(FIRST, changed) == seal(FIRST, transfer)) == same


def test_a_seal_is_the_same_in_every_release():
    """It is kept in databases: SHA-256 over the seal before and the fields with their types and lengths."""
    transfer = Transfer(
        id="t-1",
        kind="grant",
        member="bob",
        unit="points",
        amount=70,
        debit="campaign",
        credit="available",
        campaign="spring",
        reference="ord-1",
        memo=None,
        at=datetime(2026, 3, 2, tzinfo=UTC),
        cursor=9,
    )
    text = (
        "5:int 97:str t-19:str grant7:str bob10:str points6:int 7012:str campaign13:str available"
        "10:str spring9:str ord-10:20:int 1772409600000000"
    )
    assert seal(bytes(range(32)), transfer) == sha256(bytes(range(32)) + text.encode()).digest()
    assert bytes(32) == FIRST


@MANY
@given(transfers, st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_seal_rests_on_the_one_before(transfer, one, other):
    assert (seal(one, transfer) == seal(other, transfer)) == (one == other)
    assert len(seal(one, transfer)) == 32
