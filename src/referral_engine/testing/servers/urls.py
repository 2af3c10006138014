"""URLs of test servers, and of databases on them."""

from __future__ import annotations


def database_url(server_url: str, database: str | None = None) -> str:
    """Point a URL at another database of its server, or at the same one; a `+driver` is left out, as libpq wants it."""
    scheme, _, rest = server_url.partition("://")
    location, mark, options = rest.partition("?")
    host, _, own = location.partition("/")
    return f"{scheme.partition('+')[0]}://{host}/{own if database is None else database}{mark}{options}"
