"""Fixtures of the contract's tests: a stage set with the spring campaign."""

from __future__ import annotations

import pytest

from tests.contract.stage import Stage, spring_program


@pytest.fixture
def spring() -> Stage:
    """The spring campaign in which alice invited bob."""
    stage = Stage(spring_program())
    stage.signup("alice")
    stage.signup("bob", by="alice")
    return stage
