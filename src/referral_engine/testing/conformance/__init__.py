"""StoreConformance: a store's promises as tests to inherit; Blocking: an awaitable store, for the same tests."""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{part}"
        for part in (
            "writing",
            "reading",
            "apart",
            "paging",
            "books",
            "lots",
            "payouts",
            "boards",
            "drifting",
            "races",
            "money_races",
            "whole",
            "_machine",
            "storms",
            "_stormy",
        )
    )
)

from referral_engine.testing.conformance.blocking import Blocking  # noqa: E402 - asserts are made readable first
from referral_engine.testing.conformance.suite import StoreConformance  # noqa: E402 - as above

__all__ = ["Blocking", "StoreConformance"]
