"""The routes that Stripe's port and the inbox's port share: probes and fault injection."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from serai.sandbox.fault_list import BadFault, CountedFault, FaultList


def probe_routes() -> list[web.RouteDef]:
    return [web.get("/livez", _alive), web.get("/readyz", _alive)]


def fault_routes(faults: FaultList[Any]) -> list[web.RouteDef]:
    async def listed(request: web.Request) -> web.Response:
        return web.json_response({"items": [fault.public() for fault in faults.all()]})

    async def add(request: web.Request) -> web.Response:
        try:
            fault: CountedFault = faults.add(await body(request))
        except BadFault as problem:
            raise refusal(str(problem)) from None
        return web.json_response(fault.public(), status=201)

    async def remove(request: web.Request) -> web.Response:
        identifier = request.match_info.get("id")
        removed = faults.remove(identifier)
        return web.json_response({"removed": removed}, status=200 if removed or identifier is None else 404)

    return [
        web.get("/_faults", listed),
        web.post("/_faults", add),
        web.delete("/_faults", remove),
        web.delete("/_faults/{id}", remove),
    ]


async def _alive(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def body(request: web.Request) -> Any:
    try:
        return await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise refusal("the body is not JSON") from None


def refusal(message: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": {"message": message}}), content_type="application/json")
