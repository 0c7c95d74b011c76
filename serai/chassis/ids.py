"""Identifiers: UUIDv7 (RFC 9562), whose order is roughly that of creation, so indexes grow at one end."""

from __future__ import annotations

import re
from uuid import UUID

import uuid_utils

from serai.chassis.errors import NotFound

_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def new_id() -> UUID:
    return UUID(bytes=uuid_utils.uuid7().bytes)


def is_id(text: str) -> bool:
    """Whether it is a UUID in its canonical form, in upper or lower case."""
    return _CANONICAL.fullmatch(text) is not None


def parse_id(text: str) -> UUID:
    """The id in a path; one that is malformed names nothing, so it is `NotFound` like any other."""
    if not is_id(text):
        raise NotFound
    return UUID(text)
