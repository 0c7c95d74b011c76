"""What holds of the edge whatever the registry says, whichever services are up, and wherever they are."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serai.gateway.envoy import Resources, resources
from serai.gateway.routes import service_routes
from serai.gateway.snapshot import Endpoint, Snapshot
from tests.gateway.setups import edge
from tests.gateway.shop import DOCUMENTS, Keys
from tests.gateway.validating import refusal

ROUTES = service_routes(DOCUMENTS)
SERVICES = {route.service for route in ROUTES}
#: A busy machine is no failure.
_settings = settings(deadline=None, max_examples=20)
#: The agent's own pages.
AGENT = "gateway"

_addresses = st.one_of(
    st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str), st.sampled_from(["127.0.0.1", "::1", "fd00::1"])
)
_endpoints = st.builds(Endpoint, _addresses, st.integers(1, 65535))
_snapshots = st.builds(
    Snapshot,
    # The registry may know services that no document names, and two instances at one address.
    services=st.dictionaries(
        st.sampled_from([*sorted(SERVICES), "unheard-of"]), st.lists(_endpoints, max_size=6).map(tuple)
    ),
    jwks=st.sampled_from([{}, {"keys": []}, Keys().jwks]),
    open=st.booleans(),
    draining=st.booleans(),
)


def _made(snapshot: Snapshot) -> Resources:
    return resources(ROUTES, snapshot, edge())


def _text(found: Resources) -> str:
    parts = (found.endpoints, found.clusters, found.extensions, found.routes, found.listeners)
    return json.dumps(parts, sort_keys=True)


def _routes(found: Resources) -> Iterator[dict[str, Any]]:
    (host,) = found.routes[0]["virtual_hosts"]
    for group in host["matcher"]["matcher_tree"]["prefix_match_map"]["map"].values():
        yield from group["action"]["typed_config"]["routes"]


def _reads(route: dict[str, Any]) -> bool:
    return str(route["name"]).startswith(("GET ", "HEAD "))


def _addresses_of(load: dict[str, Any]) -> list[tuple[str, int]]:
    (locality,) = load["endpoints"]
    found = (one["endpoint"]["address"]["socket_address"] for one in locality["lb_endpoints"])
    return [(address["address"], address["port_value"]) for address in found]


@_settings
@given(_snapshots, st.randoms())
def test_the_order_in_which_things_are_told_does_not_matter(snapshot: Snapshot, random: Any) -> None:
    services = list(snapshot.services.items())
    random.shuffle(services)
    shuffled = Snapshot(
        services={name: tuple(random.sample(found, len(found))) for name, found in services},
        jwks=snapshot.jwks,
        open=snapshot.open,
        draining=snapshot.draining,
    )
    assert _text(_made(shuffled)) == _text(_made(snapshot))


@_settings
@given(_snapshots)
def test_no_route_leads_to_an_unknown_cluster_and_a_closed_gate_leads_to_no_service(snapshot: Snapshot) -> None:
    found = _made(snapshot)
    known = {cluster["name"] for cluster in found.clusters}
    reached = {route["route"]["cluster"] for route in _routes(found) if "route" in route}
    assert known == {AGENT, *SERVICES}
    assert reached == ({AGENT, *SERVICES} if snapshot.open else {AGENT})


@_settings
@given(_snapshots)
def test_every_instance_is_in_its_own_service_s_cluster_once(snapshot: Snapshot) -> None:
    found = _made(snapshot)
    assert set(found.endpoints) == SERVICES
    for service, load in found.endpoints.items():
        assert load["cluster_name"] == service
        told = _addresses_of(load)
        assert told == sorted(set(told))
        assert set(told) == {(endpoint.host, endpoint.port) for endpoint in snapshot.services.get(service, ())}


@_settings
@given(_snapshots)
def test_half_of_a_service_stays_whatever_it_answers(snapshot: Snapshot) -> None:
    for cluster in _made(snapshot).clusters:
        outliers = cluster.get("outlier_detection")
        several = cluster["name"] in SERVICES and len(set(snapshot.services.get(cluster["name"], ()))) >= 2
        assert (outliers is not None) == several
        if outliers is not None:
            assert 0 < outliers["max_ejection_percent"] <= 50
        assert cluster["common_lb_config"]["healthy_panic_threshold"] == {"value": 0}


@_settings
@given(_snapshots)
def test_only_a_read_is_sent_again_once_a_service_has_answered(snapshot: Snapshot) -> None:
    before_an_answer = {"connect-failure", "refused-stream", "reset-before-request"}
    for route in _routes(_made(snapshot)):
        if "route" in route and route["name"] != "preflight":
            retried = set(route["route"]["retry_policy"]["retry_on"].split(","))
            assert retried - before_an_answer <= ({"gateway-error", "5xx"} if _reads(route) else set())


@_settings
@given(_snapshots)
def test_a_gate_that_leaves_says_so_and_serves_on(snapshot: Snapshot) -> None:
    (health,) = {json.dumps(route) for route in _routes(_made(snapshot)) if route["name"] == "GET /healthz"}
    assert json.loads(health)["direct_response"]["status"] == (503 if snapshot.draining else 200)


@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_snapshots)
def test_envoy_accepts_it(tmp_path: Path, snapshot: Snapshot) -> None:
    assert refusal(_made(snapshot), edge(), tmp_path) is None


@pytest.mark.parametrize("host", ["::1", "2001:db8::7", "::ffff:127.0.0.1", "10.0.0.1"])
def test_an_address_is_told_as_the_registry_has_it(host: str) -> None:
    assert ipaddress.ip_address(host)
    load = _made(Snapshot(services={"cart": (Endpoint(host, 80),)})).endpoints["cart"]
    assert _addresses_of(load) == [(host, 80)]
