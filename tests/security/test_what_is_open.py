"""What the documents open to the world is written out once more here, so that nothing opens by itself."""

from __future__ import annotations

from serai import topology
from tests.security.operations import OPERATIONS

#: No token is looked at.
PUBLIC = {
    "GET /.well-known/jwks.json",
    "GET /api/notifications/unsubscribe",
    "GET /media/{file}",
    "POST /api/auth/email/verify",
    "POST /api/auth/login",
    "POST /api/auth/logout",
    "POST /api/auth/password/forgot",
    "POST /api/auth/password/reset",
    "POST /api/auth/refresh",
    "POST /api/auth/register",
    "POST /api/notifications/unsubscribe",
    "POST /api/payments/webhooks/stripe",
}
#: Visitors may do this too, as nobody or with a guest's cart.
OPTIONAL = {
    "DELETE /api/cart/items/{id}",
    "GET /api/cart",
    "GET /api/categories",
    "GET /api/products",
    "GET /api/products/{id}",
    "POST /api/cart/items",
    "PUT /api/cart/items/{id}",
}


def labels(policy: str) -> set[str]:
    return {operation.label for operation in OPERATIONS if operation.policy == policy}


def test_nothing_else_is_open() -> None:
    assert labels("public") == PUBLIC
    assert labels("optional") == OPTIONAL


def test_the_client_application_s_pages_are_all_that_is_open_beside_them() -> None:
    """To be read by anybody: what a page shows comes from the API, which asks who wants to know."""
    assert set(topology.WEB_ROUTES) == {
        "/",
        "/admin/mails",
        "/admin/orders",
        "/admin/orders/{id}",
        "/admin/products",
        "/admin/products/new",
        "/admin/products/{id}",
        "/admin/system",
        "/admin/users",
        "/assets/{file}",
        "/cart",
        "/checkout",
        "/favicon.svg",
        "/forgot",
        "/orders",
        "/orders/{id}",
        "/products",
        "/products/{slug}",
        "/register",
        "/reset",
        "/scheme.js",
        "/settings",
        "/sign-in",
        "/verify",
    }


def test_what_customers_may_not_do_needs_a_permission() -> None:
    needing = {operation.label: operation.needs for operation in OPERATIONS if operation.needs is not None}
    for operation in OPERATIONS:
        writes_catalogue = operation.service == "product" and operation.method != "get"
        if writes_catalogue or operation.service == "monitoring" or operation.template == "/api/users":
            assert operation.label in needing
    assert (
        needing.items()
        >= {
            "GET /api/notifications": "emails:read",
            "GET /api/orders/stats": "reports:read",
            "PATCH /api/users/{id}": "users:write",
            "POST /api/notifications/email": "emails:send",
            "POST /api/payments/{id}/refund": "payments:refund",
            "PUT /api/orders/{id}": "orders:fulfil",
        }.items()
    )


def test_every_token_is_declared_to_readers_of_the_documents() -> None:
    for operation in OPERATIONS:
        security = operation.described.get("security")
        expected: dict[str, object] = {
            "public": None,
            "optional": [{}, {"access_token": []}],
            "signed_in": [{"access_token": []}],
        }
        assert security == expected[operation.policy], operation.label
