"""`make bench-edge`: the latency that the gateway adds, and its maximum rate, compared with a bare Envoy.

Our gateway, as `serai serve gateway` runs it, uses a static list of services. The product service is one process of our
chassis with a prepared response, the cart service a bare Envoy with a direct response. There is no database and no
registry.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec

from serai import topology
from serai.supervisor import keys, ports
from serai.supervisor.home import Home
from tools.bench import bare, machine, open_loop, wrk
from tools.bench.figures import LoadFailed, Quantiles
from tools.bench.limits import bare_envoy, bare_python, running_program
from tools.bench.measuring import print_line
from tools.bench.open_loop import Plan, Request
from tools.bench.report import table
from tools.bench.shop import ROOT
from tools.bench.wrk import Reads
from tools.shop.system import NO_LIMITS

RESULTS = ROOT / ".bench"
READY_TIMEOUT_S = 20.0
CONNECTIONS = 32
RATE_S = 4.0
#: Both routes are measured in turns, so that other load on the machine affects both.
TURNS, TURN_S = 3, 3.0
#: Share of the service's maximum rate, low enough that no queue builds up.
SHARE = 0.25
SERVICE, STATIC = "/api/products", "/api/cart"
#: About the size of the first page of the list.
BODY = json.dumps({"items": [{"name": f"Thing number {number}", "text": "x" * 250} for number in range(20)]}).encode()


class Rate(msgspec.Struct, frozen=True):
    what: str
    per_s: float


class RouteLatency(msgspec.Struct, frozen=True):
    what: str
    latency: Quantiles
    refused: int
    errors: int


class Document(msgspec.Struct, frozen=True):
    revision: str
    at: str
    machine: machine.Machine
    rates: list[Rate]
    offered_per_s: float
    direct: RouteLatency
    through: RouteLatency

    @property
    def added(self) -> Quantiles:
        direct, through = self.direct.latency, self.through.latency
        return Quantiles(through.p50_ms - direct.p50_ms, through.p99_ms - direct.p99_ms)


def main() -> int:
    wrk.require()
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="serai-edge-") as name:
        folder = Path(name)
        found = machine.look(folder)
        try:
            at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
            document = measure(folder, machine.revision(ROOT), at, found)
        except LoadFailed as problem:
            print_line(str(problem))
            return 1
    summary = text(document)
    place = RESULTS / f"{now.strftime('%Y-%m-%dT%H-%M-%SZ')}-edge"
    place.mkdir(parents=True)
    (place / "figures.json").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1))
    (place / "figures.txt").write_text(summary + "\n")
    print_line(summary)
    print_line(f"\n{place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place}/figures.json")
    return 1 if any(route.errors or route.refused for route in (document.direct, document.through)) else 0


def measure(folder: Path, revision: str, at: str, found: machine.Machine) -> Document:
    """Raises `LoadFailed`."""
    body = folder / "body.json"
    body.write_bytes(BODY)
    answer = bare.responds(BODY, {"x-envoy-upstream-healthchecked-cluster": "cart"})
    with ExitStack() as stack:
        static, _ = stack.enter_context(bare_envoy("static", answer, folder))
        service, _ = stack.enter_context(bare_python("service", body, folder))
        front, _ = stack.enter_context(bare_envoy("front", bare.forwards(static), folder))
        gateway = stack.enter_context(_gateway(folder, service, static))
        rates = [
            Rate("a bare Envoy, direct response", _rate(static, "/", folder)),
            Rate("a bare Envoy in front of another", _rate(front, "/", folder)),
            Rate("the gateway, direct response (/healthz)", _rate(gateway, "/healthz", folder)),
            Rate("the gateway in front of a bare Envoy", _rate(gateway, STATIC, folder)),
            Rate("the gateway in front of a process of our chassis", _rate(gateway, SERVICE, folder)),
            Rate("that process directly", _rate(service, SERVICE, folder)),
        ]
        offered = SHARE * min(rates[-1].per_s, rates[-2].per_s)
        routes = {"directly": service, "through the gateway": gateway}
        taken: dict[str, list[open_loop.Outcome]] = {what: [] for what in routes}
        for _ in range(TURNS):
            for what, port in routes.items():
                requests = [Request("GET", SERVICE)]
                taken[what].append(open_loop.send(Plan(f"http://127.0.0.1:{port}", requests, TURN_S, offered)))
    direct, through = (_route_latency(what, outcomes) for what, outcomes in taken.items())
    return Document(revision, at, found, rates, offered, direct, through)


def _route_latency(what: str, outcomes: list[open_loop.Outcome]) -> RouteLatency:
    times = [outcome.good_ms for outcome in outcomes if outcome.good_ms is not None]
    if not times:
        raise LoadFailed(f"nothing was answered {what}: {outcomes}")
    return RouteLatency(
        what,
        Quantiles(statistics.median(each.p50_ms for each in times), statistics.median(each.p99_ms for each in times)),
        sum(sum(outcome.refused.values()) for outcome in outcomes),
        sum(sum(outcome.errors.values()) for outcome in outcomes),
    )


def _rate(port: int, path: str, folder: Path) -> float:
    name = f"{port}{path.replace('/', '-')}"
    return Reads(name, f"http://127.0.0.1:{port}", [path], folder, CONNECTIONS).run(RATE_S, 0).per_s


@contextmanager
def _gateway(folder: Path, service: int, static: int) -> Iterator[int]:
    port, home = ports.find_free(), Home(folder / "gateway")
    home.create()
    # The gateway becomes ready when every service has an address; the other services receive no requests.
    services = {one.name: [f"127.0.0.1:{static}"] for one in topology.SERVICES if one.public}
    services["product"] = [f"127.0.0.1:{service}"]
    environ = NO_LIMITS | {
        "SERAI_MODE": "local",
        "SERAI_HOME": str(home.path),
        "SERAI_PORT": str(port),
        "SERAI_OPENAPI": str(ROOT / "openapi"),
        "SERAI_JWKS": keys.load(home).jwt_public,
        "SERAI_DISCOVERY": "static",
        "SERAI_STATIC_SERVICES": json.dumps(services),
    }
    with running_program("gateway", (sys.executable, "-m", "serai.gateway.app"), port, folder, environ):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            deadline = time.monotonic() + READY_TIMEOUT_S
            while any(client.get(path).status_code != 200 for path in (SERVICE, STATIC)):
                if time.monotonic() > deadline:
                    log = (folder / "gateway.log").read_text()[-1500:]
                    raise LoadFailed(f"the gateway does not route to its services:\n{client.get(STATIC).text}\n{log}")
                time.sleep(0.1)
        yield port


def text(document: Document) -> str:
    return "\n".join(
        [
            "",
            f"The edge of Serai {document.revision} on {document.at}",
            f"{document.machine.cpu}, {document.machine.cores} cores; {len(BODY):,} bytes an answer",
            *(f"WARNING: {warning}" for warning in document.machine.warnings()),
            "",
            *table(_rates(document)),
            "",
            f"The same service at {document.offered_per_s:,.0f} a second in an open loop, "
            f"medians of {TURNS} turns of {TURN_S:g} s",
            *table(_latency_rows(document)),
        ]
    )


def _rates(document: Document) -> Iterable[list[str]]:
    yield [f"{CONNECTIONS} connections in a closed loop", "a second", "of the first"]
    first = document.rates[0].per_s
    yield from ([rate.what, f"{rate.per_s:,.0f}", f"{rate.per_s / first:.0%}"] for rate in document.rates)


def _latency_rows(document: Document) -> Iterable[list[str]]:
    yield ["", "p50 ms", "p99 ms", "refused", "errors"]
    for route in (document.direct, document.through):
        yield [
            route.what,
            f"{route.latency.p50_ms:.2f}",
            f"{route.latency.p99_ms:.2f}",
            str(route.refused),
            str(route.errors),
        ]
    yield ["added by the gateway", f"{document.added.p50_ms:.2f}", f"{document.added.p99_ms:.2f}", "", ""]


if __name__ == "__main__":
    sys.exit(main())
