"""What reaches a collector, and what happens while there is none."""

from __future__ import annotations

import asyncio
import logging

import pytest

from serai.chassis import telemetry
from serai.chassis.otlp import DROPPED, MAX_BATCH, MAX_QUEUED, Exporter
from serai.chassis.tracing import Tracer
from tests.chassis.collector import Collector, attributes, collecting

RESOURCE = {"service.name": "order", "service.instance.id": "order-1"}


def exporter(url: str, *, compress: bool = False) -> Exporter:
    return Exporter(url, RESOURCE, headers={"authorization": "Bearer t"}, compress=compress)


def line(message: str, **fields: object) -> telemetry.Line:
    return telemetry.Line(1_700_000_000_123_456_789, "warning", message, "a" * 32, "b" * 16, "request-1", fields)


def dropped(signal: str) -> float:
    value: float = DROPPED.labels(signal)._value.get()
    return value


@pytest.mark.parametrize("compress", [False, True])
async def test_a_span_arrives_as_it_was_recorded(compress: bool) -> None:
    async with collecting() as collector:
        sink = exporter(collector.url, compress=compress)
        tracer = Tracer(sink)
        with tracer.span("event", "process order.paid", f"00-{'c' * 32}-{'d' * 16}-01") as span:
            span.attributes = {"text": "ü", "count": 2**40, "share": 0.5, "last": True}
            span.failed = True
        assert await sink.flush()
        await sink.close()
    assert collector.resource == RESOURCE
    assert collector.headers["authorization"] == "Bearer t"
    (received,) = collector.spans
    assert attributes(received) == {"text": "ü", "count": 2**40, "share": 0.5, "last": True}
    assert (received["traceId"], received["parentSpanId"], received["spanId"]) == ("c" * 32, "d" * 16, span.id)
    assert (received["name"], received["kind"], received["status"]) == ("process order.paid", 5, {"code": 2})
    assert received["links"] == [{"traceId": "c" * 32, "spanId": "d" * 16}]
    assert int(received["startTimeUnixNano"]) == span.start_ns
    assert int(received["endTimeUnixNano"]) == span.end_ns


async def test_a_line_arrives_with_its_ids_and_fields() -> None:
    async with collecting() as collector:
        sink = exporter(collector.url)
        sink.add_line(line("slow", status=200))
        assert await sink.flush()
        await sink.close()
    (received,) = collector.lines
    assert received["timeUnixNano"] == "1700000000123456789"
    assert (received["severityNumber"], received["severityText"]) == (13, "warning")
    assert received["body"] == {"stringValue": "slow"}
    assert attributes(received) == {"status": 200, "request_id": "request-1"}
    assert (received["traceId"], received["spanId"]) == ("a" * 32, "b" * 16)


async def test_log_lines_of_a_process_are_exported(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    async with collecting() as collector:
        sink = exporter(collector.url)
        try:
            telemetry.configure_logging("order", "order-1", "info", sink)
            with Tracer(sink, traces_per_s=1).span("job", "x") as span:
                try:
                    raise RuntimeError("inside")
                except RuntimeError:
                    logging.getLogger("serai.test").exception("it failed", extra={"order_id": "o", "password": "p"})
        finally:
            root.handlers[:], _ = before
            root.setLevel(before[1])
        assert await sink.flush()
        await sink.close()
    (received,) = collector.lines
    found = attributes(received)
    assert "RuntimeError: inside" in found.pop("exception.stacktrace")
    assert found == {"order_id": "o"}
    assert received["traceId"] == span.trace.id
    assert '"message":"it failed"' in capsys.readouterr().out


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_entries_wait_while_the_collector_cannot_take_them(status: int) -> None:
    async with collecting() as collector:
        sink = exporter(collector.url)
        collector.status = status
        sink.add_line(line("first"))
        assert not await sink.flush()
        collector.status = 200
        sink.add_line(line("second"))
        assert await sink.flush()
        await sink.close()
    assert [one["body"]["stringValue"] for one in collector.lines] == ["first", "second"]


async def test_entries_that_the_collector_refuses_are_counted_and_dropped() -> None:
    async with collecting() as collector:
        sink = exporter(collector.url)
        collector.status = 400
        before = dropped("logs")
        sink.add_line(line("refused"))
        assert await sink.flush()
        collector.status = 200
        assert await sink.flush()
        await sink.close()
    assert not collector.lines
    assert dropped("logs") == before + 1


async def test_without_a_collector_the_queue_is_bounded_and_the_loss_counted(caplog: pytest.LogCaptureFixture) -> None:
    sink = exporter("http://127.0.0.1:9")
    before = dropped("logs")
    for number in range(MAX_QUEUED + 5):
        sink.add_line(line(str(number)))
    assert dropped("logs") == before + 5
    for _ in range(3):
        assert not await sink.flush()
    await sink.close()
    assert len([one for one in caplog.records if "does not accept telemetry" in one.message]) == 1


async def test_large_queues_are_sent_in_several_requests() -> None:
    async with collecting() as collector:
        sink = exporter(collector.url)
        for number in range(2 * MAX_BATCH + 1):
            sink.add_line(line(str(number)))
        assert await sink.flush()
        await sink.close()
    assert collector.requests == 3
    assert [one["body"]["stringValue"] for one in collector.lines] == [str(n) for n in range(2 * MAX_BATCH + 1)]


async def test_a_silent_collector_delays_the_end_of_a_process_only_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serai.chassis.otlp.LAST_FLUSH_S", 0.1)

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    sink = exporter(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    sink.add_line(line("lost"))
    async with asyncio.timeout(3):
        await sink.close()
    server.close()


async def test_the_background_task_sends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serai.chassis.otlp.INTERVAL_S", 0.01)
    async with collecting() as collector:
        sink = exporter(collector.url)
        sending = asyncio.create_task(sink.run())
        sink.add_line(line("sent"))
        async with asyncio.timeout(10):
            while not collector.lines:
                await asyncio.sleep(0.01)
        sending.cancel()
        await sink.close()
    assert isinstance(collector, Collector)
