"""Envoy's spans and access log for a collector (OTLP over HTTP).

Envoy chooses traces by a share of the requests. The agent adjusts this share to a budget of traces per second
(`share_for`), so that a quiet shop shows every trace and a busy one a steady number. Services follow Envoy's choice,
which the `traceparent` carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serai.gateway.edge_config import Collector
from serai.gateway.filters import typed

Resource = dict[str, Any]

CLUSTER = "collector"
#: The keys of Envoy's runtime for the share of requests that are traced, and for the share of the lines of successful
#: requests that are exported.
TRACED, LOGGED = "tracing.random_sampling", "serai.exported_lines"
_TIMEOUT_S = 3
#: Tags of Envoy that contain text or the address of a client. A custom tag of the same name replaces them.
_PERSONAL_TAGS = ("http.url", "user_agent", "peer.address", "downstream_cluster")


def share_for(requests_per_s: float, budget_per_s: float) -> float:
    """The share of requests, between 0 and 1, that makes `budget_per_s` of them."""
    return min(budget_per_s / requests_per_s, 1.0) if requests_per_s > 0 else 1.0


def runtime_value(share: float) -> str:
    """A share as Envoy's runtime reads it; at least one in ten thousand."""
    return f'{{"numerator":{max(round(share * 10_000), 1)},"denominator":"TEN_THOUSAND"}}'


def tracing_config(collector: Collector) -> Resource:
    """The `tracing` field of Envoy's connection manager."""
    return {
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "http_service": _http_service(collector, "traces"),
                "service_name": collector.resource["service.name"],
                "resource_detectors": [
                    {
                        "name": "envoy.tracers.opentelemetry.resource_detectors.static_config",
                        "typed_config": typed(
                            "tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig",
                            attributes=dict(collector.resource),
                        ),
                    }
                ],
            },
        },
        # Until the agent sets `TRACED`. The header of Envoy with which a client asks for a trace has no effect.
        "client_sampling": {"value": 0},
        "random_sampling": {"value": 100},
        "overall_sampling": {"value": 100},
        "custom_tags": [{"tag": tag, "literal": {"value": "-"}} for tag in _PERSONAL_TAGS],
    }


def collector_cluster(collector: Collector) -> Resource:
    """What differs from other clusters. The collector is outside the registry."""
    address = {"socket_address": {"address": collector.host, "port_value": collector.port}}
    found: Resource = {
        "type": "STRICT_DNS",
        "load_assignment": {
            "cluster_name": CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    if collector.tls:
        found["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": typed(
                "transport_sockets.tls.v3.UpstreamTlsContext",
                sni=collector.host,
                common_tls_context={
                    "validation_context": {
                        "trusted_ca": {"filename": "/etc/ssl/certs/ca-certificates.crt"},
                        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": collector.host}}],
                    }
                },
            ),
        }
    return found


def access_log(collector: Collector, log_filter: Resource) -> Resource:
    """An entry of the field `access_log` of the connection manager, with the fields of the log on standard output."""
    fields = {
        "method": "%REQ(:METHOD)%",
        "route": "%ROUTE_NAME%",
        "status": "%RESPONSE_CODE%",
        "duration_ms": "%DURATION%",
        "callee": "%UPSTREAM_CLUSTER%",
        "instance": "%UPSTREAM_HOST%",
        "reason": "%RESPONSE_CODE_DETAILS%",
        "request_id": "%REQ(X-REQUEST-ID)%",
    }
    return {
        "name": "envoy.access_loggers.open_telemetry",
        "filter": log_filter,
        "typed_config": typed(
            "access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
            http_service=_http_service(collector, "logs"),
            disable_builtin_labels=True,
            resource_attributes=_attributes(collector.resource),
            body={"string_value": "request"},
            attributes=_attributes(fields),
        ),
    }


def _attributes(values: Mapping[str, str]) -> Resource:
    return {"values": [{"key": key, "value": {"string_value": value}} for key, value in values.items()]}


def _http_service(collector: Collector, signal: str) -> Resource:
    return {
        "http_uri": {
            "uri": f"{collector.url.rstrip('/')}/v1/{signal}",
            "cluster": CLUSTER,
            "timeout": f"{_TIMEOUT_S}s",
        },
        "request_headers_to_add": [
            {"header": {"key": key, "value": value}} for key, value in collector.headers.items()
        ],
    }
