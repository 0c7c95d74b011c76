"""Checks problem documents (RFC 9457, with `code` and `request_id`)."""

from __future__ import annotations

import re
from typing import Any

import httpx

CODE = re.compile(r"[a-z][a-z0-9_]*")


def problem(answer: httpx.Response, status: int | None = None, code: str | None = None) -> dict[str, Any]:
    """The problem document, after checking its members and, if given, its status and code."""
    context = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json", context
    document: dict[str, Any] = answer.json()
    assert document.keys() >= {"type", "title", "status", "detail", "code", "request_id"}, context
    assert document["status"] == answer.status_code, context
    assert document["request_id"] == answer.headers["x-request-id"], context
    assert CODE.fullmatch(document["code"]), context
    assert answer.headers["cache-control"] == "no-store", context
    assert (status or answer.status_code) == answer.status_code, context
    assert (code or document["code"]) == document["code"], context
    if answer.status_code == 422:
        assert all(error.keys() == {"field", "message"} for error in document["errors"]), context
    return document
