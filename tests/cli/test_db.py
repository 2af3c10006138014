"""The command `referral-engine db`: what it does, prints and answers as exit status, and that it tells no password."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url

from referral_engine.cli import main
from referral_engine.storage.sqlalchemy import SchemaStatus, SQLAlchemyStore, define_tables, migrations

HEAD = migrations.HEAD
DONE, TO_MEND, UNUSABLE, REFUSED = 0, 1, 2, 3


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/acme.db"


@pytest.fixture
def run(capsys):
    """Run the command and answer its exit status, what it printed and what it complained of."""

    def run(*arguments):
        try:
            status = main(arguments)
        except SystemExit as exc:
            status = exc.code
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err

    return run


def put(url, statement):
    with SQLAlchemyStore(url) as store, store._engine.begin() as connection:
        connection.execute(text(statement))


def test_upgrade_makes_the_tables_and_then_has_nothing_to_do(run, database_url):
    assert run("db", "upgrade", database_url) == (DONE, [f"upgraded from no recorded revision to revision {HEAD}"], "")
    assert run("db", "upgrade", database_url) == (DONE, [f"already at revision {HEAD}"], "")
    with SQLAlchemyStore(database_url) as store:
        assert store.check() == SchemaStatus(HEAD, HEAD, ())


def test_check_tells_what_is_wrong_by_words_and_by_status(run, database_url):
    run("db", "upgrade", database_url)
    assert run("db", "check", database_url) == (DONE, [f"revision {HEAD}; this release works with {HEAD}"], "")
    put(database_url, "DROP TABLE referral_codes")
    expected = [f"revision {HEAD}; this release works with {HEAD}", "problem: the table 'referral_codes' is missing"]
    assert run("db", "check", database_url) == (TO_MEND, expected, "")
    status, lines, _ = run("db", "upgrade", database_url)
    assert (status, lines) == (TO_MEND, [f"already at revision {HEAD}", expected[1]])


def test_current_tells_the_revision(run, database_url):
    put(database_url, "CREATE TABLE orders (id INTEGER)")
    assert run("db", "current", database_url) == (DONE, ["no recorded revision"], "")
    run("db", "upgrade", database_url)
    assert run("db", "current", database_url) == (DONE, [f"revision {HEAD}"], "")


def test_another_prefix(run, database_url):
    run("db", "upgrade", database_url, "--prefix", "acme_")
    assert run("db", "current", database_url)[1] == ["no recorded revision"]
    assert run("db", "current", database_url, "--prefix", "acme_")[1] == [f"revision {HEAD}"]
    with SQLAlchemyStore(database_url, tables=define_tables(prefix="acme_")) as store:
        assert store.check().ok
        assert all(name.startswith("acme_") for name in inspect(store._engine).get_table_names())


@pytest.mark.postgres
def test_another_schema(run, postgres_url):
    assert run("db", "upgrade", postgres_url, "--schema", "growth")[0] == DONE
    assert run("db", "check", postgres_url, "--schema", "growth")[0] == DONE
    assert run("db", "check", postgres_url)[0] == TO_MEND
    with SQLAlchemyStore(postgres_url) as store:
        assert inspect(store._engine).get_table_names() == []
        assert "referral_members" in inspect(store._engine).get_table_names("growth")


@pytest.mark.mariadb
def test_another_database_of_the_server(run, mariadb_url):
    """What PostgreSQL calls a schema is a database on MariaDB."""
    other = f"{make_url(mariadb_url).database}_more"
    try:
        assert run("db", "upgrade", mariadb_url, "--schema", other)[0] == DONE
        assert run("db", "check", mariadb_url, "--schema", other)[0] == DONE
        assert run("db", "check", mariadb_url)[0] == TO_MEND
    finally:
        put(mariadb_url, f"DROP DATABASE IF EXISTS `{other}`")


def test_the_url_may_come_from_the_environment(run, url, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE", url)
    assert run("db", "upgrade", "--url-env", "SHOP_DATABASE")[0] == DONE
    assert run("db", "current", "--url-env", "SHOP_DATABASE")[1] == [f"revision {HEAD}"]
    status, _, said = run("db", "current", "--url-env", "SHOP")
    assert (status, said) == (UNUSABLE, "referral-engine: --url-env: the environment variable 'SHOP' is not set\n")


@pytest.mark.parametrize("command", ["check", "current"])
def test_looking_at_a_file_that_is_not_there_does_not_make_it(run, url, tmp_path, command):
    status, _, said = run("db", command, url)
    assert (status, "db upgrade" in said) == (REFUSED, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("db",),
        ("db", "upgrade"),
        ("db", "downgrade", "sqlite:///a.db"),
        ("db", "check", "nonsense"),
        ("db", "check", "sqlite://"),
        ("db", "check", "oracle://h/n"),
        ("db", "check", "sqlite:///a.db", "--url-env", "X"),
        ("db", "upgrade", "sqlite:///a.db", "--prefix", "a-b"),
    ],
)
def test_a_command_line_that_cannot_be_used(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, printed, said = run(*arguments)
    assert (status, printed) == (UNUSABLE, [])
    assert "referral-engine" in said
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_refuses(run, database_url):
    run("db", "upgrade", database_url)
    put(database_url, "UPDATE referral_alembic_version SET version_num = '9999'")
    status, _, said = run("db", "upgrade", database_url)
    assert (status, said.count("\n"), "'9999'" in said) == (REFUSED, 1, True)
    assert run("db", "check", database_url)[0] == TO_MEND


@pytest.mark.parametrize(
    "arguments",
    [
        ("postgresql://u:hidden@127.0.0.1:1/n",),
        ("postgresql://127.0.0.1:1/n?user=u&password=hidden",),
        ("postgresql+pg8000://u:hidden@h/n",),
        ("nonsense://u:hidden@h/n",),
        ("postgresql://u:hidden@h:port/n",),
        ("sqlite:///a.db", "postgresql://u:hidden@h/n"),
        ("sqlite:///a.db", "--sch=postgresql://u:hidden@h/n", "--nonsense=x://u:hidden@h"),
    ],
)
def test_no_password_is_told(run, arguments):
    status, printed, said = run("db", "check", *arguments)
    assert status in {UNUSABLE, REFUSED}
    assert "hidden" not in said + "".join(printed)


def test_the_module_is_the_command_too(url):
    command = [sys.executable, "-m", "referral_engine.cli", "db", "upgrade", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (DONE, f"upgraded from no recorded revision to revision {HEAD}\n")
    done = subprocess.run([*command[:-2], "check", "nonsense"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (UNUSABLE, "", False)
