"""The system as data: its services, what each owns, which services it may call and whose events it consumes.

Everything that needs the shape of the system reads it here. The supervisor starts these processes, the service client
refuses a call that is not listed, feed readers refuse a feed that is not listed, the gateway learns which services have
public routes, and tests prove that calls and feeds together form no cycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serai.permissions import ROLES


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    #: "module:function" of the factory that assembles the service. Only the process that serves it imports the module.
    factory: str
    #: Whether the service owns a database, with a role of the same name that can connect to no other one.
    database: bool = True
    #: Whether it also filters and counts whole tables. The other services find every row by an index.
    scans: bool = False
    #: The services it may call.
    calls: tuple[str, ...] = ()
    #: The services whose event feed it consumes.
    reads: tuple[str, ...] = ()
    #: Whether the gateway routes the paths of its OpenAPI document to it.
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

#: The pages of the web client (web/src/app/router.tsx declares the same). `web` answers each with the one HTML file.
#: There is no catch-all: any other path is not found.
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
#: The other files of its build.
WEB_FILES: tuple[str, ...] = ("/assets/{file}", "/favicon.svg", "/scheme.js")
#: What the gateway routes to `web`, GET and HEAD only.
WEB_ROUTES: tuple[str, ...] = (*WEB_PAGES, *WEB_FILES)


def service(name: str) -> Service:
    """The service called `name`. Raises KeyError, which lists the existing names."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise KeyError(f"no service {name!r}; there are {', '.join(BY_NAME)}") from None


def callers_of(name: str) -> frozenset[str]:
    """The services that may call `name` or read its feed."""
    return frozenset(other.name for other in SERVICES if name in other.calls or name in other.reads)
