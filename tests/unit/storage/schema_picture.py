"""A picture of the tables in a database, as the database itself describes them, to compare with another one."""

from __future__ import annotations

from sqlalchemy import inspect, text

from referral_engine.storage.sqlalchemy.migrations.frozen import Place


def picture(engine, tables):
    """Describe the tables and the one that records their revision; the order of columns does not matter."""
    inspector = inspect(engine)
    names = [table.name for table in tables.all()] + [Place.of(tables).version_table]
    return {name: described(engine, inspector, name, tables.schema) for name in names}


def described(engine, inspector, name, schema):
    if not inspector.has_table(name, schema):
        return None
    return {
        "columns": {
            column["name"]: (column["type"].compile(engine.dialect), column["nullable"], column["default"])
            for column in inspector.get_columns(name, schema)
        },
        "key": inspector.get_pk_constraint(name, schema),
        "indexes": sorted(map(flat, inspector.get_indexes(name, schema))),
        "unique": sorted(map(flat, inspector.get_unique_constraints(name, schema))),
        "checks": sorted(map(flat, inspector.get_check_constraints(name, schema))),
        "foreign": sorted(map(flat, inspector.get_foreign_keys(name, schema))),
        "statements": statements(engine, name),
    }


def takes_back_tables(engine):
    """Tell whether a transaction that is rolled back takes its tables with it; MariaDB commits at each of them."""
    return engine.dialect.name not in {"mysql", "mariadb"}


def flat(described):
    """Write as text what may hold expressions and None, which have no order."""
    if isinstance(described, dict):
        return "; ".join(f"{key}: {flat(value)}" for key, value in sorted(described.items()))
    return str(described)


def statements(engine, name):
    """What SQLite keeps as text alone: the order within its indexes, and whether rows are kept by the key."""
    if engine.dialect.name != "sqlite":
        return []
    asked = text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :name AND sql IS NOT NULL")
    with engine.connect() as connection:
        found = connection.execute(asked, {"name": name}).all()
    texts = [sql if kind == "index" else sql.rpartition(")")[2] for kind, sql in found]
    return sorted(" ".join(sql.replace('"', "").split()) for sql in texts)
