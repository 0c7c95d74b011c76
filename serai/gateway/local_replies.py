"""Envoy's local replies, rewritten into the problem documents (RFC 9457) that the services use.

A local reply is a response that Envoy makes itself because it will not or cannot forward a request. Each is rewritten
by its status. A response of a service is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from serai.chassis import errors
from serai.chassis.errors import Problem, problem_document

#: The only credential that a client may send: one bearer token. The services' own scheme (`Service`) is refused.
BEARER = r"Bearer [A-Za-z0-9._~+/-]+=*"

#: The RBAC policy that refuses an invalid Host. Envoy puts its name into the response code details.
UNFIT_HOST = "unfit_host"


def security_headers(*, tls: bool) -> dict[str, str]:
    """Security headers for responses that do not set them themselves."""
    return {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "strict-origin-when-cross-origin",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        **({"strict-transport-security": "max-age=31536000"} if tls else {}),
    }


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    code: str
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return problem_document(self.title, self.status, self.detail, self.code, "%RESP(X-REQUEST-ID)%")


#: Always true. Envoy requires at least two conditions in an `and_filter`.
_ALWAYS: dict[str, Any] = {"not_health_check_filter": {}}


def _reply_of(problem: Problem) -> _Reply:
    """The reply that a service would give to this error, so that clients see no difference."""
    return _Reply(problem.status, problem.code, problem.title, problem.detail, problem.headers())


_UNAUTHENTICATED = _reply_of(errors.Unauthenticated())
_INTERNAL = _reply_of(Problem())
_BAD_REQUEST = _reply_of(errors.BadRequest("The request cannot be read: check its path, headers and framing."))
_REPLIES = (
    _BAD_REQUEST,
    _UNAUTHENTICATED,
    _reply_of(errors.Forbidden()),
    _reply_of(errors.NotFound()),
    _reply_of(errors.MethodNotAllowed()),
    _Reply(408, "request_timeout", "Too slow", "The request did not arrive in time."),
    _reply_of(errors.TooLarge()),
    _reply_of(errors.UnsupportedMediaType()),
    _Reply(426, "upgrade_required", "Upgrade required", "Use HTTP/1.1 or HTTP/2."),
    # Envoy knows when the next request is allowed, and sets Retry-After itself.
    replace(_reply_of(errors.TooManyRequests()), headers={}),
    _Reply(431, "headers_too_large", "Headers too large", "The request's headers are too large."),
    _INTERNAL,
    _Reply(501, "not_implemented", "Not implemented", "This is not something the gateway does."),
    _Reply(502, "bad_gateway", "Bad gateway", "A part of the shop gave no proper answer; try again."),
    _reply_of(errors.Unavailable()),
    _Reply(504, "gateway_timeout", "Timed out", "A part of the shop did not answer in time; try again."),
)


def local_reply_config(*, tls: bool) -> dict[str, Any]:
    """Envoy's `LocalReplyConfig`: the first mapper whose conditions match is used."""
    security = security_headers(tls=tls)
    credential = {"name": "authorization"}
    bearer = {"safe_regex": {"regex": BEARER}}
    unfit_credential = [
        _status(403, "EQ"),
        _header({**credential, "present_match": True}),
        _header({**credential, "string_match": bearer, "invert_match": True}),
    ]
    # Envoy answers 403 to a token for another audience. The API answers 401 to every invalid token.
    unfit_token = [_status(403, "EQ"), _cel_filter("response.code_details.startsWith('jwt_authn')")]
    unfit_host = [_status(403, "EQ"), _cel_filter(f"response.code_details.contains('[{UNFIT_HOST}]')")]
    refusals: list[tuple[list[dict[str, Any]], _Reply]] = [
        (unfit_host, _BAD_REQUEST),
        (unfit_credential, _UNAUTHENTICATED),
        (unfit_token, _UNAUTHENTICATED),
    ]
    refusals += [([_status(answer.status, "EQ")], answer) for answer in _REPLIES]
    refusals.append(([_status(400, "GE")], _INTERNAL))
    has_request_id = _header({"name": "x-request-id", "present_match": True})
    # A request may be refused before it has an id. Its response gets a new id, so that it can be found.
    return {
        "mappers": [
            *(_mapper([*found, has_request_id], answer, security, "%REQ(X-REQUEST-ID)%") for found, answer in refusals),
            *(_mapper(found, answer, security, "%UNIQUE_ID%") for found, answer in refusals),
        ]
    }


def _header(matcher: dict[str, Any]) -> dict[str, Any]:
    return {"header_filter": {"header": matcher}}


def _cel_filter(expression: str) -> dict[str, Any]:
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                "expression": expression,
            },
        }
    }


def _status(status: int, op: str) -> dict[str, Any]:
    # Envoy requires a runtime key beside the number. Nothing sets it.
    return {
        "status_code_filter": {
            "comparison": {"op": op, "value": {"default_value": status, "runtime_key": "serai.edge.status"}}
        }
    }


def _mapper(
    conditions: list[dict[str, Any]], answer: _Reply, security: Mapping[str, str], request_id: str
) -> dict[str, Any]:
    headers = {**security, "cache-control": "no-store", "x-request-id": request_id, **answer.headers}
    return {
        "filter": {"and_filter": {"filters": [*conditions, _ALWAYS]}},
        "status_code": answer.status,
        "body_format_override": {"json_format": answer.document(), "content_type": "application/problem+json"},
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
    }
