"""Public requests refuse unknown fields; what services tell each other ignores them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from serai.contracts.user import IssuedLink, UserContact, UserEvent
from tests.user.conftest import PASSWORD, Users

LINK_TOKEN = "x" * 43


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/auth/register", {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}),
        ("POST", "/api/auth/login", {"email": "ada@example.com", "password": PASSWORD}),
        ("PATCH", "/api/auth/me", {"name": "Ada"}),
        ("POST", "/api/auth/password", {"current_password": PASSWORD, "new_password": "another caravan"}),
        ("POST", "/api/auth/password/forgot", {"email": "ada@example.com"}),
        ("POST", "/api/auth/password/reset", {"token": LINK_TOKEN, "password": PASSWORD}),
        ("POST", "/api/auth/email/verify", {"token": LINK_TOKEN}),
    ],
)
async def test_a_public_request_with_an_unknown_field_is_refused(
    users: Users, method: str, path: str, body: dict[str, Any]
) -> None:
    headers = await users.signed_in("grace@example.com")
    answer = await users.client.request(method, path, json=body | {"unknown": 1}, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"] == [{"field": "unknown", "message": "is not a known field"}]


_ID = "0193a5e0-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (UserContact, {"id": _ID, "email": "ada@example.com", "name": "Ada", "disabled": False}),
        (IssuedLink, {"token": LINK_TOKEN, "expires_at": "2026-11-27T00:00:00Z"}),
        (UserEvent, {"user_id": _ID}),
    ],
)
def test_what_a_newer_version_of_the_service_adds_is_ignored(
    kind: type[msgspec.Struct], fields: dict[str, Any]
) -> None:
    raw = msgspec.json.encode(fields | {"added_later": {"any": UUID(_ID)}})
    assert msgspec.json.decode(raw, type=kind) == msgspec.convert(fields, kind)
