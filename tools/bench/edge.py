"""`make bench-edge`: what the gate adds to an answer's time, and how many requests it takes, beside a bare Envoy.

Our gate, as `serai serve gateway` runs it, goes by a list: for the product service one process of our chassis that has
its answer ready, and for the cart service a bare Envoy that answers by itself. No database, no registry.
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
from tools.bench import arrivals, bare, machine, wrk
from tools.bench.arrivals import Orders, Request
from tools.bench.figures import LoadFailed, Quantiles
from tools.bench.limits import bare_envoy, bare_python, running_program
from tools.bench.measuring import say
from tools.bench.report import table
from tools.bench.shop import ROOT
from tools.bench.wrk import Reads
from tools.shop.system import NO_LIMITS

RESULTS = ROOT / ".bench"
READY_TIMEOUT_S = 20.0
CONNECTIONS = 32
RATE_S = 4.0
#: The latency is taken in turns, so that what else the machine does meets both ways.
TURNS, MAX_LOOP_DELAY_S = 3, 3.0
#: Of what the gate takes at most from the service: far from any queue.
SHARE = 0.25
SERVICE, STATIC = "/api/products", "/api/cart"
#: About as many bytes as the first page of the list.
BODY = json.dumps({"items": [{"name": f"Thing number {number}", "text": "x" * 250} for number in range(20)]}).encode()


class Rate(msgspec.Struct, frozen=True):
    what: str
    per_s: float


class Way(msgspec.Struct, frozen=True):
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
    direct: Way
    through: Way

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
            say(str(problem))
            return 1
    told = text(document)
    place = RESULTS / f"{now.strftime('%Y-%m-%dT%H-%M-%SZ')}-edge"
    place.mkdir(parents=True)
    (place / "figures.json").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1))
    (place / "figures.txt").write_text(told + "\n")
    say(told)
    say(f"\n{place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place}/figures.json")
    return 1 if any(way.errors or way.refused for way in (document.direct, document.through)) else 0


def measure(folder: Path, revision: str, at: str, found: machine.Machine) -> Document:
    """Raises `LoadFailed`."""
    body = folder / "body.json"
    body.write_bytes(BODY)
    answer = bare.answers(BODY, {"x-envoy-upstream-healthchecked-cluster": "cart"})
    with ExitStack() as stack:
        static, _ = stack.enter_context(bare_envoy("static", answer, folder))
        service, _ = stack.enter_context(bare_python("service", body, folder))
        front, _ = stack.enter_context(bare_envoy("front", bare.asks(static), folder))
        gate = stack.enter_context(_gate(folder, service, static))
        rates = [
            Rate("a bare Envoy answers by itself", _rate(static, "/", folder)),
            Rate("a bare Envoy asks another", _rate(front, "/", folder)),
            Rate("the gate answers by itself (/healthz)", _rate(gate, "/healthz", folder)),
            Rate("the gate asks a bare Envoy", _rate(gate, STATIC, folder)),
            Rate("the gate asks a process of our chassis", _rate(gate, SERVICE, folder)),
            Rate("that process itself", _rate(service, SERVICE, folder)),
        ]
        offered = SHARE * min(rates[-1].per_s, rates[-2].per_s)
        ways = {"directly": service, "through the gate": gate}
        taken: dict[str, list[arrivals.Outcome]] = {what: [] for what in ways}
        for _ in range(TURNS):
            for what, port in ways.items():
                requests = [Request("GET", SERVICE)]
                taken[what].append(
                    arrivals.send(Orders(f"http://127.0.0.1:{port}", requests, MAX_LOOP_DELAY_S, offered))
                )
    direct, through = (_way(what, outcomes) for what, outcomes in taken.items())
    return Document(revision, at, found, rates, offered, direct, through)


def _way(what: str, outcomes: list[arrivals.Outcome]) -> Way:
    times = [outcome.good_ms for outcome in outcomes if outcome.good_ms is not None]
    if not times:
        raise LoadFailed(f"nothing was answered {what}: {outcomes}")
    return Way(
        what,
        Quantiles(statistics.median(each.p50_ms for each in times), statistics.median(each.p99_ms for each in times)),
        sum(sum(outcome.refused.values()) for outcome in outcomes),
        sum(sum(outcome.errors.values()) for outcome in outcomes),
    )


def _rate(port: int, path: str, folder: Path) -> float:
    name = f"{port}{path.replace('/', '-')}"
    return Reads(name, f"http://127.0.0.1:{port}", [path], folder, CONNECTIONS).run(RATE_S, 0).per_s


@contextmanager
def _gate(folder: Path, service: int, static: int) -> Iterator[int]:
    port, home = ports.find_free(), Home(folder / "gate")
    home.create()
    # It opens when every service has an address; nobody asks for the others.
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
    with running_program("gate", (sys.executable, "-m", "serai.gateway.app"), port, folder, environ):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            deadline = time.monotonic() + READY_TIMEOUT_S
            while any(client.get(path).status_code != 200 for path in (SERVICE, STATIC)):
                if time.monotonic() > deadline:
                    said = (folder / "gate.log").read_text()[-1500:]
                    raise LoadFailed(f"the gate does not lead to what is behind it:\n{client.get(STATIC).text}\n{said}")
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
            f"medians of {TURNS} turns of {MAX_LOOP_DELAY_S:g} s",
            *table(_ways(document)),
        ]
    )


def _rates(document: Document) -> Iterable[list[str]]:
    yield [f"{CONNECTIONS} connections in a closed loop", "a second", "of the first"]
    first = document.rates[0].per_s
    yield from ([rate.what, f"{rate.per_s:,.0f}", f"{rate.per_s / first:.0%}"] for rate in document.rates)


def _ways(document: Document) -> Iterable[list[str]]:
    yield ["", "p50 ms", "p99 ms", "refused", "errors"]
    for way in (document.direct, document.through):
        yield [way.what, f"{way.latency.p50_ms:.2f}", f"{way.latency.p99_ms:.2f}", str(way.refused), str(way.errors)]
    yield ["added by the gate", f"{document.added.p50_ms:.2f}", f"{document.added.p99_ms:.2f}", "", ""]


if __name__ == "__main__":
    sys.exit(main())
