"""How services call each other, released real connections to instances that are idle, refuse, disconnect, hang and go
away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from aiohttp import web
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from serai import topology
from serai.chassis import telemetry, tracing
from serai.chassis.auth.signer import Signer
from serai.chassis.calls import client as chassis_client
from serai.chassis.calls import deadline
from serai.chassis.calls.client import Calls, ServiceUnreachable
from serai.chassis.calls.outlier_detector import CONSECUTIVE_ERRORS
from serai.chassis.calls.registry import Instance, Registry
from serai.chassis.errors import Invalid, NotFound, Problem, Unavailable
from serai.chassis.http.edge import Request
from serai.chassis.process.app import Service
from serai.chassis.settings import Settings, load
from serai.contracts.product.client import ProductClient
from serai.contracts.product.inventory import OutOfStock
from tests import tokens
from tests.chassis.calls.callees import (
    Behaviour,
    Thing,
    ThingClient,
    abort,
    callee,
    calling,
    calling_by,
    hang,
    refusing,
    remember,
    served,
    unavailable,
)
from tests.discovery.registry_server import TOKEN, registry_server


async def test_the_instance_with_fewer_requests_in_flight_is_called(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def hold(request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.json_response({"by": request.host})

    async with callee("a", hold) as a, callee("b", hold) as b, calling(tmp_path, a.instance, b.instance) as client:
        calls = [asyncio.create_task(client.ask()) for _ in range(10)]
        async with asyncio.timeout(60):
            while len(a.seen) + len(b.seen) < 10:
                await asyncio.sleep(0.005)
        assert (len(a.seen), len(b.seen)) == (5, 5)
        released.set()
        await asyncio.gather(*calls)


async def test_an_instance_that_fails_is_ejected_while_another_is_healthy(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("failing", abort) as failing,
        calling(tmp_path, ok.instance, failing.instance) as client,
    ):
        for _ in range(20):
            assert await client.ask(retryable=True) == Thing("ok")
    assert len(failing.seen) == 1


async def test_an_instance_that_answers_unavailable_is_ejected_too(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("unhealthy", unavailable) as unhealthy,
        calling(tmp_path, ok.instance, unhealthy.instance) as client,
    ):
        for _ in range(20):
            assert await client.ask(retryable=True) == Thing("ok")
    assert len(unhealthy.seen) == 1


async def test_a_refused_connection_is_retried_at_another_instance(tmp_path: Path) -> None:
    async with callee("ok") as ok, calling(tmp_path, ok.instance, refusing()) as client:
        for _ in range(20):
            assert await client.ask("POST", body={}) == Thing("ok")
    assert len(ok.seen) == 20


async def test_the_only_instance_is_called_again_although_it_failed(tmp_path: Path) -> None:
    async with callee("a") as a, calling(tmp_path, a.instance) as client:

        async def fail_once(request: web.Request) -> web.StreamResponse:
            return await (abort(request) if len(a.seen) == 1 else a.answer(request))

        a.behaviour = fail_once
        assert await client.ask(retryable=True) == Thing("a")
    assert len(a.seen) == 2


async def trickle(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b" ")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("behaviour", [hang, trickle])
@pytest.mark.parametrize("retryable", [True, False])
async def test_the_deadline_is_kept(tmp_path: Path, behaviour: Behaviour, retryable: bool) -> None:
    async with callee("slow", behaviour) as slow, calling(tmp_path, slow.instance) as client:
        began = time.monotonic()
        with pytest.raises(ServiceUnreachable):
            await client.ask(timeout_s=0.3, retryable=retryable)
        assert 0.25 < time.monotonic() - began < 1.5


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("behaviour", [abort, unavailable, hang])
async def test_what_is_not_retryable_is_never_repeated(tmp_path: Path, method: str, behaviour: Behaviour) -> None:
    async with callee("a") as a, calling(tmp_path, a.instance) as client:
        # HTTP clients tend to repeat a request that was lost on a reused connection.
        await client.ask()
        a.seen.clear()
        a.behaviour = behaviour
        with pytest.raises(Unavailable) as failure:
            await client.ask(method, timeout_s=0.3)
        assert failure.value.maybe_done
        assert len(a.seen) == 1


async def test_retries_stay_within_their_budget(tmp_path: Path) -> None:
    async with callee("a", abort) as a, calling(tmp_path, a.instance) as client:
        calls = (client.ask(timeout_s=1.0, retryable=True) for _ in range(50))
        failures = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(failure, ServiceUnreachable) and failure.maybe_done for failure in failures)
    assert 50 < len(a.seen) <= 50 + 10 + 50 * 0.2


@pytest.mark.parametrize(
    ("behaviour", "retryable", "maybe_done"),
    [
        (None, False, False),
        (None, True, False),
        (abort, False, True),
        (abort, True, True),
        (hang, False, True),
        (hang, True, True),
        (unavailable, False, True),
        (unavailable, True, True),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
async def test_reports_whether_the_call_may_have_taken_effect(
    tmp_path: Path, behaviour: Behaviour | None, retryable: bool, maybe_done: bool
) -> None:
    async with callee("a", behaviour) as a:
        instance = a.instance if behaviour else refusing()
        async with calling(tmp_path, instance) as client:
            with pytest.raises(Unavailable) as failure:
                await client.ask(timeout_s=0.3, retryable=retryable)
    assert failure.value.maybe_done is maybe_done


async def test_without_an_instance_nothing_is_done(tmp_path: Path) -> None:
    async with calling(tmp_path) as client:
        with pytest.raises(ServiceUnreachable) as failure:
            await client.ask(timeout_s=0.1, retryable=True)
    assert not failure.value.maybe_done


async def test_maybe_done_stays_true_when_the_instances_go_away(database: Callable[[str], str], tmp_path: Path) -> None:
    async with registry_server(database("discovery"), tmp_path) as registry, callee("only") as only:
        mine = Registry([registry.url], TOKEN)
        async with calling_by(Registry([registry.url], TOKEN)) as client:

            async def deregister_and_abort(request: web.Request) -> web.StreamResponse:
                await mine.deregister()
                watch = client._load_balancer.watch()
                while watch.instances:
                    await watch.changed(watch.version)
                return await abort(request)

            only.behaviour = deregister_and_abort
            await mine.register(only.instance)
            with pytest.raises(ServiceUnreachable) as failure:
                await client.ask(timeout_s=1.5, retryable=True)
        await mine.close()
    assert len(only.seen) == 1
    assert failure.value.maybe_done


async def test_a_first_call_waits_for_a_first_instance(database: Callable[[str], str], tmp_path: Path) -> None:
    async with registry_server(database("discovery"), tmp_path) as registry, callee("late") as late:
        mine = Registry([registry.url], TOKEN)
        async with calling_by(Registry([registry.url], TOKEN)) as client:
            calls = asyncio.create_task(client.ask(timeout_s=10.0))
            assert await client._load_balancer.watch().ready(5, at_least=0)
            assert not calls.done()
            await mine.register(late.instance)
            assert await calls == Thing("late")
        await mine.close()


@pytest.mark.parametrize("more", [0, 1])
async def test_an_answer_is_bounded(tmp_path: Path, more: int) -> None:
    size = chassis_client.MAX_ANSWER_BYTES + more

    async def long(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"x" * size)
        await answer.write_eof()
        return answer

    async with callee("long", long) as one, calling(tmp_path, one.instance) as client:
        if not more:
            assert len(await client.raw(timeout_s=10.0)) == size
            return
        with pytest.raises(ServiceUnreachable):
            await client.raw(timeout_s=10.0)


def test_a_callee_outside_the_topology_is_refused(tmp_path: Path) -> None:
    payment = topology.service("payment")
    calls = Calls("payment", (*payment.calls, *payment.reads), Registry([], ""), Signer("payment", "A" * 43))
    with pytest.raises(PermissionError, match="topology does not let payment call product"):
        ProductClient(calls)


# Between two services of ours


class HoldRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quantity: int


class RequestContext(msgspec.Struct, frozen=True):
    service: str | None
    user_id: str
    request_id: str | None
    trace_id: str | None


class Deps:
    def __init__(self, product: ThingClient) -> None:
        self.product = product


@post("/internal/refusals/{kind:str}", policy="service", include_in_schema=False)
async def refuse(kind: FromPath[str], data: JSONBody[HoldRequest]) -> None:
    if kind == "out_of_stock":
        raise OutOfStock(items=[{"variant_id": "v", "requested": data.quantity, "available": 2}])
    raise {"not_found": NotFound(), "bug": RuntimeError("a detail of the inside")}[kind]


@get("/internal/request_context", policy="service", include_in_schema=False)
async def tell(request: Request) -> RequestContext:
    trace = tracing.ids()
    return RequestContext(
        request.caller.service,
        str(request.caller.user_id),
        telemetry.request_id_var.get(),
        trace[0] if trace else None,
    )


@get("/internal/passed-on", policy="service", include_in_schema=False)
async def pass_on(deps: NamedDependency[Deps]) -> Thing:
    return await deps.product.ask(timeout_s=30.0)


class CartClient(ThingClient):
    callee = "cart"

    async def request_context(self) -> RequestContext:
        return await self._call(
            "request_context", "GET", "/internal/request_context", RequestContext, on_behalf_of=USER
        )

    async def refused(self, kind: str, body: object = None) -> None:
        path = f"/internal/refusals/{kind}"
        await self._call("refused", "POST", path, type(None), body=body or HoldRequest(3))


USER = uuid4()


def cart(home: Path, *products: Instance) -> Service:
    declared = topology.Service("cart", "", database=False, calls=("product",))
    settings = load(Settings, tokens.environ("cart", SERAI_HOME=str(home), SERAI_LOG_LEVEL="critical"))
    remember(home / "registry" / "cart", *products)
    service = Service(declared, settings, callers=frozenset({"order"}))
    service.routes(Deps(ThingClient(service.calls)), [refuse, tell, pass_on])
    return service


async def test_ids_and_identity_are_passed_on(tmp_path: Path) -> None:
    async with served(cart(tmp_path)) as instance, calling(tmp_path, instance) as anyone:
        client = CartClient(anyone._calls)

        async def as_one_request(request_id: str) -> None:
            telemetry.request_id_var.set(request_id)
            with tracing.span("request", "test") as span:
                context = await client.request_context()
            assert context == RequestContext("order", str(USER), request_id, span.trace.id)

        # Each runs in a task with its own context; the callee must not mix them up either.
        await asyncio.gather(*(as_one_request(f"request-{number}") for number in range(20)))


async def test_an_error_arrives_as_the_exception_that_the_callee_raised(tmp_path: Path) -> None:
    async with served(cart(tmp_path)) as instance, calling(tmp_path, instance) as anyone:
        client = CartClient(anyone._calls)
        with pytest.raises(OutOfStock) as short:
            await client.refused("out_of_stock")
        assert short.value.facts == {"items": [{"variant_id": "v", "requested": 3, "available": 2}]}
        with pytest.raises(Invalid) as invalid:
            await client.refused("out_of_stock", {"quantity": "3", "price": 1})
        assert sorted(error["field"] for error in invalid.value.errors) == ["price", "quantity"]
        with pytest.raises(NotFound):
            await client.refused("not_found")
        with pytest.raises(Unavailable) as bug:
            await client.refused("bug")
        assert bug.value.code == "internal"
        assert "inside" not in bug.value.detail


async def test_the_last_error_of_an_unavailable_callee_is_raised(tmp_path: Path) -> None:
    async with callee("unhealthy", unavailable) as unhealthy, calling(tmp_path, unhealthy.instance) as client:
        with pytest.raises(Unavailable) as failure:
            await client.ask(timeout_s=0.3, retryable=True)
    assert failure.value.code == "database_unavailable"


async def test_an_answer_that_is_no_document_is_still_a_refusal(tmp_path: Path) -> None:
    async def plain(request: web.Request) -> web.StreamResponse:
        return web.Response(status=int(request.query["status"]), text="<html>")

    async with callee("odd", plain) as odd, calling(tmp_path, odd.instance) as client:
        for status, code in ((404, "not_found"), (409, "conflict"), (418, "bad_request"), (502, "unavailable")):
            with pytest.raises(Problem) as failure:
                await client.ask(query={"status": str(status)})
            assert failure.value.code == code


# Deadlines along a chain of calls


async def test_a_call_sends_its_remaining_time_and_a_retry_less(tmp_path: Path) -> None:
    async with callee("unhealthy", unavailable) as unhealthy, calling(tmp_path, unhealthy.instance) as client:
        with pytest.raises(Unavailable):
            await client.ask(timeout_s=0.5, retryable=True)
    sent = [int(request.headers[deadline.HEADER]) for request in unhealthy.seen]
    assert 0 < sent[0] <= 500
    assert sent == sorted(sent, reverse=True)
    assert len(sent) > 1


async def test_a_callee_s_own_calls_end_with_those_it_answers(tmp_path: Path) -> None:
    async with (
        callee("slow", hang) as slow,
        served(cart(tmp_path, slow.instance)) as instance,
        calling(tmp_path, instance) as anyone,
    ):
        with pytest.raises(Unavailable):
            await CartClient(anyone._calls).ask(path="/internal/passed-on", timeout_s=0.4)
    assert 0 < int(slow.seen[0].headers[deadline.HEADER]) <= 400


@pytest.mark.parametrize("malformed", [b"", b"-1", b"1e3", b"soon", b"9" * 10, "²".encode("latin-1")])
async def test_a_deadline_that_is_no_number_is_ignored(malformed: bytes) -> None:
    deadline.accept(b"1")
    deadline.accept(malformed)
    assert deadline.within(5.0) - time.monotonic() > 4.0


async def test_nothing_is_sent_after_the_deadline(tmp_path: Path) -> None:
    async with callee("a") as a, calling(tmp_path, a.instance) as client:
        await client.ask()

        async def too_late() -> None:
            deadline.accept(b"0")
            await client.ask()

        with pytest.raises(ServiceUnreachable) as failure:
            await asyncio.create_task(too_late())
    assert not failure.value.maybe_done
    assert len(a.seen) == 1


# Unhealthy instances among healthy ones


async def internal_error(_: web.Request) -> web.StreamResponse:
    document = {"status": 500, "code": "internal", "detail": "A bug."}
    return web.json_response(document, status=500, content_type="application/problem+json")


async def shed(_: web.Request) -> web.StreamResponse:
    document = {"status": 429, "code": "overloaded", "detail": "Too much."}
    return web.json_response(document, status=429, content_type="application/problem+json")


async def another_service(_: web.Request) -> web.StreamResponse:
    document = {"status": 401, "code": "wrong_audience", "detail": "For another."}
    return web.json_response(document, status=401, content_type="application/problem+json")


async def test_an_instance_that_answers_500_is_ejected_after_consecutive_errors(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("failing", internal_error) as failing,
        calling(tmp_path, ok.instance, failing.instance) as client,
    ):
        for _ in range(40):
            assert await client.ask(retryable=True) == Thing("ok")
    assert len(failing.seen) == CONSECUTIVE_ERRORS


async def test_few_calls_that_cannot_be_repeated_meet_an_instance_with_errors(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("failing", internal_error) as failing,
        calling(tmp_path, ok.instance, failing.instance) as client,
    ):
        answers = [await asyncio.gather(client.ask("POST", body={}), return_exceptions=True) for _ in range(40)]
    failed = [one for (one,) in answers if isinstance(one, Unavailable)]
    assert len(failed) == len(failing.seen) == CONSECUTIVE_ERRORS
    assert len(ok.seen) == 40 - CONSECUTIVE_ERRORS


async def test_a_frozen_instance_does_not_keep_a_repeatable_call_for_its_whole_time(tmp_path: Path) -> None:
    """It takes a third of the time of one call. Then it is ejected, and other calls do not reach it."""
    async with (
        callee("ok") as ok,
        callee("frozen", hang) as frozen,
        calling(tmp_path, ok.instance, frozen.instance) as client,
    ):
        for _ in range(20):
            assert await client.ask(retryable=True, timeout_s=3.0) == Thing("ok")
    assert len(frozen.seen) == 1
    assert int(frozen.seen[0].headers[deadline.HEADER]) <= 1000


async def test_a_slow_instance_gets_fewer_calls(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def slow_until_over(request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.json_response({"by": "slow"})

    async with (
        callee("ok") as ok,
        callee("slow", slow_until_over) as slow,
        calling(tmp_path, ok.instance, slow.instance) as client,
    ):

        async def keep_calling() -> None:
            for _ in range(25):
                await client.ask(timeout_s=60.0)

        calls = [asyncio.create_task(keep_calling()) for _ in range(8)]
        async with asyncio.timeout(60):
            while len(ok.seen) < 80:
                await asyncio.sleep(0.01)
        # At most half of the requests in flight wait for it.
        assert len(slow.seen) <= 4
        released.set()
        await asyncio.gather(*calls)


async def test_another_service_at_an_old_address_counts_as_unreachable(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("reused", another_service) as reused,
        calling(tmp_path, ok.instance, reused.instance) as client,
    ):
        for _ in range(20):
            assert await client.ask("POST", body={}) == Thing("ok")
    assert len(reused.seen) == 1


async def test_a_service_is_unreachable_when_others_listen_at_all_its_addresses(tmp_path: Path) -> None:
    async with callee("reused", another_service) as reused, calling(tmp_path, reused.instance) as client:
        with pytest.raises(ServiceUnreachable) as failure:
            await client.ask("POST", body={}, timeout_s=0.3)
    assert not failure.value.maybe_done


async def test_a_shed_call_goes_to_another_instance_and_ejects_none(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("busy", shed) as busy,
        calling(tmp_path, ok.instance, busy.instance) as client,
    ):
        for _ in range(10):
            assert await client.ask("POST", body={}) == Thing("ok")
        busy.behaviour = busy.answer
        async with asyncio.timeout(60):
            while await client.ask() != Thing("busy"):
                pass


async def test_a_call_shed_by_all_instances_was_not_started(tmp_path: Path) -> None:
    async with callee("busy", shed) as busy, calling(tmp_path, busy.instance) as client:
        with pytest.raises(ServiceUnreachable) as failure:
            await client.ask(retryable=True)
    assert not failure.value.maybe_done
    assert failure.value.headers()["retry-after"] == "1"
    assert len(busy.seen) == 1
