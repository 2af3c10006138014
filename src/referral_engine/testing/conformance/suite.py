"""Suite: StoreConformance, all the promises of a store in one class."""

from __future__ import annotations

from referral_engine.testing.conformance.boards import Boards
from referral_engine.testing.conformance.paging import Paging
from referral_engine.testing.conformance.races import Races
from referral_engine.testing.conformance.reading import Reading
from referral_engine.testing.conformance.whole import Whole
from referral_engine.testing.conformance.writing import Writing


class StoreConformance(Writing, Reading, Paging, Boards, Races, Whole):
    """Proves a store. Subclass it in a test module, with a fixture `store`: a fresh, empty store with its schema.

        class TestMyStore(StoreConformance):
            @pytest.fixture
            def store(self):
                with MyStore(...) as store:
                    store.create_schema()
                    yield store

    The docstring of a test is the promise that it holds the store to. `concurrent = False` skips the races of threads.
    `histories_max`, `history_steps_max` and `invariants_every` say how much is played at random, and how often it is
    looked at. An awaitable store is wrapped in `Blocking`.
    """
