"""What is in the wheel is enough to upgrade: it is built, installed away from the sources, and used."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from referral_engine.storage.sqlalchemy.migrations.revisions import RELEASED

ROOT = Path(__file__).parents[3]
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
UPGRADE = """
import sys
from importlib.metadata import distribution
import referral_engine
assert sys.prefix in referral_engine.__file__, referral_engine.__file__
(command,) = distribution("referral_engine").entry_points.select(group="console_scripts", name="referral-engine")
sys.exit(command.load()(["db", "upgrade", "sqlite:///wheel.db"]))
"""
BY_ALEMBIC = """
import sys
from alembic import command
from alembic.config import Config
config = Config()
config.set_main_option("script_location", "referral_engine.storage.sqlalchemy:migrations")
config.set_main_option("sqlalchemy.url", "sqlite:///wheel.db")
command.current(config)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling", reason="hatchling, of the extra `test`, builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-c", BUILD, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The interpreter of a new environment that has the wheel, and what it depends on from the one that tests it."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=os.name != "nt")
    paths = {"base": str(home), "platbase": str(home)}
    packages = Path(sysconfig.get_path("purelib", "venv", paths))
    with ZipFile(wheel) as archive:
        archive.extractall(packages)
    depends = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "depends.pth").write_text("\n".join(sorted(depends)) + "\n", encoding="utf-8")
    return Path(sysconfig.get_path("scripts", "venv", paths)) / Path(sys.executable).name


def run(python, program, folder):
    return subprocess.run([python, "-I", "-c", program], cwd=folder, capture_output=True, text=True, check=False)


def test_the_wheel_holds_the_environment_and_every_revision(wheel):
    with ZipFile(wheel) as archive:
        held = set(archive.namelist())
    folder = "referral_engine/storage/sqlalchemy/migrations"
    scripts = {f"{folder}/versions/revision_{name}.py" for name in RELEASED.revisions}
    assert scripts | {f"{folder}/env.py", "referral_engine/py.typed"} <= held
    assert not [name for name in held if name.startswith("tests") or "released" in name]


def test_the_installed_command_upgrades(python, tmp_path):
    expected = [
        f"upgraded from no recorded revision to revision {RELEASED.head}",
        f"already at revision {RELEASED.head}",
    ]
    for line in expected:
        done = run(python, UPGRADE, tmp_path)
        assert (done.stderr, done.stdout.strip(), done.returncode) == ("", line, 0)
    done = run(python, BY_ALEMBIC, tmp_path)
    assert (done.stdout.strip(), done.returncode) == (f"{RELEASED.head} (head)", 0)
