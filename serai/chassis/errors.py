"""The kinds of error that services answer with, and the table that maps them to HTTP statuses and back.

An action or a rule raises one of the kinds below, or a subclass that names the fact (`CartEmpty`, `OutOfStock`). The
edge of a service turns it into `application/problem+json` (RFC 9457). The service client of a caller turns that
document back into the same exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

#: Members of every problem document. Other members are facts of the error (`available`, `order_id`, …).
_STANDARD = frozenset({"type", "title", "status", "detail", "code", "request_id", "errors"})

_BY_CODE: dict[str, type[Problem]] = {}


class Problem(Exception):
    """An error with a stable `code`, a sentence for people and, where useful, facts that a program can act on.

    `facts` become members of the problem document. A caller finds a subclass again by its `code`, so two subclasses
    must not share one: that raises TypeError.
    """

    status: ClassVar[int] = 500
    code: str = "internal"
    title: ClassVar[str] = "Internal error"
    detail: str = "Something went wrong on our side. Quote the request id when you report it."
    #: Seconds after which to retry; sent as `Retry-After`.
    retry_after_s: int | None = None

    def __init__(self, detail: str | None = None, *, code: str | None = None, **facts: Any) -> None:
        if detail is not None:
            self.detail = detail
        if code is not None:
            self.code = code
        if taken := _STANDARD & facts.keys():
            raise TypeError(f"{sorted(taken)} of a problem document cannot be facts of {type(self).__qualname__}")
        self.facts: dict[str, Any] = facts
        super().__init__(self.detail)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" in cls.__dict__ and _BY_CODE.setdefault(cls.code, cls).__qualname__ != cls.__qualname__:
            raise TypeError(
                f"error code {cls.code!r} of {cls.__qualname__} belongs to {_BY_CODE[cls.code].__qualname__}"
            )

    def document(self, request_id: str | None) -> dict[str, Any]:
        """The RFC 9457 document of this error."""
        return problem_document(self.title, self.status, self.detail, self.code, request_id) | self.facts

    def headers(self) -> dict[str, str]:
        return {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}


class BadRequest(Problem):
    status, code, title, detail = 400, "bad_request", "Bad request", "The request cannot be read."


class Unauthenticated(Problem):
    status, code, title, detail = 401, "unauthenticated", "Not signed in", "This needs a valid access token."

    def headers(self) -> dict[str, str]:
        return {"www-authenticate": "Bearer"}


class WrongAudience(Unauthenticated):
    """The token is for another service. The caller has our address from an instance that has gone."""

    code, detail = "wrong_audience", "This token is meant for another service."


class Forbidden(Problem):
    status, code, title, detail = 403, "forbidden", "Not allowed", "You are not allowed to do this."


class NotFound(Problem):
    """The resource does not exist, or it belongs to somebody else. Both look the same to the caller, so the detail
    never says which."""

    status, code, title, detail = 404, "not_found", "Not found", "There is nothing here."


class MethodNotAllowed(Problem):
    status, code, title, detail = 405, "method_not_allowed", "Method not allowed", "This path has other methods."


class Conflict(Problem):
    status, code, title, detail = 409, "conflict", "Conflict", "The current state does not allow this."


class PreconditionFailed(Problem):
    status, code, title = 412, "precondition_failed", "Changed meanwhile"
    detail = "The version in If-Match is not the current one; read it again."


class TooLarge(Problem):
    status, code, title, detail = 413, "too_large", "Too large", "The request body is too large."


class UnsupportedMediaType(Problem):
    status, code, title = 415, "unsupported_media_type", "Wrong content type"
    detail = "Send the body as application/json."


class Invalid(Problem):
    """A value has the wrong type or is not acceptable. `errors` lists each field by its dotted path with what is
    wrong."""

    status, code, title, detail = 422, "invalid", "Invalid", "Some values are not acceptable."

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: list[dict[str, str]] | None = None,
        field: str | None = None,
        code: str | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(detail, code=code, **facts)
        if errors is None:
            errors = [] if field is None else [{"field": field, "message": self.detail}]
        self.errors = errors

    def document(self, request_id: str | None) -> dict[str, Any]:
        return {**super().document(request_id), "errors": self.errors}


class TooManyRequests(Problem):
    status, code, title, detail = 429, "too_many_requests", "Too many requests", "Slow down and try again."
    retry_after_s = 1


class Overloaded(TooManyRequests):
    """The process has more requests than it can answer in time. The request was not started."""

    code, detail = "overloaded", "Too much is going on at the moment; try again."


class Unavailable(Problem):
    """The service cannot answer now. The client raises it too when it cannot reach a service. `maybe_done` then says
    whether the call may have taken effect."""

    status, code, title, detail = 503, "unavailable", "Try again", "This is briefly not available; try again."
    retry_after_s = 1
    maybe_done: bool = False


_BY_STATUS: dict[int, type[Problem]] = {
    kind.status: kind
    for kind in (
        BadRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        Conflict,
        PreconditionFailed,
        TooLarge,
        UnsupportedMediaType,
        Invalid,
        TooManyRequests,
        Unavailable,
    )
}


def problem_document(title: str, status: int, detail: str, code: str, request_id: str | None) -> dict[str, Any]:
    """The members that every RFC 9457 document of ours has, whichever process answers."""
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }


def from_document(status: int, document: Mapping[str, Any]) -> Problem:
    """The exception that a problem document was made from, found by its code, else by its status."""
    code = str(document.get("code", ""))
    kind = _BY_CODE.get(code)
    if kind is None or kind.status != status:
        kind = _BY_STATUS.get(status, Unavailable if status >= 500 else BadRequest)
    problem = kind.__new__(kind)
    Problem.__init__(problem, str(document.get("detail", kind.detail)), code=code or kind.code)
    problem.facts = {key: value for key, value in document.items() if key not in _STANDARD}
    if isinstance(problem, Invalid):
        problem.errors = list(document.get("errors", []))
    return problem
