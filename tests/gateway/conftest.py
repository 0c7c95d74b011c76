from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.gateway.gate import Gate
from tests.gateway.shop import DOCUMENTS, Consul, Keys, Upstream, write_documents


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_documents(tmp_path_factory.mktemp("openapi"))


@pytest.fixture(scope="session")
async def upstream(keys: Keys) -> AsyncIterator[Upstream]:
    upstream = await Upstream("first", keys.jwks).start()
    yield upstream
    await upstream.stop()


@pytest.fixture(scope="session")
async def gate(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: Keys, upstream: Upstream
) -> AsyncIterator[Gate]:
    """A gateway in front of a whole shop, open, shared by the tests that only ask it something."""
    consul = await Consul().start()
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gate = Gate(
        tmp_path_factory.mktemp("gate"),
        {
            "SERAI_OPENAPI": str(documents),
            "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
            "SERAI_JWKS": json.dumps(keys.jwks),
            "SERAI_LIMIT_SIGN_IN": "60/3",
            "SERAI_LIMIT_ORDERS": "off",
        },
    )
    await gate.start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")
    yield gate
    assert await gate.stop() == 0, gate.log
    await consul.stop()


@pytest.fixture
async def consul() -> AsyncIterator[Consul]:
    consul = await Consul().start()
    yield consul
    await consul.stop()


@pytest.fixture
async def fresh_gate(tmp_path: Path, documents: Path, keys: Keys, consul: Consul) -> AsyncIterator[Callable[..., Gate]]:
    """Makes a gateway of this test's own, not started yet; stopped afterwards if the test has not done so."""
    async with AsyncExitStack() as stack:

        def make(**environ: str) -> Gate:
            gate = Gate(
                tmp_path / "home",
                {
                    "SERAI_OPENAPI": str(documents),
                    "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
                    "SERAI_JWKS": json.dumps(keys.jwks),
                    **environ,
                },
            )
            stack.push_async_callback(gate.stop)
            return gate

        yield make
