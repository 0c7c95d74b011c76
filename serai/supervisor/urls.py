"""How a service's database and role are called, and the URL they make with a server's address."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit


def name_of(service: str) -> str:
    """What the service's database and its role are called."""
    return f"serai_{service}"


def url_of(admin_url: str, service: str, password: str, *, database: str | None = None) -> str:
    """The service's own URL on the server that `admin_url` names, with the same options (sslmode and the like)."""
    parts = urlsplit(admin_url)
    address = parts.netloc.rpartition("@")[2]
    role = name_of(service)
    return urlunsplit(
        parts._replace(netloc=f"{role}:{quote(password, safe='')}@{address}", path=f"/{database or role}")
    )
