"""Django: the order and the reward are kept together on Django's own connection, and what two connections come to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from referral_engine.testing.servers import fresh_database

PROJECT = Path(__file__).with_name("django_shop.py")


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request):
    return request.param


@pytest.fixture(scope="module")
def told(database, tmp_path_factory, request):
    """How the stories of the project ended on a database of their own."""
    if database == "sqlite":
        return run(f"sqlite:///{tmp_path_factory.mktemp('django')}/shop.db")
    with fresh_database(request.getfixturevalue("postgres_server_url")) as url:
        return run(url)


def run(url):
    command = [sys.executable, "-W", "error", str(PROJECT), url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_request_keeps_both_or_neither(told):
    assert told["joined_views"] == {"statuses": [201, 500, 201], "kept": [2, 200]}


def test_an_inner_block_that_fails_takes_its_reward_back(told):
    assert told["an_inner_block_that_fails"] == [2, 200]


def test_without_a_transaction_of_djangos_nothing_is_joined(told):
    problem, kept = told["outside_of_a_transaction"]
    assert "AUTOCOMMIT" in problem
    assert kept == [1, 0]


def test_each_thread_lends_its_own_connection(told):
    assert told["in_threads"] == [[3, 300]] * 4


def test_a_connection_that_django_opens_anew_is_lent_in_its_turn(told):
    assert told["after_django_reconnects"] == [1, 100]


def test_djangos_connection_is_left_as_it_was(told):
    left = {"same": True, "autocommit": True, "matches": 1, "handlers": 0}
    assert told["what_is_left_on_djangos_connection"] == left


def test_two_connections_are_two_transactions(told, database):
    """The reward outlives the order; on SQLite the second one does not even get in."""
    expected = ["locked out", [0, 0]] if database == "sqlite" else ["recorded", [0, 100]]
    assert told["a_program_written_through_another_connection"] == expected


def test_what_is_recorded_after_the_commit_is_made_up_for_by_its_ids(told):
    assert told["apart"] == {"statuses": [201, 500, 201], "before": [2, 100], "made_up": [2, 200]}


def test_everything_adds_up(told):
    assert told["drift"] == 0
