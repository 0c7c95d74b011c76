"""Configurations of an Envoy that does nothing but what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPES = "type.googleapis.com/envoy.extensions.filters"


def configuration(port: int, route: dict[str, Any]) -> dict[str, Any]:
    """Routes everything to one destination without checks; `route` is the result of `responds` or `forwards`."""
    route_config = {
        "name": "all",
        "max_direct_response_body_size_bytes": 1 << 20,
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **route["route"]}]}],
    }
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bare",
        "route_config": route_config,
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_TYPES}.http.router.v3.Router"}}
        ],
    }
    listener = {
        "name": "bare",
        "address": _address(port),
        "enable_reuse_port": False,
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    return {"static_resources": {"listeners": [listener], "clusters": route.get("clusters", [])}}


def responds(body: bytes, headers: Mapping[str, str] = {}) -> dict[str, Any]:
    """Envoy returns a direct response."""
    answer = {"status": 200, "body": {"inline_string": body.decode()}}
    header_options = [
        {"header": {"key": key, "value": value}}
        for key, value in {"content-type": "application/json", **headers}.items()
    ]
    return {"route": {"direct_response": answer, "response_headers_to_add": header_options}}


def forwards(port: int) -> dict[str, Any]:
    """Envoy forwards to that port."""
    endpoint = {"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}
    cluster = {
        "name": "upstream",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": "upstream", "endpoints": [endpoint]},
    }
    return {"route": {"route": {"cluster": "upstream"}}, "clusters": [cluster]}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
