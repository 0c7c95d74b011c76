"""Cookies, and the origins that a browser may send them from."""

from __future__ import annotations

from serai.chassis.errors import Forbidden


def refuse_foreign_origin(origin: str | None, fetch_site: str | None, own: frozenset[str]) -> None:
    """For routes that act on a cookie: a browser on another site must not reach them. Absent headers are allowed,
    because only browsers send them. Raises `Forbidden`."""
    if (origin is not None and origin not in own) or (fetch_site or "same-origin") == "cross-site":
        raise Forbidden("This request comes from another site.", code="foreign_origin")


def own_origins(public_url: str, *, local: bool) -> frozenset[str]:
    """The origins a browser may call us from: the public one and, on a developer's machine, loopback at its port."""
    scheme, _, rest = public_url.rstrip("/").partition("://")
    host = rest.split("/", 1)[0]
    own = {f"{scheme}://{host}"}
    if local:
        port = host.rsplit(":", 1)[1] if ":" in host.rsplit("]", 1)[-1] else ""
        own |= {f"{scheme}://{name}{':' + port if port else ''}" for name in ("localhost", "127.0.0.1", "[::1]")}
    return frozenset(own)


def cookie_name(base: str, public_url: str) -> str:
    """The name of a cookie of ours: bound to host and TLS by its `__Host-` prefix, or on plain http told apart by the
    port, because cookies ignore ports and several installations may share localhost."""
    scheme, _, rest = public_url.partition("://")
    if scheme == "https":
        return f"__Host-{base}"
    return f"{base}_{rest.split('/', 1)[0].rpartition(':')[2] or '80'}"
