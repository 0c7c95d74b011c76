"""Identifiers are UUIDv7 (RFC 9562). They sort roughly by time of creation, so a B-tree index grows at one end."""

from __future__ import annotations

import re
from uuid import UUID

import uuid_utils

from serai.chassis.errors import NotFound

_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def new_id() -> UUID:
    return UUID(bytes=uuid_utils.uuid7().bytes)


def is_id(text: str) -> bool:
    """Whether `text` is a UUID in canonical form, in upper or lower case."""
    return _CANONICAL.fullmatch(text) is not None


def parse_id(text: str) -> UUID:
    """Parse an id from a URL path. A malformed id cannot exist, so it raises `NotFound` like any unknown one."""
    if not is_id(text):
        raise NotFound
    return UUID(text)
