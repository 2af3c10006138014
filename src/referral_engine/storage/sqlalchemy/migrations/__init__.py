"""Migrations: how the tables of one release become those of the next, by our own Alembic environment.

`store.upgrade()` is all that most need. A host that has an Alembic environment of its own calls `upgrade` inside one of
its revisions and gives `leave_out` to its `env.py`. Nothing here loads Alembic before tables are to be changed, so that
a core install may create and check its tables; changing them takes the extra `migrations`.

A release that changes tables adds `versions/revision_NNNN.py` and names it in `revisions.RELEASED`.
"""

from referral_engine.storage.sqlalchemy.migrations.hosting import leave_out, upgrade
from referral_engine.storage.sqlalchemy.migrations.revisions import HEAD, downgrade
from referral_engine.storage.sqlalchemy.migrations.status import SchemaStatus

__all__ = ["HEAD", "SchemaStatus", "downgrade", "leave_out", "upgrade"]
