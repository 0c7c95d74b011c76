"""The hosted payment page and the bank's 3-D Secure page: plain forms that post to their own address.

Each submission is one transaction on the current state of the session, so a double click, two tabs or a page that
expired meanwhile result in one charge or none.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import urlencode

from aiohttp import web

from serai.sandbox import cards, charging, hosted_html, sessions
from serai.sandbox.api import apply_fault_before, hang
from serai.sandbox.call import Call
from serai.sandbox.errors import Refused, StripeError
from serai.sandbox.faults import AFTER
from serai.sandbox.money import display
from serai.sandbox.operations import CHALLENGE, HOSTED_PAY
from serai.sandbox.store import Json, Record
from serai.sandbox.stripe_state import StripeState

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

DEFAULT_SHOP = "Sandbox shop"
MAX_FIELD = 80


class Pages:
    def __init__(self, state: StripeState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/c/pay/{session}", self.show),
            web.post("/c/pay/{session}", self.submit),
            web.get("/3ds/{intent}", self.show_challenge),
            web.post("/3ds/{intent}", self.submit_challenge),
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        with self._state.transact() as call:
            session = _find(call, request.match_info["session"])
            if session is None:
                return _unknown()
            if session.status != "open":
                return _closed(session, 200)
            intent = sessions.intent_of(call, session)
        if intent is not None and intent.status == "requires_action":
            return _challenge(session, 200)
        return _form(session, 200)

    async def submit(self, request: web.Request) -> web.StreamResponse:
        form = await _fields(request)
        action = form.get("action", "")
        try:
            await apply_fault_before(self._state, HOSTED_PAY)
        except StripeError as problem:
            return _page(hosted_html.notice("Something went wrong", problem.message), problem.status)
        with self._state.transact() as call:
            session = _find(call, request.match_info["session"])
            if session is None:
                return _unknown()
            intent = sessions.intent_of(call, session)
            challenged = intent is not None and intent.status == "requires_action"
            now = datetime.fromtimestamp(call.now, UTC)
            match action:
                case "cancel" if session.body["cancel_url"]:
                    # Going back does not close the session: it can be paid until it expires.
                    answer = _redirect(_filled(session, "cancel_url"))
                case _ if session.status == "complete":
                    answer = _redirect(_filled(session, "success_url"))
                case _ if session.status == "expired":
                    answer = _closed(session, 410)
                case "approve" | "fail" if challenged and intent is not None:
                    decline = sessions.answer_challenge(call, session, intent, approved=action == "approve")
                    answer = _after_attempt(session, decline, form={})
                case "pay":
                    number = re.sub(r"[\s-]", "", form.get("number", ""))
                    exp, cvc = form.get("exp", "").strip(), form.get("cvc", "").strip()
                    problems = cards.problems(number, exp, cvc, year=now.year, month=now.month)
                    expiry = cards.expires(exp)
                    if problems or expiry is None:
                        answer = _form(session, 422, given=form, problems=problems)
                    else:
                        decline = sessions.pay(call, session, number, exp=expiry, name=form.get("name", "").strip())
                        challenged = session.status == "open" and decline is None
                        answer = _challenge(session, 200) if challenged else _after_attempt(session, decline, form=form)
                case _:
                    answer = _form(session, 422, given=form)
            after = self._state.faults.take(HOSTED_PAY, AFTER)
        if after and after.fault == "execute_then_500":
            return _page(hosted_html.notice("Something went wrong", "An unknown error occurred"), 500)
        if after:
            await hang(self._state, request, after)
        return answer

    async def show_challenge(self, request: web.Request) -> web.StreamResponse:
        intent = self._state.store.get("payment_intent", request.match_info["intent"])
        if intent is None:
            return _unknown()
        if intent.status != "requires_action":
            return _page(_challenge_over(intent), 200)
        return _intent_challenge(intent)

    async def submit_challenge(self, request: web.Request) -> web.StreamResponse:
        action = (await _fields(request)).get("action", "")
        try:
            await apply_fault_before(self._state, CHALLENGE)
        except StripeError as problem:
            return _page(hosted_html.notice("Something went wrong", problem.message), problem.status)
        with self._state.transact() as call:
            intent = self._state.store.get("payment_intent", request.match_info["intent"])
            if intent is None:
                return _unknown()
            if intent.status != "requires_action":
                return _page(_challenge_over(intent), 410)
            if action not in ("approve", "fail"):
                return _intent_challenge(intent, 422)
            session = intent.hidden["session"]
            if session is not None:
                sessions.answer_challenge(call, sessions.find(call, session), intent, approved=action == "approve")
            else:
                charging.answer_challenge(call, intent, approved=action == "approve")
        return_url = intent.hidden.get("return_url")
        if not return_url:
            return _page(_challenge_over(intent), 200)
        outcome = {
            "payment_intent": intent.id,
            "payment_intent_client_secret": intent.body["client_secret"],
            "redirect_status": "succeeded" if intent.status == "succeeded" else "failed",
        }
        return _redirect(f"{return_url}{'&' if '?' in return_url else '?'}{urlencode(outcome)}")


def _find(call: Call, identifier: str) -> Record | None:
    try:
        return sessions.find(call, identifier)
    except Refused:
        return None


async def _fields(request: web.Request) -> dict[str, str]:
    form = await request.post()
    return {name: value[:MAX_FIELD] for name, value in form.items() if isinstance(value, str)}


def _after_attempt(session: Record, decline: cards.Decline | None, *, form: dict[str, str]) -> web.Response:
    if decline is None:
        return _redirect(_filled(session, "success_url"))
    return _form(session, 402, given=form, alert=decline.message)


def _form(
    session: Record,
    status: int,
    *,
    given: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    alert: str | None = None,
) -> web.Response:
    text = hosted_html.card_form(
        session.body, session.hidden["lines"], _shop(session), given=given or {}, problems=problems or {}, alert=alert
    )
    return _page(text, status)


def _challenge(session: Record, status: int) -> web.Response:
    return _page(hosted_html.challenge(_shop(session), _total(session.body, "amount_total")), status)


def _intent_challenge(intent: Record, status: int = 200) -> web.Response:
    return _page(hosted_html.challenge(DEFAULT_SHOP, _total(intent.body, "amount")), status)


def _challenge_over(intent: Record) -> str:
    text = "The payment was successful." if intent.status == "succeeded" else "There is nothing to confirm."
    return hosted_html.notice("This check has ended", text, link=intent.hidden.get("return_url"))


def _closed(session: Record, status: int) -> web.Response:
    if session.status == "complete":
        text = hosted_html.notice(
            "This order is paid",
            "You have already paid this order.",
            link=_filled(session, "success_url"),
        )
    else:
        text = hosted_html.notice(
            "This page has expired",
            "You were not charged. Go back to the shop to start again.",
            link=_filled(session, "cancel_url") if session.body["cancel_url"] else None,
        )
    return _page(text, status)


def _unknown() -> web.Response:
    return _page(hosted_html.notice("Page not found", "There is no such payment page."), 404)


def _shop(session: Record) -> str:
    return str(session.hidden["shop"] or DEFAULT_SHOP)


def _total(body: Json, name: str) -> str:
    return display(body[name], body["currency"])


def _filled(session: Record, name: str) -> str:
    return str(session.body[name]).replace("{CHECKOUT_SESSION_ID}", session.id)


def _redirect(url: str) -> web.Response:
    return web.Response(status=303, headers={"Location": url, "Cache-Control": "no-store"})


def _page(text: str, status: int) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers=_HEADERS)
