"""What Envoy sends to a collector: spans that are the parents of the services' spans, and lines of the access log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.gateway.tracing import runtime_value, share_for
from tests.chassis.collector import Collector, attributes, collecting
from tests.gateway.fake_services import DOCUMENTS, FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess
from tests.gateway.serving import serving

SECRET = "canary-7c02"
#: Envoy decides by the request id if it is a UUID. Other ids of clients are not traced by Envoy.
REQUEST_ID = "0199b1f2-6f0a-4c1e-9d5e-3f1f0c2a7b11"


@pytest.fixture(scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as started:
        yield started


@pytest.fixture(scope="module")
async def traced(
    tmp_path_factory: pytest.TempPathFactory,
    documents: Path,
    keys: SigningKeys,
    upstream: Upstream,
    collector: Collector,
) -> AsyncIterator[GatewayProcess]:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-token=t",
        "SERAI_INSTANCE": "gateway-7",
        "SERAI_TRACES_PER_S": "1000",
    }
    home = tmp_path_factory.mktemp("traced")
    async with serving(home, upstream, keys, environ, documents=documents) as started:
        yield started.gateway


async def _until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not found():
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_envoys_span_is_the_parent_of_what_the_service_receives(
    traced: GatewayProcess, collector: Collector, upstream: Upstream, keys: SigningKeys
) -> None:
    headers = {"user-agent": SECRET, "referer": SECRET, "x-request-id": REQUEST_ID}
    path = f"/api/users/{SECRET}?token={SECRET}"
    assert (await traced.request("GET", path, token=keys.token(), headers=headers)).status == 200
    version, trace_id, span_id, flags = upstream.received[-1].headers["traceparent"].split("-")
    assert (version, flags) == ("00", "01")
    await _until(lambda: any(span["spanId"] == span_id for span in collector.spans))
    (span,) = (span for span in collector.spans if span["spanId"] == span_id)
    assert (span["traceId"], span["name"]) == (trace_id, "GET /api/users/{id}")
    assert attributes(span)["http.status_code"] == "200"
    await _until(lambda: any(line.get("spanId") == span_id for line in collector.lines))
    (line,) = (line for line in collector.lines if line.get("spanId") == span_id)
    found = attributes(line)
    assert (line["traceId"], line["body"]) == (trace_id, {"stringValue": "request"})
    assert (found["route"], found["status"], found["callee"]) == ("GET /api/users/{id}", "200", "user")
    assert found["request_id"] == REQUEST_ID
    assert SECRET not in str(collector.spans) + str(collector.lines)
    assert keys.token().rpartition(".")[2] not in str(collector.spans)


async def test_the_gateway_describes_itself(traced: GatewayProcess, collector: Collector) -> None:
    await traced.get("/api/categories")
    await _until(lambda: bool(collector.spans) and bool(collector.lines))
    assert collector.headers["x-token"] == "t"
    for resource in collector.resources:
        assert resource["service.name"] == "gateway"
        assert resource["service.instance.id"] == "gateway-7"


async def test_under_load_the_share_of_traces_falls(
    new_gateway: Callable[..., GatewayProcess], consul: FakeConsul, upstream: Upstream, keys: SigningKeys
) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    async with collecting() as collector:
        gateway = new_gateway(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, SERAI_TRACES_PER_S="0.1")
        await gateway.start()
        await gateway.until_all_serve(keys.token("admin"))
        async with asyncio.timeout(60):
            while True:
                upstream.received.clear()
                await asyncio.gather(*(gateway.get("/api/categories") for _ in range(40)))
                flags = [one.headers["traceparent"][-2:] for one in upstream.received if "traceparent" in one.headers]
                if flags.count("01") < len(flags) / 4:
                    break


@given(rate=st.floats(0, 1e6), budget=st.floats(0.1, 1e3))
def test_the_share_makes_the_budget(rate: float, budget: float) -> None:
    share = share_for(rate, budget)
    assert 0 < share <= 1
    assert share * rate <= budget * 1.000001 or share == 1
    assert share == 1 or share * rate >= budget * 0.999999


@given(share=st.floats(0, 1))
def test_envoys_fraction_is_never_zero(share: float) -> None:
    assert '"numerator":0,' not in runtime_value(share)
