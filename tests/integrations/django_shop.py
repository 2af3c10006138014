"""A Django project in one file, run by test_django.py: `python django_shop.py <url>` tells as JSON how stories ended.

It is a process of its own, because Django keeps one configuration for each process.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from threading import Thread
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connection, models, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from referral_engine import Campaign, Conflict, Event, InvalidInput, Program, ReferralEngine, Reward, Rule, Unit
from referral_engine.storage.sqlalchemy import SQLAlchemyStore

URL = sys.argv[1]
SQLITE = URL.startswith("sqlite")


def configure():
    where = urlsplit(URL)
    if SQLITE:
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": where.path.removeprefix("/")}
    else:
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": where.path.removeprefix("/"),
            "HOST": where.hostname,
            "PORT": where.port,
            "USER": where.username,
        }
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {**database, "ATOMIC_REQUESTS": True}},
        LOGGING_CONFIG=None,
        ROOT_URLCONF=__name__,
        SECRET_KEY="only for tests",
    )
    django.setup()


configure()


class Order(models.Model):
    """An order of a member, which is why the member is paid."""

    id = models.CharField(primary_key=True, max_length=40)
    member = models.CharField(max_length=40)
    cents = models.IntegerField(default=100)

    class Meta:
        app_label = "shop"

    def __str__(self):
        return self.id


class Lent:
    """Django's own connection, lent to SQLAlchemy, which is to end nothing on it and to set up nothing."""

    def __init__(self, raw):
        self._raw = raw

    def __getattr__(self, name):
        return getattr(self._raw, name)

    def _leave_alone(self, *args, **options):
        """Django ends the transaction and closes the connection."""

    commit = rollback = close = add_notice_handler = create_function = _leave_alone


def lend():
    connection.ensure_connection()
    return Lent(connection.connection)


joined = (
    create_engine("sqlite://", creator=lend, poolclass=NullPool)
    if SQLITE
    else create_engine("postgresql+psycopg://", creator=lend, poolclass=NullPool, use_native_hstore=False)
)
cashback = Rule(id="cashback", on="purchase", give=[Reward("member", "points", 100)])
program = Program("shop", {"points": Unit()}, [Campaign("always", rules=[cashback])])
engine = ReferralEngine(SQLAlchemyStore(f"{URL}?timeout=0.02" if SQLITE else URL), program)


def event_of(order):
    return Event(id=f"order-{order.id}", type="purchase", member=order.member, amount=order.cents)


def order(name, member=None):
    """Write an order and its reward through Django's connection."""
    made = Order.objects.create(id=name, member=member or name.partition("-")[0])
    with joined.connect() as lent:
        return engine.bind(lent).record(event_of(made))


def decline():
    raise RuntimeError("the card was declined")


def kept(member):
    """How many orders and how many points a member has."""
    return [Order.objects.filter(member=member).count(), engine.balance(member).available]


# Views


def place(request, name):
    order(name)
    if "declined" in request.GET:
        decline()
    return HttpResponse(status=201)


@transaction.non_atomic_requests
def place_apart(request, name):
    with transaction.atomic():
        made = Order.objects.create(id=name, member=name.partition("-")[0])
        transaction.on_commit(lambda: reward(made, broken="broken" in request.GET), robust=True)
        if "declined" in request.GET:
            decline()
    return HttpResponse(status=201)


def reward(made, *, broken):
    if broken:
        raise ConnectionError("nobody answers")
    engine.record(event_of(made))


urlpatterns = [path("orders/<name>", place), path("apart/<name>", place_apart)]


# Stories; each is about members of its own


def post(where):
    return Client(raise_request_exception=False).post(where).status_code


def joined_views():
    statuses = [post("/orders/anna-1"), post("/orders/anna-2?declined"), post("/orders/anna-3")]
    return {"statuses": statuses, "kept": kept("anna")}


def an_inner_block_that_fails():
    with transaction.atomic():
        order("ben-1")
        try:
            with transaction.atomic():
                order("ben-2")
                decline()
        except RuntimeError:
            pass
        order("ben-3")
    return kept("ben")


def outside_of_a_transaction():
    try:
        order("cem-1")
    except InvalidInput as exc:
        return [str(exc), kept("cem")]
    return None


def in_threads():
    def run(member):
        with closing(connection):
            for n in range(3):
                with transaction.atomic():
                    order(f"{member}-{n}")

    threads = [Thread(target=run, args=(f"thread{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [kept(f"thread{n}") for n in range(4)]


def after_django_reconnects():
    connection.close()
    with transaction.atomic():
        order("dora-1")
    return kept("dora")


def what_is_left_on_djangos_connection():
    raw = connection.connection
    with transaction.atomic():
        order("eve-1")
    same = connection.connection is raw
    matches = Order.objects.filter(member="eve", cents__regex="^1").count()
    handlers = [] if SQLITE else list(raw._notice_handlers)
    return {"same": same, "autocommit": connection.get_autocommit(), "matches": matches, "handlers": len(handlers)}


def a_program_written_through_another_connection():
    """What sharing no connection comes to inside of a block that is taken back."""
    told = "recorded"
    try:
        with transaction.atomic():
            made = Order.objects.create(id="finn-1", member="finn")
            engine.record(event_of(made))
            decline()
    except RuntimeError:
        pass
    except Conflict:
        told = "locked out"
    return [told, kept("finn")]


def apart():
    statuses = [post("/apart/gina-1"), post("/apart/gina-2?declined"), post("/apart/gina-3?broken")]
    before = kept("gina")
    for _ in range(2):
        engine.record_many([event_of(made) for made in Order.objects.filter(member="gina").order_by("id")])
    return {"statuses": statuses, "before": before, "made_up": kept("gina")}


STORIES = [
    joined_views,
    an_inner_block_that_fails,
    outside_of_a_transaction,
    in_threads,
    after_django_reconnects,
    what_is_left_on_djangos_connection,
    a_program_written_through_another_connection,
    apart,
]


def main():
    engine.store.create_schema()
    with connection.schema_editor() as editor:
        editor.create_model(Order)
    told = {story.__name__: story() for story in STORIES}
    told["drift"] = len(engine.verify())
    connection.close()
    engine.store.close()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
