"""Importing the package is cheap: it loads no driver, no event loop and nothing optional."""

from __future__ import annotations

import subprocess
import sys

UNWANTED = (
    "asyncio",
    "sqlalchemy",
    "sqlite3",
    "alembic",
    "psycopg",
    "aiosqlite",
    "greenlet",
    "rich",
    "hypothesis",
    "pytest",
)


def loaded_by(statement: str) -> list[str]:
    code = f"{statement}\nimport sys\nprint(*[name for name in {UNWANTED!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_the_package_loads_no_driver_no_event_loop_and_nothing_optional():
    assert loaded_by("import referral_engine") == []


def test_the_probe_sees_a_module_that_is_loaded():
    assert loaded_by("import sqlite3") == ["sqlite3"]


def test_the_blocking_store_needs_nothing_of_the_extra_for_asyncio():
    """SQLAlchemy's asyncio asks for greenlet, which the core install does not bring."""
    script = (
        "import sys; sys.modules['greenlet'] = None; import referral_engine.storage.sqlalchemy as stores; "
        "stores.SQLAlchemyStore('sqlite:///never.db'); assert 'sqlalchemy.ext.asyncio' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_combiner_is_loaded_when_it_is_opened_and_one_for_threads_needs_no_event_loop():
    script = (
        "import sys; from referral_engine import Program, ReferralEngine, Unit; "
        "loaded = lambda: [name for name in sys.modules if name.startswith('referral_engine.storage')]; "
        "assert loaded() == []; from referral_engine.storage import MemoryStore; "
        "engine = ReferralEngine(MemoryStore(), Program('acme', {'points': Unit()}, [])); "
        "assert not any('combining' in name for name in loaded()); "
        "engine.combiner(); assert 'referral_engine.storage.combining.blocking' in loaded(); "
        "assert 'asyncio' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
