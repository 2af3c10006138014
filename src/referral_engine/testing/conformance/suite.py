"""Suite: StoreConformance, all the promises of a store in one class."""

from __future__ import annotations

from referral_engine.testing.conformance.apart import Apart
from referral_engine.testing.conformance.boards import Boards
from referral_engine.testing.conformance.books import Books
from referral_engine.testing.conformance.drifting import Drifting
from referral_engine.testing.conformance.lots import Lots
from referral_engine.testing.conformance.money_races import MoneyRaces
from referral_engine.testing.conformance.paging import Paging
from referral_engine.testing.conformance.payouts import Payouts
from referral_engine.testing.conformance.reading import Reading
from referral_engine.testing.conformance.storms import Storms
from referral_engine.testing.conformance.writing import Writing


class StoreConformance(Writing, Reading, Apart, Paging, Books, Lots, Payouts, Boards, Drifting, MoneyRaces, Storms):
    """Proves a store. Subclass it in a test module, with a fixture `store`: a fresh, empty store with its schema.

        class TestMyStore(StoreConformance):
            @pytest.fixture
            def store(self):
                with MyStore(...) as store:
                    store.create_schema()
                    yield store

    The docstring of a test is the promise that it holds the store to. `concurrent = False` skips the races of threads.
    `histories_max`, `history_steps_max` and `invariants_every` say how much is played at random, and how often it is
    looked at; `stormy_histories_max` and `storm_seeds`, how much of it while the store is made to fail. `forge` says
    how a kept transfer is changed behind the store's back; without it the tests of a broken chain are skipped. An
    awaitable store is wrapped in `Blocking`.
    """
