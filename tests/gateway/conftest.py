from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.gateway.fake_services import FakeConsul, SigningKeys, Upstream, write_documents
from tests.gateway.gateway_process import GatewayProcess
from tests.gateway.serving import serving

#: How long after the services have answered they are known to answer, in seconds: half of a health check's timeout.
TRUSTED_S = 1.0


@pytest.fixture(scope="session")
def keys() -> SigningKeys:
    return SigningKeys()


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_documents(tmp_path_factory.mktemp("openapi"))


@pytest.fixture(scope="session")
async def upstream(keys: SigningKeys) -> AsyncIterator[Upstream]:
    upstream = await Upstream("first", keys.jwks).start()
    yield upstream
    await upstream.stop()


@pytest.fixture(scope="session")
async def shared_gateway(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: SigningKeys, upstream: Upstream
) -> AsyncIterator[GatewayProcess]:
    """An open gateway in front of all services."""
    limits = {"SERAI_LIMIT_SIGN_IN": "60/3", "SERAI_LIMIT_ORDERS": "off"}
    async with serving(tmp_path_factory.mktemp("gateway"), upstream, keys, limits, documents=documents) as started:
        yield started.gateway


@pytest.fixture
async def gateway(shared_gateway: GatewayProcess, keys: SigningKeys) -> GatewayProcess:
    """The gateway that tests share which only send requests. All services answer through it when a test begins.

    The services run in this process. A test that blocked its event loop may have made Envoy's health checks time out,
    which takes more than `TRUSTED_S`.
    """
    if time.monotonic() - shared_gateway.all_served_at > TRUSTED_S:
        await shared_gateway.until_all_serve(keys.token("admin"))
    return shared_gateway


@pytest.fixture
async def consul() -> AsyncIterator[FakeConsul]:
    consul = await FakeConsul().start()
    yield consul
    await consul.stop()


@pytest.fixture
async def new_gateway(
    tmp_path: Path, documents: Path, keys: SigningKeys, consul: FakeConsul
) -> AsyncIterator[Callable[..., GatewayProcess]]:
    """Makes a gateway for this test only. The test starts it; it is stopped afterwards."""
    async with AsyncExitStack() as stack:

        def make(**environ: str) -> GatewayProcess:
            gateway = GatewayProcess(
                tmp_path / "home",
                {
                    "SERAI_OPENAPI": str(documents),
                    "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
                    "SERAI_JWKS": json.dumps(keys.jwks),
                    **environ,
                },
            )
            stack.push_async_callback(gateway.stop)
            return gateway

        yield make
