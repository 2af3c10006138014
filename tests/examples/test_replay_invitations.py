"""The replay of a game's invitations gives the same figures on every store, and the published ones on the real data."""

from __future__ import annotations

import csv
import importlib
import os
import random
import sys
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from referral_engine.storage import MemoryStore
from referral_engine.storage.sqlalchemy import SQLAlchemyStore

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("REFERRAL_SHARED_DATA") or ROOT.parent / "shared" / "data") / "mobile_game_referral"

needs_real_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the real data is not at {SHARED}; set REFERRAL_SHARED_DATA to where it is"
)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example, imported as it is when it is run."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    return importlib.import_module("replay_invitations")


def write(folder: Path, name: str, header: str, rows: list[tuple[object, ...]]) -> None:
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small history of the same shape: 40 users, 260 invitations, 60 purchases, over more than one batch."""
    draw = random.Random(20260301)
    users = {str(9000 + n): date(2026, 1, 1) + timedelta(days=draw.randrange(60)) for n in range(40)}
    write(tmp_path, "users.csv", "ID User,Reg Date,Dev Type", [(user, day, "ios") for user, day in users.items()])
    senders = [draw.choice([*users][:25]) for _ in range(260)]
    write(tmp_path, "referral.csv", "ID User,Ref Reg", [(user, int(draw.random() < 0.4)) for user in senders])
    prices = [(1, 20, "2026-01-01", "2026-02-01"), (1, 30, "2026-02-01", ""), (2, 7, "2026-01-01", "")]
    write(tmp_path, "log_prices.csv", "ID Item,Price,Valid From,Valid To", prices)
    purchases = [
        (
            user,
            f"{users[user] + timedelta(days=draw.randrange(40))}T12:30:00",
            draw.choice([1, 2]),
            draw.randrange(1, 60),
        )
        for user in (draw.choice([*users]) for _ in range(60))
    ]
    write(tmp_path, "monetary.csv", "ID User,Dt Ime Pay,ID Item Buy,Cnt Buy", purchases)
    return tmp_path


@contextmanager
def silent(title: str, total: int):
    """No progress is shown."""
    yield lambda _: None


def figures(script: ModuleType, store, folder: Path) -> list[str]:
    report, _ = script.replay(store, script.read_history(folder), silent)
    return report.lines()


def test_the_figures_are_those_of_the_files(script: ModuleType, folder: Path) -> None:
    """The report agrees with what is counted in the files by hand."""
    history = script.read_history(folder)
    report, _ = script.replay(MemoryStore(), history, silent)
    taken = sum(went for _, went in history.invitations)
    expected = (40, 260, taken, 60, 0)
    assert (report.users, report.invitations, report.signups, report.purchases, report.drifts) == expected
    loyal = sum(amount >= 500 for _, _, amount in history.purchases)
    assert report.points_granted == 700 * (taken - report.limited) + 50 * loyal
    assert report.budget_left == 2_000_000 - report.points_granted
    assert report.limited > 0


def test_memory_and_sqlite_agree(script: ModuleType, folder: Path, tmp_path: Path) -> None:
    """The same lines come from both, twice."""
    in_memory = figures(script, MemoryStore(), folder)
    with SQLAlchemyStore(f"sqlite:///{tmp_path / 'replay.db'}") as store:
        assert figures(script, store, folder) == in_memory
        assert figures(script, store, folder) == in_memory  # sending everything again changes nothing


def test_memory_and_a_server_agree(script: ModuleType, folder: Path, served_url: str) -> None:
    """The same lines come from both."""
    with SQLAlchemyStore(served_url) as store:
        assert figures(script, store, folder) == figures(script, MemoryStore(), folder)


@needs_real_data
@pytest.mark.parametrize("kind", ["memory", "sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def test_the_real_data_gives_the_published_figures(
    script: ModuleType, kind: str, capfd: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    """What was published with the data comes out, and the two best inviters share rank 1."""
    where = ["--url", request.getfixturevalue("mariadb_url")] if kind == "mariadb" else ["--store", kind]
    assert script.main([str(SHARED), *where]) == 0
    shown = [" ".join(line.split()) for line in capfd.readouterr().out.splitlines()]
    assert shown[:-1] == [
        "invitations 7,933",
        "sign-ups 2,834",
        "conversion 35.72 %",
        "invitations per user 2.5773",
        "K (sign-ups per user) 0.9207",
        "purchases 946",
        "rewards stopped by the monthly limit 114",
        "points granted 1,937,650",
        "budget left 62,350",
        "",
        "rank member sign-ups",
        "1 2903322 9",
        "1 2902464 9",
        "3 2903273 6",
        "3 2903421 6",
        "3 2902665 6",
        "3 2901370 6",
        "7 2902753 5",
        "7 2903007 5",
        "7 2901219 5",
        "7 2902758 5",
        "",
        "health check: verify() == []",
    ]
    assert shown[-1].startswith("speed: 11,713 events recorded, ")


def test_a_price_holds_from_its_first_day_and_before_its_last(script: ModuleType, folder: Path) -> None:
    """The intervals are half-open, and an empty end is open."""
    reading = importlib.import_module("mobile_game")
    prices = reading.read_prices(folder)
    found = [reading.price_on(prices, "1", day) for day in (date(2026, 1, 31), date(2026, 2, 1), date(2036, 1, 1))]
    assert found == [20, 30, 30]
    with pytest.raises(ValueError, match="'1' has no price on 2025-12-31"):
        reading.price_on(prices, "1", date(2025, 12, 31))


def test_a_sign_up_is_as_many_hours_after_registration_as_its_row_has_its_place(script: ModuleType) -> None:
    """The second row is two hours later."""
    reading = importlib.import_module("mobile_game")
    began = datetime.fromisoformat("2026-01-05T00:00:00+00:00")
    history = reading.History({"7": began}, (("7", False), ("7", True)), ())
    events = script.events_of(history, {"7": "CODE"})
    shown = [(event.id, event.member, event.at) for event in events]
    first, second = began + timedelta(hours=1), began + timedelta(hours=2)
    assert shown == [
        ("invitation-1", "7", first),
        ("invitation-2", "7", second),
        ("signup-2", "invited-2", second),
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("users.csv", None, "cannot read"),
        ("monetary.csv", None, "cannot read"),
        ("referral.csv", "ID User\n9000\n", "has no column 'Ref Reg'"),
        ("referral.csv", "ID User,Ref Reg\n1,1\n", "referral.csv, row 1: there is no user '1'"),
        ("users.csv", "ID User,Reg Date\n9000,soon\n", "users.csv, row 1: Invalid isoformat"),
        ("monetary.csv", "ID User,Dt Ime Pay,ID Item Buy,Cnt Buy\n9000,2026-01-02T00:00:00,8,1\n", "has no price"),
    ],
)
def test_a_missing_or_wrong_file_is_told_with_exit_code_2(
    script: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str], name: str, content: str | None, said: str
) -> None:
    """The message names the file, and the row where there is one."""
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content, encoding="utf-8")
    assert script.main([str(folder), "--store", "memory"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert name in shown.err
    assert said in shown.err


def test_a_missing_folder_is_told_with_exit_code_2(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the folder."""
    assert script.main([str(tmp_path / "nowhere")]) == 2
    assert f"there is no folder {tmp_path / 'nowhere'}" in capsys.readouterr().err


def test_without_rich_a_plain_count_is_shown(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The count goes to stderr, so that the report can be redirected."""
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with script.shown_progress("recording events", 1_500) as advance:
        advance(1_000)
        advance(500)
    assert capsys.readouterr() == ("", "\rrecording events: 1,000 of 1,500\rrecording events: 1,500 of 1,500\n")
