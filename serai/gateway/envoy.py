"""From routes, a snapshot and a setup to Envoy's resources, as plain dicts. Pure: the same input, the same output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from serai.gateway import filters
from serai.gateway.edge import Edge
from serai.gateway.filters import typed
from serai.gateway.listener import RUNTIME, listener
from serai.gateway.problems import security_headers
from serai.gateway.routes import AGENT, Path, Route, edge_routes, paths, stems
from serai.gateway.snapshot import Endpoint, Snapshot

Resource = dict[str, Any]

_CONFIG = "type.googleapis.com/envoy.config."
#: Our Python servers keep an idle connection for longer than this, so it is always Envoy that lets go first.
_UPSTREAM_IDLE_S = 15
#: Requests under way at one instance, and those that wait for one of a service, before more are refused with 503.
_UNDER_WAY, _WAITING = 128, 256


@dataclass(frozen=True, slots=True)
class Resources:
    """What Envoy is told, by the name of its discovery service."""

    endpoints: Mapping[str, Resource]
    clusters: tuple[Resource, ...]
    extensions: tuple[Resource, ...]
    routes: tuple[Resource, ...]
    listeners: tuple[Resource, ...]


def resources(routes: Iterable[Route], snapshot: Snapshot, edge: Edge) -> Resources:
    routes = list(routes)
    services = sorted({route.service for route in routes})
    return Resources(
        endpoints={service: _endpoints(service, snapshot) for service in services},
        clusters=(_agent_cluster(edge), *(_cluster(service, snapshot, edge) for service in services)),
        extensions=(filters.jwt(snapshot),),
        routes=(_route_configuration([*routes, *edge_routes()], snapshot, edge),),
        listeners=(listener(edge),),
    )


def bootstrap(edge: Edge) -> Resource:
    """What Envoy starts with: where to read the rest, an admin port for the agent alone, and its limits."""
    return {
        "node": {"id": "gateway", "cluster": "serai"},
        # Any free port; Envoy writes which one to the file that the agent names on its command line.
        "admin": {"address": _address("127.0.0.1", 0)},
        "dynamic_resources": {
            "cds_config": edge.source.of("clusters.json"),
            "lds_config": edge.source.of("listeners.json"),
        },
        "layered_runtime": {"layers": [{"name": "edge", "static_layer": RUNTIME}]},
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
                _overload("shrink_heap", 0.9),
                _overload("stop_accepting_requests", 0.95),
            ],
        },
    }


def _route_configuration(routes: list[Route], snapshot: Snapshot, edge: Edge) -> Resource:
    groups = {
        stem: {
            "action": {
                "name": stem,
                "typed_config": {
                    "@type": _CONFIG + "route.v3.RouteList",
                    "routes": [route for path in found for route in _path_routes(path, snapshot, edge)],
                },
            }
        }
        for stem, found in stems(paths(routes)).items()
    }
    host: dict[str, Any] = {
        "name": "edge",
        "domains": sorted(edge.hosts) or ["*"],
        # A tree by the beginning of the path, so that the catalogue does not wait for every other route to be tried.
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
        # An answer that names one origin is none for another, whoever keeps it in between.
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


def _path_routes(path: Path, snapshot: Snapshot, edge: Edge) -> list[Resource]:
    where = {"path": path.template} if path.literal else {"safe_regex": {"regex": path.regex}}
    served = [_route(route, where, snapshot, edge) for route in path.routes]
    refused = {
        "name": path.template,
        "match": where,
        "direct_response": {"status": 405},
        "response_headers_to_add": _headers(allow=path.allow),
    }
    return [*served, *_preflights(where, edge), refused]


def _preflights(where: dict[str, Any], edge: Edge) -> list[Resource]:
    """Gives the CORS filter a route to answer on: it passes over those that Envoy answers itself."""
    return [
        {
            "name": "preflight",
            "match": {
                **where,
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


def _route(route: Route, where: dict[str, Any], snapshot: Snapshot, edge: Edge) -> Resource:
    built: Resource = {
        "name": f"{route.method} {route.template}",
        "match": {**where, "headers": [{"name": ":method", "string_match": {"exact": route.method}}]},
    }
    if route.template == "/healthz":
        if snapshot.draining:
            return {**built, "direct_response": {"status": 503}}
        return {
            **built,
            "direct_response": {"status": 200, "body": {"inline_string": '{"status": "ok"}'}},
            "response_headers_to_add": _headers(**{"content-type": "application/json", "cache-control": "no-store"}),
        }
    if route.service != AGENT and not snapshot.open:
        return {**built, "direct_response": {"status": 503}}
    action: dict[str, Any] = {
        "cluster": route.service,
        "timeout": "0s" if route.stream else f"{route.timeout_s:g}s",
        "retry_policy": _retries(route, several=_several(route.service, snapshot)),
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
        built["typed_per_filter_config"] = config
    return {**built, "route": action}


def _several(service: str, snapshot: Snapshot) -> bool:
    """Whether there is another instance to turn to."""
    return len(snapshot.endpoints(service)) >= 2


def _retries(route: Route, *, several: bool) -> dict[str, Any]:
    conditions = "connect-failure,refused-stream,reset-before-request"
    tries: dict[str, Any] = {}
    if route.retriable:
        conditions += ",gateway-error"
    if route.retriable and several:
        # Also what fails on one instance alone: a bug that only it has met, or no sign of life.
        conditions += ",5xx"
        if not route.stream:
            tries["per_try_timeout"] = f"{route.timeout_s / 3:g}s"
    return {
        "retry_on": conditions,
        "num_retries": 2,
        **tries,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": typed("retry.host.previous_hosts.v3.PreviousHostsPredicate"),
            }
        ],
        # The choice is by chance: of two instances, a few attempts would take the one that just failed too often.
        "host_selection_retry_max_attempts": 10,
    }


def _cors(edge: Edge) -> Resource:
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


def _cluster(service: str, snapshot: Snapshot, edge: Edge) -> Resource:
    cluster = {
        **_common_cluster(service),
        "type": "EDS",
        "eds_cluster_config": {"service_name": service, "eds_config": edge.source.of(f"endpoints/{service}.json")},
        # Without it an instance that left keeps its share of the traffic until its checks fail.
        "ignore_health_on_host_removal": True,
        # Envoy asks for itself: a registry that expires too much or too little is not believed blindly.
        "health_checks": [
            {
                "timeout": "2s",
                # The only instance is judged with more patience than one of several: there is nobody else to turn to.
                "interval": "2s" if _several(service, snapshot) else "5s",
                # One that was away is wanted back at once, and a service nobody has asked yet may be asked any moment.
                "unhealthy_interval": "1s",
                "no_traffic_interval": "1s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                # Ready and somebody else: the address belongs to another service by now.
                "http_health_check": {"path": "/readyz", "service_name_matcher": {"exact": service}},
            }
        ],
    }
    if _several(service, snapshot):
        cluster["outlier_detection"] = {
            # Hanging up and silence count as well. Were they told apart (`split_external_local_origin_errors`), each
            # connection that opens would forgive them, and a process that is frozen or hangs up still opens them.
            "consecutive_5xx": 5,
            "interval": "1s",
            "base_ejection_time": "3s",
            "max_ejection_percent": 50,
            "always_eject_one_host": True,
            # Who says that it is ready and fails at everything else would be back with its next check.
            "successful_active_health_check_uneject_host": False,
        }
    return cluster


def _agent_cluster(edge: Edge) -> Resource:
    return {
        **_common_cluster(AGENT),
        "type": "STATIC",
        "load_assignment": _load(AGENT, (Endpoint(edge.agent_host, edge.agent_port),)),
    }


def _common_cluster(name: str) -> Resource:
    return {
        "@type": _CONFIG + "cluster.v3.Cluster",
        "name": name,
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "common_lb_config": {
            # An instance known to be bad gets nothing, even when all are: an honest 503 at once.
            "healthy_panic_threshold": {"value": 0},
            # A new instance is used when its first check passes, not when Envoy has gathered a second's worth of news.
            "update_merge_window": "0s",
        },
        # What an instance cannot take on waits here, where refusing the rest costs least: see `admission` in the
        # chassis for what it refuses by itself. One request to a connection, so these are requests under way.
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": 1024,
                    "max_pending_requests": _WAITING,
                    "max_requests": 4096,
                    "retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": 3},
                }
            ],
            "per_host_thresholds": [{"max_connections": _UNDER_WAY}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "upstreams.http.v3.HttpProtocolOptions",
                common_http_protocol_options={"idle_timeout": f"{_UPSTREAM_IDLE_S}s"},
                explicit_http_config={"http_protocol_options": {}},
            )
        },
    }


def _endpoints(service: str, snapshot: Snapshot) -> Resource:
    return {
        "@type": _CONFIG + "endpoint.v3.ClusterLoadAssignment",
        **_load(service, snapshot.endpoints(service)),
    }


def _load(cluster: str, endpoints: tuple[Endpoint, ...]) -> Resource:
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


def _overload(action: str, threshold: float) -> dict[str, Any]:
    monitor = "envoy.resource_monitors.fixed_heap"
    return {
        "name": f"envoy.overload_actions.{action}",
        "triggers": [{"name": monitor, "threshold": {"value": threshold}}],
    }
