"""A process is killed during a call to Stripe; the next request continues with the same attempt."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from serai.supervisor import ports
from tests import tokens
from tests.payment.service import PaymentService, eventually, opening
from tests.sandbox.process import KEY, SECRET


def as_order() -> dict[str, str]:
    """Made when it is needed: a service's token lives a minute, and these tests run later than that."""
    return tokens.as_service("order", "payment")


@asynccontextmanager
async def process(
    database_url: str, stripe: str, home: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    """`serai serve payment`, ready."""
    port = ports.find_free()
    environ = tokens.environ(
        "payment",
        database_url,
        SERAI_HOME=str(home),
        SERAI_BIND=f"127.0.0.1:{port}",
        STRIPE_SECRET_KEY=KEY,
        STRIPE_WEBHOOK_SECRET=SECRET,
        STRIPE_API_BASE=stripe,
    )
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serai", "serve", "payment"), env=os.environ | environ
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http:

            async def ready() -> bool:
                assert running.returncode is None
                try:
                    return (await http.get("/readyz")).is_success
                except httpx.TransportError:
                    return False

            await eventually(ready, within_s=30)
            yield running, http
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def test_a_killed_process_leaves_one_session_behind(
    service: PaymentService, database: Callable[[str], str], tmp_path: Path
) -> None:
    url, order_id, body = database("payment"), uuid4(), opening()
    path = f"/internal/payments/{order_id}"
    await service.fault("checkout.sessions.create", "delay", delay_ms=400)
    async with process(url, service.sandbox.api, tmp_path) as (running, http):
        request = asyncio.create_task(http.put(path, json=body, headers=as_order()))
        await eventually(lambda: _met(service), within_s=30)
        running.kill()
        await asyncio.gather(request, return_exceptions=True)
    async with process(url, service.sandbox.api, tmp_path) as (running, http):
        opened = await http.put(path, json=body, headers=as_order())
        assert opened.status_code == 200, opened.text
        assert await _sessions(service, order_id) == 1
        await service.press(opened.json()["checkout_url"])
        closed = await http.post(f"{path}/close", headers=as_order())
        assert closed.json() == {"outcome": "succeeded"}
        running.terminate()
        assert await asyncio.wait_for(running.wait(), 15) == 0


async def _met(service: PaymentService) -> bool:
    """Whether a request has run into the fault."""
    waiting = (await service.web.get(f"{service.sandbox.api}/_faults")).json()["items"]
    return not any(fault["operation"] == "checkout.sessions.create" for fault in waiting)


async def _sessions(service: PaymentService, order_id: UUID) -> int:
    """How many of the newest sessions at Stripe are the order's."""
    answer = await service.web.get(
        f"{service.sandbox.api}/v1/checkout/sessions?limit=100", headers={"authorization": f"Bearer {KEY}"}
    )
    return sum(1 for session in answer.json()["data"] if session["client_reference_id"] == str(order_id))
