"""What may be done in the shop beyond one's own cart, orders and account, and which roles may do it.

A permission is `noun:verb`. A route declares the one it `needs`, or with `more_with` those by which it does more than
for everybody; a handler asks `principal.may(permission)`. Access tokens carry the role only: services and the gateway
look its permissions up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Permission = Literal[
    #: Products that are not for sale yet or no longer, and which of them run low.
    "products:read_drafts",
    "products:write",
    #: Pictures of products.
    "media:write",
    #: Every change of a variant's stock, and who made it.
    "inventory:read",
    "inventory:adjust",
    #: Everybody's orders.
    "orders:read",
    "orders:fulfil",
    #: Cancel any order that has not shipped, which refunds it if it is paid.
    "orders:cancel",
    #: Everybody's payments and their refunds.
    "payments:read",
    "payments:refund",
    "users:read",
    #: Change roles, disable accounts.
    "users:write",
    "emails:read",
    "emails:send",
    #: Revenue, orders and refunds over time.
    "reports:read",
    "monitoring:read",
]
Role = Literal["customer", "admin"]

PERMISSIONS: frozenset[Permission] = frozenset(get_args(Permission))

ROLES: Mapping[str, frozenset[Permission]] = {
    "customer": frozenset(),
    "admin": PERMISSIONS,
}


def permissions_of(role: str) -> list[Permission]:
    """In alphabetical order; a role that is not known has none."""
    return sorted(ROLES.get(role, frozenset()))


def roles_with(permission: str) -> tuple[str, ...]:
    """The roles that have the permission, in alphabetical order."""
    return tuple(sorted(role for role, permissions in ROLES.items() if permission in permissions))
