"""A shop has one currency: it exists, Stripe takes it, and it is that of the data."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from tests import tokens
from tests.sandbox.process import KEY, SECRET

STRIPE = {"STRIPE_SECRET_KEY": KEY, "STRIPE_WEBHOOK_SECRET": SECRET}
#: A statement that leaves data in euros.
DATA = {
    "product": """
        insert into product (id, slug, name, description, status, attributes, images, options, currency, price_minor,
            keywords)
        values (gen_random_uuid(), 'desk', 'Desk', '', 'draft', '{}', '[]', '[]', 'EUR', 100, '')""",
    "order": """
        insert into orders.orders (id, user_id, email, status, currency, shipping_address, history,
            created_at, updated_at)
        values (gen_random_uuid(), gen_random_uuid(), 'ada@example.com', 'pending', 'EUR', '{}', '[]', now(), now())""",
    "payment": """
        insert into payment (id, order_id, state, user_id, email, amount, currency, payable_until, request)
        values (gen_random_uuid(), gen_random_uuid(), 'open', gen_random_uuid(), 'ada@example.com', 100, 'EUR', now(),
            '{}')""",
}


async def problem_of(service: str, database_url: str, home: Path, currency: str) -> str:
    """Why `serai serve` does not start."""
    environ = tokens.environ(service, database_url, SERAI_HOME=str(home), SERAI_CURRENCY=currency, **STRIPE)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serai", "serve", service),
        env=os.environ | environ,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            problem = (await process.stderr.read()).decode()
            assert await process.wait() != 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "Traceback" not in problem
    return problem


@pytest.mark.parametrize(("currency", "problem"), [("usd", "write USD"), ("IQD", "takes no payments in IQD")])
async def test_a_currency_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path, currency: str, problem: str) -> None:
    for service in ("product", "cart", "order", "payment"):
        assert problem in await problem_of(service, "postgresql://127.0.0.1:1/none", tmp_path, currency)


@pytest.mark.parametrize("service", ["product", "order", "payment"])
async def test_a_service_does_not_start_with_another_currency_than_its_data_has(
    database: Callable[[str], str], tmp_path: Path, service: str
) -> None:
    url = database(service)
    connection = await asyncpg.connect(url)
    await connection.execute(DATA[service])
    await connection.close()
    problem = await problem_of(service, url, tmp_path, "JPY")
    assert f"SERAI_CURRENCY is JPY, but {service} has data in EUR; set it to EUR" in problem
