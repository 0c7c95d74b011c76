"""What every refusal looks like (RFC 9457, with our code and the request's id)."""

from __future__ import annotations

import re
from typing import Any

import httpx

CODE = re.compile(r"[a-z][a-z0-9_]*")


def problem(answer: httpx.Response, status: int | None = None, code: str | None = None) -> dict[str, Any]:
    """The answer's document, after holding it to its shape and, where given, to its status and code."""
    told = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json", told
    document: dict[str, Any] = answer.json()
    assert document.keys() >= {"type", "title", "status", "detail", "code", "request_id"}, told
    assert document["status"] == answer.status_code, told
    assert document["request_id"] == answer.headers["x-request-id"], told
    assert CODE.fullmatch(document["code"]), told
    assert answer.headers["cache-control"] == "no-store", told
    assert (status or answer.status_code) == answer.status_code, told
    assert (code or document["code"]) == document["code"], told
    if answer.status_code == 422:
        assert all(error.keys() == {"field", "message"} for error in document["errors"]), told
    return document
