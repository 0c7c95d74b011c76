"""Errors in Stripe's format, `{"error": {"type", "code", "message", "param", …}}`, with Stripe's types and codes."""

from __future__ import annotations

from typing import Any


class StripeError(Exception):
    """A response other than 2xx. `executed` says whether Stripe had begun to execute the request; only then is the
    response stored under the idempotency key."""

    status = 400
    type = "invalid_request_error"
    executed = False
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed, subclasses replace it

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None, **more: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.more = more

    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "type": self.type}
        if self.code:
            error |= {
                "code": self.code,
                "doc_url": f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}",
            }
        if self.param:
            error["param"] = self.param
        return {"error": error | self.more}


class BadParameter(StripeError):
    """The parameters are invalid. Nothing was executed."""


class Refused(StripeError):
    """The request was executed and failed (a missing object, an illegal state)."""

    executed = True


class NotFound(Refused):
    """404 when a missing object is retrieved. When a parameter names it, the status is 400 (`missing`)."""

    status = 404


def missing(kind: str, identifier: str, *, param: str, status: int = 400) -> Refused:
    """The `resource_missing` error in Stripe's words: `No such payment_intent: 'pi_…'`."""
    answer = NotFound if status == 404 else Refused
    return answer(f"No such {kind}: '{identifier}'", code="resource_missing", param=param)


class CardDeclined(Refused):
    status = 402
    type = "card_error"


class Unauthenticated(StripeError):
    status = 401


class UnknownUrl(StripeError):
    status = 404


class TooLarge(StripeError):
    status = 413


class IdempotencyMismatch(StripeError):
    type = "idempotency_error"


class IdempotencyInUse(StripeError):
    status = 409
    type = "idempotency_error"


class LockTimeout(StripeError):
    status = 409
    headers = {"Stripe-Should-Retry": "true"}  # noqa: RUF012


class RateLimited(StripeError):
    status = 429
    headers = {"Stripe-Should-Retry": "true"}  # noqa: RUF012


class ServerError(StripeError):
    """A 500. `executed` says whether it is stored, so that every retry with the same key gets it again."""

    status = 500
    type = "api_error"

    def __init__(self, *, executed: bool) -> None:
        super().__init__("An unknown error occurred")
        self.executed = executed
        self.headers = {"Stripe-Should-Retry": "false" if executed else "true"}
