"""Test helpers: the sandbox as a real process on free ports, with the official SDK, plain HTTP and a webhook
endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
import stripe
from stripe.checkout import Session

KEY, SECRET = "sk_test_of_the_tests", "whsec_of_the_tests"
GOOD, DECLINED, CHALLENGED = "4242424242424242", "4000000000000002", "4000002500003155"

T = TypeVar("T")


def eventually(condition: Callable[[], T], *, within_s: float = 60.0) -> T:
    """Poll until the condition returns a truthy value."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.01)
    return found


class Sandbox:
    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self.environment = {f"SERAI_SANDBOX_{name}": value for name, value in environment.items()}
        # The sandbox has no TLS, and loading the trusted certificates takes each client 20 ms.
        self.http = httpx.Client(timeout=60, trust_env=False, verify=False)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Sandbox:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SERAI_")}
        settings = {
            "SERAI_SANDBOX_DIR": str(self.directory),
            "SERAI_SANDBOX_STRIPE_KEY": KEY,
            "SERAI_SANDBOX_WEBHOOK_SECRET": SECRET,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serai.sandbox"], env=inherited | settings | self.environment
        )
        eventually(self._is_up)
        return self

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the sandbox did not start"
        try:
            known = json.loads((self.directory / "endpoints.json").read_text())
        except FileNotFoundError:
            return False
        return bool(known["pid"] == self.process.pid)

    @property
    def endpoints(self) -> dict[str, Any]:
        return dict(json.loads((self.directory / "endpoints.json").read_text()))

    @property
    def api(self) -> str:
        return str(self.endpoints["stripe"])

    @property
    def mail(self) -> str:
        return str(self.endpoints["mail"])

    @property
    def smtp(self) -> tuple[str, int]:
        host, _, port = str(self.endpoints["smtp"]).rpartition(":")
        return host, int(port)

    def stripe(self, key: str = KEY, *, timeout_s: float = 60) -> stripe.StripeClient:
        return stripe.StripeClient(
            key,
            base_addresses={"api": self.api},
            http_client=stripe.RequestsClient(timeout=timeout_s),
        )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> float:
        """Send SIGTERM. Returns how long the process took to exit, in seconds."""
        assert self.process is not None
        stopped_at = time.monotonic()
        self.process.terminate()
        assert self.process.wait(10) == 0
        return time.monotonic() - stopped_at

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.http.close()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(self.api + path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def fault(self, operation: str, fault: str, **more: int) -> None:
        self.post("/_faults", operation=operation, fault=fault, **more)

    def ledger(self, payment_intent: str) -> list[dict[str, Any]]:
        return [item for item in self.whole_ledger() if item["payment_intent"] == payment_intent]

    def whole_ledger(self) -> list[dict[str, Any]]:
        items, after = [], 0
        while after is not None:
            page = self.http.get(f"{self.api}/_ledger", params={"after": after, "limit": 1000}).json()
            items += page["items"]
            after = page["next_after"]
        return items

    def open_session(self, amount: int = 2500, **more: Any) -> Session:
        return self.stripe().v1.checkout.sessions.create(session_params(amount, **more))

    def pay(self, url: str | None, number: str = GOOD, action: str = "pay") -> httpx.Response:
        assert url is not None
        return self.http.post(url, data=card(number, action))

    def paid_session(self, amount: int = 2500, number: str = GOOD) -> Session:
        session = self.open_session(amount)
        assert self.pay(session.url, number).status_code == 303
        return self.stripe().v1.checkout.sessions.retrieve(session.id)


def card(number: str = GOOD, action: str = "pay") -> dict[str, str]:
    return {"number": number, "exp": "12/40", "cvc": "123", "name": "Ada Buyer", "action": action}


def error_in(error_response: stripe.StripeError) -> dict[str, Any]:
    """The `error` object of the response, as received."""
    error: dict[str, Any] = json.loads(str(error_response.http_body))["error"]
    return error


def session_params(amount: int = 2500, **more: Any) -> Any:
    return {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Walnut desk"}},
            }
        ],
        "success_url": "http://shop.test/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://shop.test/cart",
        "client_reference_id": "order-1",
        "customer_email": "ada@example.com",
        "metadata": {"order_id": "order-1"},
        "payment_intent_data": {"metadata": {"order_id": "order-1"}},
        **more,
    }


@dataclass
class Endpoint:
    """The shop's webhook endpoint. It records events and responds with the next of `answers`, then 200."""

    received: list[stripe.Event] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.server_port}/webhooks"

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.received]

    def of(self, identifier: str) -> list[stripe.Event]:
        return [event for event in self.received if identifier in json.dumps(event.data.object.to_dict(), default=str)]

    def start(self) -> Endpoint:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                event = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], SECRET)
                endpoint.received.append(event)
                self.send_response(endpoint.answers.pop(0) if endpoint.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()
