"""Builds Envoy's resources, as plain dicts, from the routes, the state of the system and the edge's configuration.

The functions here are pure: the same input gives the same output. tests/gateway/snapshots holds their output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from serai.gateway import filters, tracing
from serai.gateway.edge_config import Collector, EdgeConfig
from serai.gateway.filters import typed
from serai.gateway.listener import RUNTIME, listener
from serai.gateway.local_replies import security_headers
from serai.gateway.routes import AGENT, Path, Route, edge_routes, paths, paths_by_prefix
from serai.gateway.system_state import Endpoint, SystemState

Resource = dict[str, Any]

_CONFIG = "type.googleapis.com/envoy.config."
#: Shorter than the idle timeout of our Python servers, so that Envoy always closes an idle connection first.
_UPSTREAM_IDLE_S = 15
#: Concurrent requests per instance, and requests queued per service. More are refused with 503.
_MAX_ACTIVE_PER_INSTANCE, _MAX_PENDING = 128, 256


@dataclass(frozen=True, slots=True)
class Resources:
    """Envoy's configuration, one field for each xDS discovery service."""

    endpoints: Mapping[str, Resource]
    clusters: tuple[Resource, ...]
    extensions: tuple[Resource, ...]
    routes: tuple[Resource, ...]
    listeners: tuple[Resource, ...]


def build_resources(routes: Iterable[Route], state: SystemState, edge: EdgeConfig) -> Resources:
    routes = list(routes)
    services = sorted({route.service for route in routes})
    return Resources(
        endpoints={service: _endpoints(service, state) for service in services},
        clusters=(
            _agent_cluster(edge),
            *([_collector_cluster(edge.collector)] if edge.collector else []),
            *(_cluster(service, state, edge) for service in services),
        ),
        extensions=(filters.jwt(state),),
        routes=(_route_configuration([*routes, *edge_routes()], state, edge),),
        listeners=(listener(edge),),
    )


def bootstrap(edge: EdgeConfig) -> Resource:
    """Envoy's bootstrap: where it reads its other resources, its admin port (for the agent only) and its limits."""
    return {
        "node": {"id": "gateway", "cluster": "serai"},
        # Envoy takes a free port and writes its number to the file given by --admin-address-path.
        "admin": {"address": _address("127.0.0.1", 0)},
        "dynamic_resources": {
            "cds_config": edge.source.for_file("clusters.json"),
            "lds_config": edge.source.for_file("listeners.json"),
        },
        "layered_runtime": {
            "layers": [
                {"name": "edge", "static_layer": RUNTIME},
                # What the agent sets through the admin port.
                {"name": "agent", "admin_layer": {}},
            ]
        },
        "overload_manager": {
            "refresh_interval": "0.25s",
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.fixed_heap",
                    "typed_config": typed(
                        "resource_monitors.fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=512 * 1024 * 1024
                    ),
                },
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": typed(
                        "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        max_active_downstream_connections=20_000,
                    ),
                },
            ],
            "actions": [
                _overload_action("shrink_heap", 0.9),
                _overload_action("stop_accepting_requests", 0.95),
            ],
        },
    }


def _route_configuration(routes: list[Route], state: SystemState, edge: EdgeConfig) -> Resource:
    groups = {
        prefix: {
            "action": {
                "name": prefix,
                "typed_config": {
                    "@type": _CONFIG + "route.v3.RouteList",
                    "routes": [route for path in found for route in _path_routes(path, state, edge)],
                },
            }
        }
        for prefix, found in paths_by_prefix(paths(routes)).items()
    }
    host: dict[str, Any] = {
        "name": "edge",
        "domains": sorted(edge.hosts) or ["*"],
        # Routes are looked up by path prefix first, so that a catalogue request is not matched against every route.
        "matcher": {
            "matcher_tree": {
                "input": {
                    "name": "path",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                        "header_name": ":path",
                    },
                },
                "prefix_match_map": {"map": groups},
            }
        },
    }
    if edge.cors_origins:
        host["typed_per_filter_config"] = {filters.CORS: _cors(edge)}
        # The response names one origin. A cache must not give it to another origin.
        host["response_headers_to_add"] = [
            {"header": {"key": "vary", "value": "Origin"}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
        ]
    return {
        "@type": _CONFIG + "route.v3.RouteConfiguration",
        "name": "edge",
        "virtual_hosts": [host],
        "ignore_port_in_host_matching": True,
        "response_headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "ADD_IF_ABSENT"}
            for key, value in security_headers(tls=edge.tls is not None).items()
        ],
    }


def _path_routes(path: Path, state: SystemState, edge: EdgeConfig) -> list[Resource]:
    match = {"path": path.template} if path.literal else {"safe_regex": {"regex": path.regex}}
    served = [_route(route, match, state, edge) for route in path.routes]
    refused = {
        "name": path.template,
        "match": match,
        "direct_response": {"status": 405},
        "response_headers_to_add": _headers(allow=path.allow),
    }
    return [*served, *_preflights(match, edge), refused]


def _preflights(match: dict[str, Any], edge: EdgeConfig) -> list[Resource]:
    """Routes for CORS preflights. The CORS filter ignores routes with a direct response, so these name a cluster."""
    return [
        {
            "name": "preflight",
            "match": {
                **match,
                "headers": [
                    {"name": ":method", "string_match": {"exact": "OPTIONS"}},
                    {"name": "origin", "string_match": {"exact": origin}},
                    {"name": "access-control-request-method", "present_match": True},
                ],
            },
            "route": {"cluster": AGENT},
        }
        for origin in edge.cors_origins
    ]


def _route(route: Route, match: dict[str, Any], state: SystemState, edge: EdgeConfig) -> Resource:
    base: Resource = {
        "name": f"{route.method} {route.template}",
        "match": {**match, "headers": [{"name": ":method", "string_match": {"exact": route.method}}]},
    }
    if edge.collector is not None:
        # The name of the span.
        base["decorator"] = {"operation": base["name"], "propagate": False}
    if route.template == "/healthz":
        if edge.collector is not None:
            base["tracing"] = {"random_sampling": {"numerator": 0}}
        if state.draining:
            return {**base, "direct_response": {"status": 503}}
        return {
            **base,
            "direct_response": {"status": 200, "body": {"inline_string": '{"status": "ok"}'}},
            "response_headers_to_add": _headers(**{"content-type": "application/json", "cache-control": "no-store"}),
        }
    if route.service != AGENT and not state.open:
        return {**base, "direct_response": {"status": 503}}
    action: dict[str, Any] = {
        "cluster": route.service,
        "timeout": "0s" if route.stream else f"{route.timeout_s:g}s",
        "retry_policy": _retry_policy(route, several=_has_several(route.service, state)),
    }
    if route.stream:
        action["idle_timeout"] = "0s"
    config = filters.per_route(route.policy, route.needs)
    if route.compressed:
        config |= filters.compression()
    name = route.limit or "default"
    limit = edge.limits.get(name)
    if limit is not None:
        config |= filters.rate_limit(name, limit)
    if route.max_body_bytes is not None:
        config |= filters.body_limit(route.max_body_bytes)
    if config:
        base["typed_per_filter_config"] = config
    return {**base, "route": action}


def _has_several(service: str, state: SystemState) -> bool:
    """Whether a failed request can be retried on another instance."""
    return len(state.endpoints(service)) >= 2


def _retry_policy(route: Route, *, several: bool) -> dict[str, Any]:
    conditions = "connect-failure,refused-stream,reset-before-request"
    per_try: dict[str, Any] = {}
    if route.retriable:
        conditions += ",gateway-error"
    if route.retriable and several:
        # Also retry failures of a single instance: an error only it returns, or no response at all.
        conditions += ",5xx"
        if not route.stream:
            per_try["per_try_timeout"] = f"{route.timeout_s / 3:g}s"
    return {
        "retry_on": conditions,
        "num_retries": 2,
        **per_try,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": typed("retry.host.previous_hosts.v3.PreviousHostsPredicate"),
            }
        ],
        # Hosts are picked at random. With fewer attempts, a service of two instances would too often get the failed
        # instance again.
        "host_selection_retry_max_attempts": 10,
    }


def _cors(edge: EdgeConfig) -> Resource:
    return typed(
        "filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[{"exact": origin} for origin in edge.cors_origins],
        allow_methods="GET, HEAD, POST, PUT, PATCH, DELETE",
        allow_headers="authorization, content-type, idempotency-key, if-match, if-none-match, x-request-id",
        expose_headers="etag, location, retry-after, idempotent-replayed, x-request-id, ratelimit-limit, "
        "ratelimit-remaining, ratelimit-reset, ratelimit-policy, ratelimit",
        allow_credentials=True,
        max_age="600",
    )


def _cluster(service: str, state: SystemState, edge: EdgeConfig) -> Resource:
    cluster = {
        **_common_cluster(service),
        "type": "EDS",
        "eds_cluster_config": {
            "service_name": service,
            "eds_config": edge.source.for_file(f"endpoints/{service}.json"),
        },
        # Without this, an instance that deregistered keeps its share of the traffic until its health checks fail.
        "ignore_health_on_host_removal": True,
        # Envoy checks instances itself, so that a registry that expires too many or too few does no harm.
        "health_checks": [
            {
                "timeout": "2s",
                # A single instance is checked less often than one of several: there is no other to send requests to.
                "interval": "2s" if _has_several(service, state) else "5s",
                # Checked often, so that a recovered instance, or a service without traffic so far, is usable soon.
                "unhealthy_interval": "1s",
                "no_traffic_interval": "1s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                # Guards against an address that now belongs to an instance of another service.
                "http_health_check": {"path": "/readyz", "service_name_matcher": {"exact": service}},
            }
        ],
    }
    if _has_several(service, state):
        cluster["outlier_detection"] = {
            # Closed connections and timeouts count as 5xx. With `split_external_local_origin_errors` they would be
            # counted apart and reset by each successful connect, and a frozen process still accepts connections.
            "consecutive_5xx": 5,
            "interval": "1s",
            "base_ejection_time": "3s",
            "max_ejection_percent": 50,
            "always_eject_one_host": True,
            # Otherwise an instance whose /readyz succeeds while all other requests fail is back after one check.
            "successful_active_health_check_uneject_host": False,
        }
    return cluster


def _agent_cluster(edge: EdgeConfig) -> Resource:
    return {
        **_common_cluster(AGENT),
        "type": "STATIC",
        "load_assignment": _load_assignment(AGENT, (Endpoint(edge.agent_host, edge.agent_port),)),
    }


def _collector_cluster(collector: Collector) -> Resource:
    return {**_common_cluster(tracing.CLUSTER), **tracing.collector_cluster(collector)}


def _common_cluster(name: str) -> Resource:
    return {
        "@type": _CONFIG + "cluster.v3.Cluster",
        "name": name,
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "common_lb_config": {
            # An unhealthy instance gets no requests, even if all are unhealthy: clients get an immediate 503.
            "healthy_panic_threshold": {"value": 0},
            # A new instance is used as soon as its first check passes. By default Envoy merges updates for one second.
            "update_merge_window": "0s",
        },
        # Requests beyond an instance's limit queue here, where refusing the excess costs least. An instance also
        # limits itself: see serai/chassis/http/admission.py. HTTP/1.1 has one request per connection, so
        # `max_connections` limits concurrent requests.
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": 1024,
                    "max_pending_requests": _MAX_PENDING,
                    "max_requests": 4096,
                    "retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": 3},
                }
            ],
            "per_host_thresholds": [{"max_connections": _MAX_ACTIVE_PER_INSTANCE}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "upstreams.http.v3.HttpProtocolOptions",
                common_http_protocol_options={"idle_timeout": f"{_UPSTREAM_IDLE_S}s"},
                explicit_http_config={"http_protocol_options": {}},
            )
        },
    }


def _endpoints(service: str, state: SystemState) -> Resource:
    return {
        "@type": _CONFIG + "endpoint.v3.ClusterLoadAssignment",
        **_load_assignment(service, state.endpoints(service)),
    }


def _load_assignment(cluster: str, endpoints: tuple[Endpoint, ...]) -> Resource:
    return {
        "cluster_name": cluster,
        "endpoints": [
            {
                "lb_endpoints": [
                    {"endpoint": {"address": _address(endpoint.host, endpoint.port)}} for endpoint in sorted(endpoints)
                ]
            }
        ],
    }


def _headers(**headers: str) -> list[dict[str, Any]]:
    return [
        {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for key, value in headers.items()
    ]


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _overload_action(action: str, threshold: float) -> dict[str, Any]:
    monitor = "envoy.resource_monitors.fixed_heap"
    return {
        "name": f"envoy.overload_actions.{action}",
        "triggers": [{"name": monitor, "threshold": {"value": threshold}}],
    }
