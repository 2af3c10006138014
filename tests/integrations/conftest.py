"""What the hosts of these tests share: a database that is theirs, and a program that pays for every order."""

from __future__ import annotations

import pytest

from referral_engine import Campaign, Program, Reward, Rule, Unit


@pytest.fixture
def program() -> Program:
    """Pays 100 points for each order, at once."""
    cashback = Rule(id="cashback", on="purchase", give=[Reward("member", "points", 100)])
    return Program("shop", {"points": Unit()}, [Campaign("always", rules=[cashback])])


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def host_url(request, tmp_path) -> str:
    """URL, for SQLAlchemy, of a new database of the host."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/host.db"
    return request.getfixturevalue("postgres_url").replace("postgresql://", "postgresql+psycopg://")
