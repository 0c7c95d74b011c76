"""How one service calls another, over real connections to instances that idle, refuse, hang up, stall and vanish."""

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
from serai.chassis import telemetry
from serai.chassis.auth.signer import Signer
from serai.chassis.calls import client as chassis_client
from serai.chassis.calls import deadline
from serai.chassis.calls.client import Calls, ServiceUnreachable
from serai.chassis.calls.outlier_detector import ERRORS_IN_A_ROW
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
    never,
    refusing,
    remember,
    served,
    unavailable,
)
from tests.discovery.registry_server import TOKEN, registry_server


async def test_the_less_busy_of_two_is_asked(tmp_path: Path) -> None:
    let_go = asyncio.Event()

    async def hold(request: web.Request) -> web.StreamResponse:
        await let_go.wait()
        return web.json_response({"by": request.host})

    async with callee("a", hold) as a, callee("b", hold) as b, calling(tmp_path, a.instance, b.instance) as client:
        asking = [asyncio.create_task(client.ask()) for _ in range(10)]
        async with asyncio.timeout(60):
            while len(a.seen) + len(b.seen) < 10:
                await asyncio.sleep(0.005)
        assert (len(a.seen), len(b.seen)) == (5, 5)
        let_go.set()
        await asyncio.gather(*asking)


async def test_an_instance_that_fails_rests_while_another_stands(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("failing", abort) as failing,
        calling(tmp_path, ok.instance, failing.instance) as client,
    ):
        for _ in range(20):
            assert await client.ask(retryable=True) == Thing("ok")
    assert len(failing.seen) == 1


async def test_an_instance_that_answers_unavailable_rests_too(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("ill", unavailable) as ill,
        calling(tmp_path, ok.instance, ill.instance) as client,
    ):
        for _ in range(20):
            assert await client.ask(retryable=True) == Thing("ok")
    assert len(ill.seen) == 1


async def test_a_refused_connection_is_no_call_yet_and_goes_elsewhere(tmp_path: Path) -> None:
    async with callee("ok") as ok, calling(tmp_path, ok.instance, refusing()) as client:
        for _ in range(20):
            assert await client.ask("POST", body={}) == Thing("ok")
    assert len(ok.seen) == 20


async def test_the_only_instance_is_asked_again_although_it_failed(tmp_path: Path) -> None:
    async with callee("a") as a, calling(tmp_path, a.instance) as client:

        async def once_ill(request: web.Request) -> web.StreamResponse:
            return await (abort(request) if len(a.seen) == 1 else a.answer(request))

        a.behaviour = once_ill
        assert await client.ask(retryable=True) == Thing("a")
    assert len(a.seen) == 2


async def trickle(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b" ")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("behaviour", [never, trickle])
@pytest.mark.parametrize("retryable", [True, False])
async def test_the_deadline_is_kept(tmp_path: Path, behaviour: Behaviour, retryable: bool) -> None:
    async with callee("slow", behaviour) as slow, calling(tmp_path, slow.instance) as client:
        began = time.monotonic()
        with pytest.raises(ServiceUnreachable):
            await client.ask(timeout_s=0.3, retryable=retryable)
        assert 0.25 < time.monotonic() - began < 1.5


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("behaviour", [abort, unavailable, never])
async def test_what_is_not_retryable_is_never_repeated(tmp_path: Path, method: str, behaviour: Behaviour) -> None:
    async with callee("a") as a, calling(tmp_path, a.instance) as client:
        # An HTTP client tends to repeat by itself what is lost on a connection that was used before.
        await client.ask()
        a.seen.clear()
        a.behaviour = behaviour
        with pytest.raises(Unavailable) as failure:
            await client.ask(method, timeout_s=0.3)
        assert failure.value.maybe_done
        assert len(a.seen) == 1


async def test_retries_stay_within_their_budget(tmp_path: Path) -> None:
    async with callee("a", abort) as a, calling(tmp_path, a.instance) as client:
        asking = (client.ask(timeout_s=1.0, retryable=True) for _ in range(50))
        failures = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(failure, ServiceUnreachable) and failure.maybe_done for failure in failures)
    assert 50 < len(a.seen) <= 50 + 10 + 50 * 0.2


@pytest.mark.parametrize(
    ("behaviour", "retryable", "maybe_done"),
    [
        (None, False, False),
        (None, True, False),
        (abort, False, True),
        (abort, True, True),
        (never, False, True),
        (never, True, True),
        (unavailable, False, True),
        (unavailable, True, True),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
async def test_tells_whether_it_may_have_been_done(
    tmp_path: Path, behaviour: Behaviour | None, retryable: bool, maybe_done: bool
) -> None:
    async with callee("a", behaviour) as a:
        instance = a.instance if behaviour else refusing()
        async with calling(tmp_path, instance) as client:
            with pytest.raises(Unavailable) as failure:
                await client.ask(timeout_s=0.3, retryable=retryable)
    assert failure.value.maybe_done is maybe_done


async def test_nothing_is_done_where_there_is_no_instance(tmp_path: Path) -> None:
    async with calling(tmp_path) as client:
        with pytest.raises(ServiceUnreachable) as failure:
            await client.ask(timeout_s=0.1, retryable=True)
    assert not failure.value.maybe_done


async def test_a_call_that_may_be_done_stays_so_when_the_instances_vanish(
    database: Callable[[str], str], tmp_path: Path
) -> None:
    async with registry_server(database("discovery"), tmp_path) as registry, callee("only") as only:
        mine = Registry([registry.url], TOKEN)
        async with calling_by(Registry([registry.url], TOKEN)) as client:

            async def leave_and_abort(request: web.Request) -> web.StreamResponse:
                await mine.deregister()
                watch = client._target.watch()
                while watch.instances:
                    await watch.changed(watch.version)
                return await abort(request)

            only.behaviour = leave_and_abort
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
            asking = asyncio.create_task(client.ask(timeout_s=10.0))
            assert await client._target.watch().ready(5, at_least=0)
            assert not asking.done()
            await mine.register(late.instance)
            assert await asking == Thing("late")
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


# Between two of our own services


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quantity: int


class Told(msgspec.Struct, frozen=True):
    service: str | None
    user_id: str
    request_id: str | None
    trace_id: str | None


class Deps:
    def __init__(self, product: ThingClient) -> None:
        self.product = product


@post("/internal/refusals/{kind:str}", policy="service", include_in_schema=False)
async def refuse(kind: FromPath[str], data: JSONBody[Asked]) -> None:
    if kind == "out_of_stock":
        raise OutOfStock(items=[{"variant_id": "v", "requested": data.quantity, "available": 2}])
    raise {"not_found": NotFound(), "bug": RuntimeError("a detail of the inside")}[kind]


@get("/internal/told", policy="service", include_in_schema=False)
async def tell(request: Request) -> Told:
    trace = telemetry.trace_var.get()
    return Told(
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

    async def told(self) -> Told:
        return await self._call("told", "GET", "/internal/told", Told, on_behalf_of=USER)

    async def refused(self, kind: str, body: object = None) -> None:
        path = f"/internal/refusals/{kind}"
        await self._call("refused", "POST", path, type(None), body=body or Asked(3))


USER = uuid4()


def cart(home: Path, *products: Instance) -> Service:
    declared = topology.Service("cart", "", database=False, calls=("product",))
    settings = load(Settings, tokens.environ("cart", SERAI_HOME=str(home), SERAI_LOG_LEVEL="critical"))
    remember(home / "registry" / "cart", *products)
    service = Service(declared, settings, callers=frozenset({"order"}))
    service.routes(Deps(ThingClient(service.calls)), [refuse, tell, pass_on])
    return service


async def test_ids_and_identity_go_along(tmp_path: Path) -> None:
    async with served(cart(tmp_path)) as instance, calling(tmp_path, instance) as anyone:
        client = CartClient(anyone._calls)

        async def as_one_request(request_id: str) -> None:
            telemetry.request_id_var.set(request_id)
            trace_id, _ = trace = telemetry.join_trace(None)
            telemetry.trace_var.set(trace)
            assert await client.told() == Told("order", str(USER), request_id, trace_id)

        # Each in a task, and so a context, of its own: at the callee, too, they must not mix.
        await asyncio.gather(*(as_one_request(f"request-{number}") for number in range(20)))


async def test_a_refusal_arrives_as_the_exception_it_left_as(tmp_path: Path) -> None:
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


async def test_an_unavailable_callee_keeps_its_own_words_to_the_end(tmp_path: Path) -> None:
    async with callee("ill", unavailable) as ill, calling(tmp_path, ill.instance) as client:
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


# Deadlines of a chain


async def test_a_call_says_how_long_it_waits_and_its_repetition_less(tmp_path: Path) -> None:
    async with callee("ill", unavailable) as ill, calling(tmp_path, ill.instance) as client:
        with pytest.raises(Unavailable):
            await client.ask(timeout_s=0.5, retryable=True)
    said = [int(request.headers[deadline.HEADER]) for request in ill.seen]
    assert 0 < said[0] <= 500
    assert said == sorted(said, reverse=True)
    assert len(said) > 1


async def test_a_callee_s_own_calls_end_with_those_it_answers(tmp_path: Path) -> None:
    async with (
        callee("slow", never) as slow,
        served(cart(tmp_path, slow.instance)) as instance,
        calling(tmp_path, instance) as anyone,
    ):
        with pytest.raises(Unavailable):
            await CartClient(anyone._calls).ask(path="/internal/passed-on", timeout_s=0.4)
    assert 0 < int(slow.seen[0].headers[deadline.HEADER]) <= 400


@pytest.mark.parametrize("nonsense", [b"", b"-1", b"1e3", b"soon", b"9" * 10, "²".encode("latin-1")])
async def test_a_deadline_that_is_no_number_was_not_said(nonsense: bytes) -> None:
    deadline.accept(b"1")
    deadline.accept(nonsense)
    assert deadline.within(5.0) - time.monotonic() > 4.0


async def test_nothing_is_sent_when_the_time_is_over(tmp_path: Path) -> None:
    async with callee("a") as a, calling(tmp_path, a.instance) as client:
        await client.ask()

        async def too_late() -> None:
            deadline.accept(b"0")
            await client.ask()

        with pytest.raises(ServiceUnreachable) as failure:
            await asyncio.create_task(too_late())
    assert not failure.value.maybe_done
    assert len(a.seen) == 1


# Bad instances among good ones


async def internal_error(_: web.Request) -> web.StreamResponse:
    document = {"status": 500, "code": "internal", "detail": "A bug."}
    return web.json_response(document, status=500, content_type="application/problem+json")


async def shed(_: web.Request) -> web.StreamResponse:
    document = {"status": 429, "code": "overloaded", "detail": "Too much."}
    return web.json_response(document, status=429, content_type="application/problem+json")


async def somebody_else(_: web.Request) -> web.StreamResponse:
    document = {"status": 401, "code": "wrong_audience", "detail": "For another."}
    return web.json_response(document, status=401, content_type="application/problem+json")


async def test_an_instance_that_answers_500_rests_after_a_few(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("lying", internal_error) as lying,
        calling(tmp_path, ok.instance, lying.instance) as client,
    ):
        for _ in range(40):
            assert await client.ask(retryable=True) == Thing("ok")
    assert len(lying.seen) == ERRORS_IN_A_ROW


async def test_errors_that_cannot_be_repeated_are_few(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("lying", internal_error) as lying,
        calling(tmp_path, ok.instance, lying.instance) as client,
    ):
        answers = [await asyncio.gather(client.ask("POST", body={}), return_exceptions=True) for _ in range(40)]
    failed = [one for (one,) in answers if isinstance(one, Unavailable)]
    assert len(failed) == len(lying.seen) == ERRORS_IN_A_ROW
    assert len(ok.seen) == 40 - ERRORS_IN_A_ROW


async def test_a_frozen_instance_does_not_keep_a_repeatable_call_for_its_whole_time(tmp_path: Path) -> None:
    """It takes a third of the time of one call; then it rests, and the others do not meet it."""
    async with (
        callee("ok") as ok,
        callee("frozen", never) as frozen,
        calling(tmp_path, ok.instance, frozen.instance) as client,
    ):
        for _ in range(20):
            assert await client.ask(retryable=True, timeout_s=3.0) == Thing("ok")
    assert len(frozen.seen) == 1
    assert int(frozen.seen[0].headers[deadline.HEADER]) <= 1000


async def test_a_slow_instance_draws_less(tmp_path: Path) -> None:
    over = asyncio.Event()

    async def slow_until_over(request: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.json_response({"by": "slow"})

    async with (
        callee("ok") as ok,
        callee("slow", slow_until_over) as slow,
        calling(tmp_path, ok.instance, slow.instance) as client,
    ):

        async def keep_asking() -> None:
            for _ in range(25):
                await client.ask(timeout_s=60.0)

        asking = [asyncio.create_task(keep_asking()) for _ in range(8)]
        async with asyncio.timeout(60):
            while len(ok.seen) < 80:
                await asyncio.sleep(0.01)
        # Never more than half of what is under way waits for it.
        assert len(slow.seen) <= 4
        over.set()
        await asyncio.gather(*asking)


async def test_somebody_else_at_an_old_address_was_not_reached(tmp_path: Path) -> None:
    async with (
        callee("ok") as ok,
        callee("reused", somebody_else) as reused,
        calling(tmp_path, ok.instance, reused.instance) as client,
    ):
        for _ in range(20):
            assert await client.ask("POST", body={}) == Thing("ok")
    assert len(reused.seen) == 1


async def test_only_strangers_at_all_addresses_are_an_unreachable_service(tmp_path: Path) -> None:
    async with callee("reused", somebody_else) as reused, calling(tmp_path, reused.instance) as client:
        with pytest.raises(ServiceUnreachable) as failure:
            await client.ask("POST", body={}, timeout_s=0.3)
    assert not failure.value.maybe_done


async def test_what_an_instance_sheds_goes_to_another_and_it_does_not_rest(tmp_path: Path) -> None:
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


async def test_a_call_shed_by_all_was_not_begun(tmp_path: Path) -> None:
    async with callee("busy", shed) as busy, calling(tmp_path, busy.instance) as client:
        with pytest.raises(ServiceUnreachable) as failure:
            await client.ask(retryable=True)
    assert not failure.value.maybe_done
    assert failure.value.headers()["retry-after"] == "1"
    assert len(busy.seen) == 1
