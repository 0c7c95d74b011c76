"""The name of a service's database and role, and its URL on a server."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit


def name_of(service: str) -> str:
    """The name of the service's database and of its role."""
    return f"serai_{service}"


def url_of(admin_url: str, service: str, password: str, *, database: str | None = None) -> str:
    """The service's URL on the server of `admin_url`, with the same options (such as sslmode)."""
    parts = urlsplit(admin_url)
    address = parts.netloc.rpartition("@")[2]
    role = name_of(service)
    return urlunsplit(
        parts._replace(netloc=f"{role}:{quote(password, safe='')}@{address}", path=f"/{database or role}")
    )
