"""The testing kit: scenarios with a clock of their own, stores that fail, the proof that a store keeps its promises.

Nothing is imported before it is used: pytest loads this package at every start, for the plugin in it, and
`StoreConformance` needs pytest and Hypothesis while the rest does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from referral_engine.testing.chaos import STORM, AsyncChaosStore, ChaosStore, Faults, Injected
    from referral_engine.testing.clock import FakeClock
    from referral_engine.testing.conformance import StoreConformance
    from referral_engine.testing.plugin import ScenarioFactory
    from referral_engine.testing.scenario import Scenario

__all__ = [
    "STORM",
    "AsyncChaosStore",
    "ChaosStore",
    "FakeClock",
    "Faults",
    "Injected",
    "Scenario",
    "ScenarioFactory",
    "StoreConformance",
]

_HOMES = {
    "STORM": "chaos",
    "AsyncChaosStore": "chaos",
    "ChaosStore": "chaos",
    "FakeClock": "clock",
    "Faults": "chaos",
    "Injected": "chaos",
    "Scenario": "scenario",
    "ScenarioFactory": "plugin",
    "StoreConformance": "conformance",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, from the module it lives in."""
    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names, imported or not."""
    return sorted({*globals(), *__all__})
