"""FastAPI: the order of a request and the reward for it are kept together or not at all.

Annotations are not put off here: FastAPI reads them, also those that name a local variable.
"""

import asyncio
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from referral_engine import AsyncReferralEngine, Conflict, Event
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore

ORDERS = """
CREATE TABLE orders (id TEXT PRIMARY KEY, of TEXT REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED)
"""


class NewOrder(BaseModel):
    """An order that follows another one; `fault` says what goes wrong with it."""

    id: str
    of: str | None = None
    fault: str = ""


class Shop:
    """An application over a database of its own, with the engine beside it."""

    def __init__(self, url, program, *, scope="function", **options):
        self.database = create_async_engine(url.replace("sqlite://", "sqlite+aiosqlite://"), **options)
        if self.database.dialect.name == "sqlite":
            event.listen(self.database.sync_engine, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys = ON"))
        self.sessions = async_sessionmaker(self.database)
        self.engine = AsyncReferralEngine(AsyncSQLAlchemyStore(self.database), program)
        self.meanwhile = None
        self.app = FastAPI(lifespan=self.lifespan)
        transaction = Annotated[AsyncSession, Depends(self.in_transaction, scope=scope)]

        async def place_order(new: NewOrder, session: transaction):
            return await self.place(new, session)

        self.app.post("/orders", status_code=201)(place_order)
        self.app.exception_handler(Conflict)(self.busy)

    @asynccontextmanager
    async def lifespan(self, _):
        async with self.database.begin() as connection:
            await connection.execute(text(ORDERS))
        await self.engine.store.create_schema()
        yield
        await self.database.dispose()

    async def in_transaction(self):
        async with self.sessions.begin() as session:
            yield session

    async def place(self, new, session):
        await session.execute(text("INSERT INTO orders VALUES (:id, :of)"), {"id": new.id, "of": new.of})
        if self.meanwhile is not None:
            await self.meanwhile()
        outcome = await self.engine.bind(session).record(Event(id=f"order-{new.id}", type="purchase", member="alice"))
        if new.fault == "declined":
            raise HTTPException(402)
        if new.fault == "bug":
            raise ZeroDivisionError
        return {"status": outcome.status}

    async def busy(self, _, exc):
        return JSONResponse({"retry": exc.host_must_retry}, 503)

    async def kept(self):
        """The orders that are there, and the points of Alice."""
        async with self.sessions() as session:
            orders = (await session.scalars(select(text("id FROM orders ORDER BY id")))).all()
        assert await self.engine.verify() == []
        return orders, (await self.engine.balance("alice")).available


def visiting(shop, story, *, strict=True):
    """Run a story with a client of the shop; unless it is strict, what the application raises is an answer too."""

    async def run():
        transport = httpx.ASGITransport(shop.app, raise_app_exceptions=strict)
        client = httpx.AsyncClient(transport=transport, base_url="http://shop")
        async with shop.app.router.lifespan_context(shop.app), client as http:
            return await story(http), *await shop.kept()

    return asyncio.run(run())


def ordering(*orders):
    async def story(http):
        return [(await http.post("/orders", json=one)).status_code for one in orders]

    return story


def test_an_order_is_kept_with_its_reward(host_url, program):
    shop = Shop(host_url, program)
    assert visiting(shop, ordering({"id": "1"}, {"id": "2"})) == ([201, 201], ["1", "2"], 200)


@pytest.mark.parametrize(("fault", "status"), [("declined", 402), ("bug", 500)])
def test_an_order_that_fails_leaves_neither(host_url, program, fault, status):
    shop = Shop(host_url, program)
    story = ordering({"id": "1"}, {"id": "2", "fault": fault}, {"id": "3"})
    assert visiting(shop, story, strict=False) == ([201, status, 201], ["1", "3"], 200)


def test_a_commit_that_fails_leaves_neither_and_is_no_success(host_url, program):
    shop = Shop(host_url, program)
    assert visiting(shop, ordering({"id": "1", "of": "nothing"}), strict=False) == ([500], [], 0)


def test_a_dependency_of_the_request_would_announce_a_success_before_the_commit(host_url, program):
    """Why the documentation asks for `scope="function"`."""
    shop = Shop(host_url, program, scope="request")
    assert visiting(shop, ordering({"id": "1", "of": "nothing"}), strict=False) == ([201], [], 0)


def test_requests_at_once_are_each_paid_once(host_url, program):
    shop = Shop(host_url, program)

    async def story(http):
        answers = await asyncio.gather(*(http.post("/orders", json={"id": f"{n}"}) for n in range(8)))
        return {answer.status_code for answer in answers}

    assert visiting(shop, story) == ({201}, [f"{n}" for n in range(8)], 800)


@pytest.mark.postgres
def test_a_transaction_that_cannot_go_on_is_the_clients_to_send_again(postgres_url, program):
    """A host in REPEATABLE READ meets what another one wrote after its snapshot."""
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    shop = Shop(url, program, isolation_level="REPEATABLE READ")

    async def rival():
        shop.meanwhile = None
        await shop.engine.record(Event(id="order-0", type="purchase", member="alice"))

    async def story(http):
        shop.meanwhile = rival
        first = await http.post("/orders", json={"id": "1"})
        again = await http.post("/orders", json={"id": "1"})
        return first.status_code, first.json(), again.status_code

    assert visiting(shop, story) == ((503, {"retry": True}, 201), ["1"], 200)
