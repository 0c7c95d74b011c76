"""Permissions are used as they are listed: no route and no handler asks for one that nobody has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import serai
from serai.permissions import PERMISSIONS, ROLES, Role, permissions_of, roles_with
from tests.security.operations import OPERATIONS

NEEDED = {operation.needs for operation in OPERATIONS if operation.needs is not None}
MORE_WITH = {permission for operation in OPERATIONS for permission in operation.described.get("x-more-with", ())}
SOURCES = {path: path.read_text() for path in Path(serai.__file__).parent.rglob("*.py")}


def test_every_role_has_its_permissions() -> None:
    assert set(ROLES) == set(get_args(Role))
    assert ROLES["admin"] == PERMISSIONS
    assert ROLES["customer"] == frozenset()
    assert permissions_of("admin") == sorted(PERMISSIONS)
    assert permissions_of("a role of another version") == []
    assert roles_with("orders:read") == ("admin",)
    assert roles_with("orders:raed") == ()


@pytest.mark.parametrize("permission", sorted(PERMISSIONS))
def test_a_permission_is_a_noun_and_a_verb(permission: str) -> None:
    assert re.fullmatch(r"[a-z]+:[a-z_]+", permission)


def test_every_permission_is_used_by_a_route_and_no_other_is() -> None:
    assert NEEDED | MORE_WITH == PERMISSIONS


def test_what_handlers_ask_for_is_what_their_routes_declare() -> None:
    asked = re.compile(r'\.(?:may|require)\(\s*(?:"([^"]+)"|(\w+))')
    found = set()
    for text in SOURCES.values():
        for literal, name in asked.findall(text):
            constant = re.search(rf'^{name} = "([^"]+)"', text, re.MULTILINE) if name else None
            if literal or constant:
                found.add(literal or (constant.group(1) if constant else ""))
    assert found == MORE_WITH


def test_only_the_service_that_keeps_roles_compares_them() -> None:
    compares = re.compile(r"\brole\s*(?:==|!=|in)\s*[\"'(\[]")
    root = Path(serai.__file__).parent
    # There must be an administrator left.
    assert {str(path.relative_to(root)) for path, text in SOURCES.items() if compares.search(text)} == {
        "user/actions.py"
    }
