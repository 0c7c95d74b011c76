"""The trace of a request through two services and their database, as a collector receives it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import get
from litestar.di import NamedDependency

from serai import topology
from serai.chassis import tracing
from serai.chassis.data.database import Database
from serai.chassis.errors import Unavailable
from serai.chassis.process.app import Service
from serai.chassis.settings import Settings, SettingsError, load
from tests import tokens
from tests.chassis.calls.callees import ThingClient, remember, served
from tests.chassis.collector import Collector, attributes, collecting
from tests.living import living


class Deps:
    def __init__(self, database: Database, product: ThingClient | None = None) -> None:
        self.database = database
        self.product = product


@get("/api/things/{id:str}", policy="public")
async def read_thing(deps: NamedDependency[Deps]) -> dict[str, Any]:
    async with deps.database.transaction() as tx:
        await tx.execute("update payment set state = 'closed' where id = $1", "01900000-0000-7000-8000-000000000000")
    async with deps.database.connection() as conn:
        return {"count": await conn.fetchval("select count(*) from attempt where n = $1", 7)}


@get("/api/passed-on", policy="public")
async def pass_on(deps: NamedDependency[Deps]) -> dict[str, str]:
    assert deps.product is not None
    return {"by": (await deps.product.ask(timeout_s=30.0)).by}


@get("/api/bug", policy="public")
async def bug() -> None:
    raise RuntimeError("inside")


@get("/api/out", policy="public")
async def out() -> None:
    raise Unavailable


@get("/internal/things", policy="service", include_in_schema=False)
async def ask() -> dict[str, str]:
    return {"by": "walnut"}


@pytest.fixture(autouse=True)
def untraced_afterwards() -> Iterator[None]:
    yield
    tracing.configure(tracing.Tracer())


@asynccontextmanager
async def payment(
    collector: Collector, url: str, folder: Path, **environ: str
) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    declared = topology.Service("payment", "", calls=("product",))
    values = {
        "DATABASE_URL": url,
        "SERAI_HOME": str(folder),
        "SERAI_LOG_LEVEL": "info",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-token=a%20b",
        **environ,
    }
    service = Service(declared, load(Settings, tokens.environ("payment", **values)))
    service.routes(Deps(service.database, ThingClient(service.calls)), [read_thing, pass_on, bug, out])
    async with living(service.app()) as http:
        yield service, http


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as started:
        yield started


async def test_a_request_and_its_statements_are_one_trace(
    collector: Collector, database: Callable[[str], str], tmp_path: Path
) -> None:
    incoming = f"00-{'a' * 32}-{'b' * 16}-01"
    async with payment(collector, database("payment"), tmp_path) as (service, http):
        answer = await http.get("/api/things/secret-id", headers={"traceparent": incoming})
        assert answer.status_code == 200
    request = collector.span("GET /api/things/{id}")
    assert (request["traceId"], request["parentSpanId"], request["kind"]) == ("a" * 32, "b" * 16, 2)
    assert attributes(request) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/api/things/{id}",
    }
    statements = [span for span in collector.spans if span["kind"] == 3]
    assert [span["name"] for span in statements] == ["begin", "update payment", "commit", "select attempt"]
    for span in statements:
        assert (span["traceId"], span["parentSpanId"]) == ("a" * 32, request["spanId"])
    assert attributes(statements[3]) == {
        "db.system.name": "postgresql",
        "db.query.text": "select count(*) from attempt where n = $1",
    }
    assert collector.resource == {
        "service.namespace": "serai",
        "service.name": "payment",
        "service.instance.id": service.instance,
        "service.version": service.version,
    }
    assert collector.headers["x-token"] == "a b"
    (line,) = (line for line in collector.lines if line["body"]["stringValue"] == "request")
    assert (line["traceId"], line["spanId"]) == ("a" * 32, request["spanId"])
    assert attributes(line)["route"] == "/api/things/{id}"
    assert "secret-id" not in str(collector.spans) + str(line)


async def test_a_call_is_the_parent_of_the_request_that_it_makes(
    collector: Collector, database: Callable[[str], str], tmp_path: Path
) -> None:
    values = {"SERAI_HOME": str(tmp_path / "product"), "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    declared = topology.Service("product", "", database=False)
    product = Service(declared, load(Settings, tokens.environ("product", **values)), callers=frozenset({"payment"}))
    product.routes(object(), [ask])
    async with served(product) as instance:
        remember(tmp_path / "registry" / "payment", instance)
        async with payment(collector, database("payment"), tmp_path) as (_, http):
            assert (await http.get("/api/passed-on")).json() == {"by": "walnut"}
    request, call = collector.span("GET /api/passed-on"), collector.span("product/ask")
    received = collector.span("GET /internal/things")
    assert call["parentSpanId"] == request["spanId"]
    assert received["parentSpanId"] == call["spanId"]
    assert {span["traceId"] for span in (request, call, received)} == {request["traceId"]}
    assert attributes(call) == {"http.request.method": "GET", "server.address": "product"}


@pytest.mark.parametrize(("path", "kind"), [("/api/bug", "500"), ("/api/out", "503")])
async def test_a_failed_request_is_exported_without_any_budget(
    collector: Collector, database: Callable[[str], str], tmp_path: Path, path: str, kind: str
) -> None:
    async with payment(collector, database("payment"), tmp_path, SERAI_TRACES_PER_S="0") as (_, http):
        await http.get("/api/things/1")
        await http.get(path)
    (span,) = collector.spans
    assert span["name"] == f"GET {path}"
    assert span["status"] == {"code": 2}
    assert attributes(span)["error.type"] == kind


async def test_probes_and_polling_are_not_recorded(
    collector: Collector, database: Callable[[str], str], tmp_path: Path
) -> None:
    async with payment(collector, database("payment"), tmp_path) as (service, http):
        for path in ("/livez", "/readyz", "/metrics"):
            assert (await http.get(path)).status_code == 200
        async with service.database.connection() as conn:
            await conn.fetch("select 1")
    assert not collector.spans


async def test_requests_are_served_while_the_collector_is_away(database: Callable[[str], str], tmp_path: Path) -> None:
    async with collecting() as away:
        pass
    async with payment(away, database("payment"), tmp_path) as (_, http):
        assert (await http.get("/api/things/1")).status_code == 200


def test_malformed_collector_headers_stop_the_start() -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS": "no-equals"}
    declared = topology.Service("product", "", database=False)
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_HEADERS is not key=value"):
        Service(declared, load(Settings, tokens.environ("product", **environ)))
