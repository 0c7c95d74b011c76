"""The whole system as data: which services there are, what each owns, whom it may call and whose events it reads.

Everything that needs to know the shape of the system reads it here: the supervisor starts these processes, the
service client refuses a call that is not listed, feed readers refuse a feed that is not listed, the gateway learns
which services have public routes, and the tests prove that calls and feeds together form no cycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serai.permissions import ROLES


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    #: "module:function" of the factory that assembles the service; imported only by the process that serves it.
    factory: str
    #: Whether the service owns a database (with a role of the same name that can enter no other one).
    database: bool = True
    #: Whether it answers from whole tables too, filtered and counted; the others find every row by an index.
    scans: bool = False
    #: The services it may call.
    calls: tuple[str, ...] = ()
    #: The services whose event feed it consumes.
    reads: tuple[str, ...] = ()
    #: Whether the gateway routes its OpenAPI document to the outside.
    public: bool = True

    @property
    def roles(self) -> Mapping[str, frozenset[str]]:
        """The permissions of each role, the same for every service."""
        return ROLES


DISCOVERY = Service("discovery", "serai.discovery.app:create", public=False)

SERVICES: tuple[Service, ...] = (
    Service("user", "serai.user.app:create"),
    Service("product", "serai.product.app:create", scans=True, calls=("user",)),
    Service("cart", "serai.cart.app:create", calls=("user", "product")),
    Service("payment", "serai.payment.app:create", calls=("user",)),
    Service("order", "serai.order.app:create", calls=("user", "cart", "product", "payment"), reads=("payment",)),
    Service(
        "notification",
        "serai.notification.app:create",
        calls=("user", "order", "payment"),
        reads=("user", "order", "payment"),
    ),
    Service("monitoring", "serai.monitoring.app:create", database=False, calls=("user",)),
    Service("web", "serai.web.app:create", database=False, public=False),
)

BY_NAME: dict[str, Service] = {service.name: service for service in (DISCOVERY, *SERVICES)}

#: Services whose tables `serai migrate` brings up to date.
WITH_DATABASE: tuple[str, ...] = tuple(name for name, service in BY_NAME.items() if service.database)

#: The client application's pages (web/src/app/router.tsx declares the same), each answered by `web` with the one HTML
#: file. There is no catch-all: an address that is not here is not found.
WEB_PAGES: tuple[str, ...] = (
    "/",
    "/products",
    "/products/{slug}",
    "/cart",
    "/checkout",
    "/orders",
    "/orders/{id}",
    "/settings",
    "/sign-in",
    "/register",
    "/forgot",
    "/reset",
    "/verify",
    "/admin/orders",
    "/admin/orders/{id}",
    "/admin/products",
    "/admin/products/new",
    "/admin/products/{id}",
    "/admin/users",
    "/admin/mails",
    "/admin/system",
)
#: The other files that its build makes.
WEB_FILES: tuple[str, ...] = ("/assets/{file}", "/favicon.svg", "/scheme.js")
#: What the gateway passes to `web`, for reading only.
WEB_ROUTES: tuple[str, ...] = (*WEB_PAGES, *WEB_FILES)


def service(name: str) -> Service:
    """The service called `name`; a KeyError names what exists, because a typo here is a programming error."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise KeyError(f"no service {name!r}; there are {', '.join(BY_NAME)}") from None


def callers_of(name: str) -> frozenset[str]:
    """The services that may call `name`, be it for an answer or for its feed."""
    return frozenset(other.name for other in SERVICES if name in other.calls or name in other.reads)
