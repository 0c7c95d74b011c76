"""Who calls, as the edge of a service has proven it, and which routes admit them.

A user's permissions follow from their role, a service's from the route (`policy="service"`). Handlers ask for a
permission by name (`principal.may("orders:read")`) and never for a role.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from serai.chassis.errors import Forbidden, Unauthenticated

#: Which callers a route admits. A route that declares `needs` is `signed_in` and demands that permission too.
Policy = Literal["public", "optional", "signed_in", "service"]
POLICIES: tuple[Policy, ...] = ("public", "optional", "signed_in", "service")

#: What a principal is. Nothing issues a `guest` or an `api_key` yet.
Kind = Literal["anonymous", "user", "guest", "service", "api_key"]

NO_PERMISSIONS: frozenset[str] = frozenset()


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """A proven caller."""

    kind: Kind = "anonymous"
    #: A user's UUID, the SHA-256 of a guest's token in hex, a service's name or an API key's id.
    id: str = ""
    #: The user who calls, or the one for whom a service calls (`on_behalf_of`).
    user_id: UUID | None = None
    session_id: UUID | None = None
    permissions: frozenset[str] = NO_PERMISSIONS
    #: Known only where the session was looked up.
    email: str = ""
    name: str = ""

    @property
    def user(self) -> UUID:
        """The user's id. Raises `Unauthenticated` when there is no user."""
        if self.user_id is None:
            raise Unauthenticated
        return self.user_id

    @property
    def service(self) -> str | None:
        """The name of the service that calls."""
        return self.id if self.kind == "service" else None

    @property
    def idempotency_caller(self) -> str:
        """Under whom this principal's idempotency keys are stored. These bytes must not change: a retry that crosses
        an upgrade would no longer find its first request. Raises `Unauthenticated` for an anonymous principal."""
        if self.user_id is not None:
            return f"user:{self.user_id}"
        if self.kind == "anonymous":
            raise Unauthenticated
        return f"{self.kind}:{self.id}"

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """For a route of which only a part needs the permission. Raises `Forbidden`, and `Unauthenticated` for whoever
        has not signed in."""
        if self.kind in ("anonymous", "guest"):
            raise Unauthenticated
        if permission not in self.permissions:
            raise Forbidden


ANONYMOUS = Principal()


class SessionFacts(msgspec.Struct, frozen=True):
    """What the user service says of a session that has not ended."""

    user_id: UUID
    role: str
    email: str
    name: str
