"""Trying: single tests of the suite, run by hand on a store that should fail them."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

from referral_engine.testing.conformance import StoreConformance
from tests.conformance.forging import forge_in_memory


class Suite(StoreConformance):
    """The suite, without the search for the shortest history that fails."""

    __test__ = False
    histories_max = 40

    def history_settings(self):
        return settings(super().history_settings(), phases=[Phase.generate], print_blob=False)

    def forge(self, store, program, transfer_id):
        forge_in_memory(store, program, transfer_id)


def fails(store, test):
    """Run one test of the suite, `name` or `name[case]`, and tell whether it fails.

    A TypeError or the like is raised: then it is not the promise that failed, but what was planted, or the test.
    """
    name, _, case = test.removesuffix("]").partition("[")
    run = getattr(Suite(), f"test_{name}")
    try:
        run(store, int(case) if case.lstrip("-").isdigit() else case) if case else run(store)
    except (AttributeError, NameError, TypeError):
        raise
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - a store may fail in any way
        return True
    return False


TRIES = 3
"""How often a race may be run until its fault shows; nearly always it does at once."""


def finds(make, test):
    """Tell whether a test fails over the stores that `make` makes; a race is a matter of chance, and has some tries."""
    return any(fails(make(), test) for _ in range(TRIES if "race" in test else 1))
