"""The quickstart tells its story, on a SQLite file, with nothing optional installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "quickstart.py"

WITHOUT_OPTIONAL = """
import runpy, sys
for name in ("psycopg", "aiosqlite", "rich", "pytest", "hypothesis"):
    sys.modules[name] = None
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the quickstart prints, each run of spaces as one."""
    command = [sys.executable, "-W", "error", "-c", WITHOUT_OPTIONAL, str(SCRIPT)]
    folder = tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(folder.iterdir()) == []
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "line",
    [
        "alice gets 500 points, held until 17 March",
        "bob gets 200 points",
        "first-order: matched",
        "first-order: not_met, event.amount was 1200 (where.all[0])",
        "first-order: not_met, referee.count.purchase was 2 (where.all[1])",
        "first-order: skipped, no_referrer",
        "reason: self_referral",
        "reason: invalid_code",
        "alice gives back 200 points from the hold",
        "bob gives back 80 points from the balance",
        "After: 1 hold is due, and released.",
        "refused: member 'alice' has 50 points available, 100 asked for; redeem at most what is available",
        "alice 50 0 250 300",
        "bob 120 0 0 120",
        "1 alice 2",
        "2 bob 1",
        "spent 420 points",
        "remaining 999,580 points",
        "19 March redemption.posted alice 250",
        "acknowledged; 0 messages are left to read",
        "every balance, budget, board and counter adds up",
    ],
)
def test_the_story_says(story: list[str], line: str) -> None:
    """Each key line stands in the output as it is."""
    assert line in story


def test_the_story_is_the_same_each_time_but_for_the_code(story: list[str], tmp_path: Path) -> None:
    """Only the invite code is random."""
    command = [sys.executable, str(SCRIPT)]
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()
    steady = [line for line in story if "invite code is" not in line]
    assert [" ".join(line.split()) for line in again if "invite code is" not in line] == steady
