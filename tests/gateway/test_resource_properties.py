"""Properties of Envoy's configuration for every state of the registry."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serai.gateway.envoy_resources import Resources, build_resources
from serai.gateway.routes import service_routes
from serai.gateway.system_state import Endpoint, SystemState
from tests.gateway.config_cases import edge_config
from tests.gateway.envoy_validation import validation_errors
from tests.gateway.fake_services import DOCUMENTS, SigningKeys

pytestmark = pytest.mark.slow

ROUTES = service_routes(DOCUMENTS)
SERVICES = {route.service for route in ROUTES}
#: No deadline, because the machine may be busy.
_settings = settings(deadline=None, max_examples=20)
#: The agent's own pages.
AGENT = "gateway"

_addresses = st.one_of(
    st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str), st.sampled_from(["127.0.0.1", "::1", "fd00::1"])
)
_endpoints = st.builds(Endpoint, _addresses, st.integers(1, 65535))
_snapshots = st.builds(
    SystemState,
    # The registry may have services without a document, and two instances at one address.
    services=st.dictionaries(
        st.sampled_from([*sorted(SERVICES), "unknown"]), st.lists(_endpoints, max_size=6).map(tuple)
    ),
    jwks=st.sampled_from([{}, {"keys": []}, SigningKeys().jwks]),
    open=st.booleans(),
    draining=st.booleans(),
)


def _build(state: SystemState) -> Resources:
    return build_resources(ROUTES, state, edge_config())


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
def test_the_order_of_services_and_instances_does_not_matter(state: SystemState, random: Any) -> None:
    services = list(state.services.items())
    random.shuffle(services)
    shuffled = SystemState(
        services={name: tuple(random.sample(found, len(found))) for name, found in services},
        jwks=state.jwks,
        open=state.open,
        draining=state.draining,
    )
    assert _text(_build(shuffled)) == _text(_build(state))


@_settings
@given(_snapshots)
def test_routes_refer_to_known_clusters_only_and_to_no_service_while_closed(state: SystemState) -> None:
    found = _build(state)
    known = {cluster["name"] for cluster in found.clusters}
    reached = {route["route"]["cluster"] for route in _routes(found) if "route" in route}
    assert known == {AGENT, *SERVICES}
    assert reached == ({AGENT, *SERVICES} if state.open else {AGENT})


@_settings
@given(_snapshots)
def test_every_instance_is_in_its_own_service_s_cluster_once(state: SystemState) -> None:
    found = _build(state)
    assert set(found.endpoints) == SERVICES
    for service, load in found.endpoints.items():
        assert load["cluster_name"] == service
        reported = _addresses_of(load)
        assert reported == sorted(set(reported))
        assert set(reported) == {
            (parse_endpoint.host, parse_endpoint.port) for parse_endpoint in state.services.get(service, ())
        }


@_settings
@given(_snapshots)
def test_outlier_detection_ejects_at_most_half_of_a_service(state: SystemState) -> None:
    for cluster in _build(state).clusters:
        outliers = cluster.get("outlier_detection")
        several = cluster["name"] in SERVICES and len(set(state.services.get(cluster["name"], ()))) >= 2
        assert (outliers is not None) == several
        if outliers is not None:
            assert 0 < outliers["max_ejection_percent"] <= 50
        assert cluster["common_lb_config"]["healthy_panic_threshold"] == {"value": 0}


@_settings
@given(_snapshots)
def test_only_reads_are_retried_after_a_response(state: SystemState) -> None:
    before_an_answer = {"connect-failure", "refused-stream", "reset-before-request"}
    for route in _routes(_build(state)):
        if "route" in route and route["name"] != "preflight":
            retried = set(route["route"]["retry_policy"]["retry_on"].split(","))
            assert retried - before_an_answer <= ({"gateway-error", "5xx"} if _reads(route) else set())


@_settings
@given(_snapshots)
def test_only_a_draining_gateway_fails_its_health_check(state: SystemState) -> None:
    (health,) = {json.dumps(route) for route in _routes(_build(state)) if route["name"] == "GET /healthz"}
    assert json.loads(health)["direct_response"]["status"] == (503 if state.draining else 200)


@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_snapshots)
def test_envoy_accepts_the_configuration(tmp_path: Path, state: SystemState) -> None:
    assert validation_errors(_build(state), edge_config(), tmp_path) is None


@pytest.mark.parametrize("host", ["::1", "2001:db8::7", "::ffff:127.0.0.1", "10.0.0.1"])
def test_addresses_are_those_of_the_registry(host: str) -> None:
    assert ipaddress.ip_address(host)
    load = _build(SystemState(services={"cart": (Endpoint(host, 80),)})).endpoints["cart"]
    assert _addresses_of(load) == [(host, 80)]
