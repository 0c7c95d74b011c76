"""Starts a gateway in front of services that all are played by one upstream."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tests.gateway.fake_services import DOCUMENTS, FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess


class Serving(NamedTuple):
    gateway: GatewayProcess
    consul: FakeConsul


@asynccontextmanager
async def serving(
    home: Path,
    upstream: Upstream,
    keys: SigningKeys,
    environ: Mapping[str, str],
    *,
    documents: Path | None = None,
    services: Iterable[str] = tuple(DOCUMENTS),
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Serving]:
    """A gateway that reaches every service. Its routes come from the folder `documents`, by default the committed one.

    Fails if the gateway does not end with status 0.
    """
    consul = await FakeConsul().start()
    for service in services:
        await consul.set(service, upstream)
    gateway = GatewayProcess(
        home,
        {
            **({} if documents is None else {"SERAI_OPENAPI": str(documents)}),
            "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
            "SERAI_JWKS": json.dumps(keys.jwks),
            **environ,
        },
        tls,
    )
    await gateway.start()
    await gateway.until_all_serve(keys.token("admin"))
    yield Serving(gateway, consul)
    assert await gateway.stop() == 0, gateway.log
    await consul.stop()
