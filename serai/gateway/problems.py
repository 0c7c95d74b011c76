"""The edge's own refusals, in the same words and shape (RFC 9457) that the services use.

Envoy answers by itself when it will not or cannot pass a request on. Each such answer is rewritten by status here; an
answer that came from a service is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from serai.chassis import errors
from serai.chassis.errors import Problem, problem_document

#: A credential that a visitor may send: one bearer token and nothing else. A service's own scheme never enters here.
BEARER = r"Bearer [A-Za-z0-9._~+/-]+=*"

#: The rule by which a request is refused whose Host cannot be one; its name comes back in Envoy's reason.
UNFIT_HOST = "unfit_host"


def security_headers(*, tls: bool) -> dict[str, str]:
    """What a browser is told with every answer that says nothing of its own."""
    return {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "strict-origin-when-cross-origin",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        **({"strict-transport-security": "max-age=31536000"} if tls else {}),
    }


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    code: str
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return problem_document(self.title, self.status, self.detail, self.code, "%RESP(X-REQUEST-ID)%")


#: Envoy asks for two conditions at least where they are joined.
_ALWAYS: dict[str, Any] = {"not_health_check_filter": {}}


def _same_as(problem: Problem) -> _Answer:
    """The answer that a service would give, so that a client cannot tell who refused."""
    return _Answer(problem.status, problem.code, problem.title, problem.detail, problem.headers())


_UNAUTHENTICATED = _same_as(errors.Unauthenticated())
_INTERNAL = _same_as(Problem())
_BAD_REQUEST = _same_as(errors.BadRequest("The request cannot be read: check its path, headers and framing."))
_ANSWERS = (
    _BAD_REQUEST,
    _UNAUTHENTICATED,
    _same_as(errors.Forbidden()),
    _same_as(errors.NotFound()),
    _same_as(errors.MethodNotAllowed()),
    _Answer(408, "request_timeout", "Too slow", "The request did not arrive in time."),
    _same_as(errors.TooLarge()),
    _same_as(errors.UnsupportedMediaType()),
    _Answer(426, "upgrade_required", "Upgrade required", "Use HTTP/1.1 or HTTP/2."),
    # Envoy knows when the next request will be let through, and sends Retry-After itself.
    replace(_same_as(errors.TooManyRequests()), headers={}),
    _Answer(431, "headers_too_large", "Headers too large", "The request's headers are too large."),
    _INTERNAL,
    _Answer(501, "not_implemented", "Not implemented", "This is not something the gateway does."),
    _Answer(502, "bad_gateway", "Bad gateway", "A part of the shop gave no proper answer; try again."),
    _same_as(errors.Unavailable()),
    _Answer(504, "gateway_timeout", "Timed out", "A part of the shop did not answer in time; try again."),
)


def local_reply_config(*, tls: bool) -> dict[str, Any]:
    """Envoy's table of rewritten answers; the first that fits is taken."""
    guards = security_headers(tls=tls)
    credential = {"name": "authorization"}
    unfit = {"safe_regex": {"regex": BEARER}}
    unfit_credential = [
        _status(403, "EQ"),
        _header({**credential, "present_match": True}),
        _header({**credential, "string_match": unfit, "invert_match": True}),
    ]
    # Envoy says 403 to a token for another audience; to us no bad token proves anybody.
    unfit_token = [_status(403, "EQ"), _because("response.code_details.startsWith('jwt_authn')")]
    unfit_host = [_status(403, "EQ"), _because(f"response.code_details.contains('[{UNFIT_HOST}]')")]
    refusals: list[tuple[list[dict[str, Any]], _Answer]] = [
        (unfit_host, _BAD_REQUEST),
        (unfit_credential, _UNAUTHENTICATED),
        (unfit_token, _UNAUTHENTICATED),
    ]
    refusals += [([_status(answer.status, "EQ")], answer) for answer in _ANSWERS]
    refusals.append(([_status(400, "GE")], _INTERNAL))
    known = _header({"name": "x-request-id", "present_match": True})
    # A request may be refused before it was given an id; its answer gets one all the same, so that it can be found.
    return {
        "mappers": [
            *(_mapper([*found, known], answer, guards, "%REQ(X-REQUEST-ID)%") for found, answer in refusals),
            *(_mapper(found, answer, guards, "%UNIQUE_ID%") for found, answer in refusals),
        ]
    }


def _header(matcher: dict[str, Any]) -> dict[str, Any]:
    return {"header_filter": {"header": matcher}}


def _because(expression: str) -> dict[str, Any]:
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
    # Envoy wants a runtime key beside the number; nothing sets it.
    return {
        "status_code_filter": {
            "comparison": {"op": op, "value": {"default_value": status, "runtime_key": "serai.edge.status"}}
        }
    }


def _mapper(
    conditions: list[dict[str, Any]], answer: _Answer, guards: Mapping[str, str], request_id: str
) -> dict[str, Any]:
    headers = {**guards, "cache-control": "no-store", "x-request-id": request_id, **answer.headers}
    return {
        "filter": {"and_filter": {"filters": [*conditions, _ALWAYS]}},
        "status_code": answer.status,
        "body_format_override": {"json_format": answer.document(), "content_type": "application/problem+json"},
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
    }
