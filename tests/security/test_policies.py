"""The public operations, listed here once more, so that none becomes public by mistake."""

from __future__ import annotations

from serai import topology
from tests.security.operations import OPERATIONS

#: Operations that ignore tokens.
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
#: Operations open to visitors, who may have a guest's cart.
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


def test_only_the_listed_operations_are_open() -> None:
    assert labels("public") == PUBLIC
    assert labels("optional") == OPTIONAL


def test_only_the_client_application_s_pages_are_open_beside_them() -> None:
    """The pages are public. The data they show comes from the API, which checks access."""
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


def test_operations_that_customers_may_not_call_need_a_permission() -> None:
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


def test_every_policy_is_declared_as_security_in_the_documents() -> None:
    for operation in OPERATIONS:
        security = operation.described.get("security")
        expected: dict[str, object] = {
            "public": None,
            "optional": [{}, {"access_token": []}],
            "signed_in": [{"access_token": []}],
        }
        assert security == expected[operation.policy], operation.label
