"""Flask: the order of a request and the reward for it are kept together or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask, abort, request
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import scoped_session, sessionmaker

from referral_engine import Conflict, Event, ReferralEngine
from referral_engine.storage.sqlalchemy import SQLAlchemyStore

ORDERS = """
CREATE TABLE orders (id TEXT PRIMARY KEY, of TEXT REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED)
"""


class Shop:
    """An application over a database of its own, with the engine beside it."""

    def __init__(self, url, program, **options):
        self.database = create_engine(url, **options)
        if self.database.dialect.name == "sqlite":
            event.listen(self.database, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys = ON"))
        with self.database.begin() as connection:
            connection.execute(text(ORDERS))
        self.sessions = sessionmaker(self.database)
        self.shared = scoped_session(self.sessions)
        self.engine = ReferralEngine(SQLAlchemyStore(self.database), program)
        self.engine.store.create_schema()
        self.meanwhile = None
        self.app = Flask("shop")
        self.app.post("/orders")(self.place_order)
        self.app.post("/shared")(self.place_shared)
        self.app.errorhandler(Conflict)(self.busy)
        self.app.teardown_appcontext(self.leave)

    def place_order(self):
        with self.sessions.begin() as session:
            return self.place(session)

    def place_shared(self):
        answer = self.place(self.shared)
        self.shared.commit()
        return answer

    def place(self, session):
        new = {"of": None, "fault": "", **request.get_json()}
        session.execute(text("INSERT INTO orders VALUES (:id, :of)"), {"id": new["id"], "of": new["of"]})
        if self.meanwhile is not None:
            self.meanwhile()
        self.engine.bind(session).record(Event(id=f"order-{new['id']}", type="purchase", member="alice"))
        if new["fault"] == "declined":
            abort(409)
        if new["fault"] == "bug":
            raise ZeroDivisionError
        return "", 201

    def leave(self, _):
        self.shared.rollback()
        self.shared.remove()

    def busy(self, exc):
        return {"retry": exc.host_must_retry}, 503

    def order(self, path, **new):
        return self.app.test_client().post(path, json=new)

    def kept(self):
        """The orders that are there, and the points of Alice."""
        with self.database.connect() as connection:
            orders = connection.execute(text("SELECT id FROM orders ORDER BY id")).scalars().all()
        assert self.engine.verify() == []
        return orders, self.engine.balance("alice").available


@pytest.fixture
def shop(host_url, program):
    made = Shop(host_url, program)
    yield made
    made.database.dispose()


@pytest.fixture(params=["/orders", "/shared"])
def path(request):
    """A session of the block, and a scoped one of the request."""
    return request.param


def test_an_order_is_kept_with_its_reward(shop, path):
    assert [shop.order(path, id=one).status_code for one in "12"] == [201, 201]
    assert shop.kept() == (["1", "2"], 200)


@pytest.mark.parametrize(("fault", "status"), [("declined", 409), ("bug", 500)])
def test_an_order_that_fails_leaves_neither(shop, path, fault, status):
    faults = {"1": "", "2": fault, "3": ""}
    assert [shop.order(path, id=one, fault=bad).status_code for one, bad in faults.items()] == [201, status, 201]
    assert shop.kept() == (["1", "3"], 200)


def test_a_commit_that_fails_leaves_neither_and_is_no_success(shop, path):
    assert shop.order(path, id="1", of="nothing").status_code == 500
    assert shop.kept() == ([], 0)
    shop.app.testing = True
    with pytest.raises(IntegrityError):
        shop.order(path, id="1", of="nothing")


def test_requests_at_once_are_each_paid_once(shop, path):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: shop.order(path, id=f"{n}").status_code, range(8)))
    assert answers == [201] * 8
    assert shop.kept() == ([f"{n}" for n in range(8)], 800)


@pytest.mark.postgres
def test_a_transaction_that_cannot_go_on_is_the_clients_to_send_again(postgres_url, program, path):
    """A host in REPEATABLE READ meets what another one wrote after its snapshot."""
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    shop = Shop(url, program, isolation_level="REPEATABLE READ")

    def rival():
        shop.meanwhile = None
        shop.engine.record(Event(id="order-0", type="purchase", member="alice"))

    shop.meanwhile = rival
    first = shop.order(path, id="1")
    assert (first.status_code, first.json) == (503, {"retry": True})
    assert shop.order(path, id="1").status_code == 201
    assert shop.kept() == (["1"], 200)
    shop.database.dispose()
