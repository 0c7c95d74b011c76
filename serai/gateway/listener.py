"""Envoy's listener: the port, TLS, the limits of a connection, and the access log.

The limits bound what a client can impose: sizes, timeouts, numbers of streams and frames, and rates of resets.
"""

from __future__ import annotations

from typing import Any

from serai.gateway import filters, tracing
from serai.gateway.config_source import CERTIFICATE_FILE, CERTIFICATE_NAME, ConfigSource
from serai.gateway.edge_config import EdgeConfig, Tls
from serai.gateway.filters import typed
from serai.gateway.local_replies import local_reply_config
from serai.gateway.routes import IDLE_TIMEOUT_S

Resource = dict[str, Any]

_CONFIG = "type.googleapis.com/envoy.config."
MAX_HEADERS_KIB = 32
MAX_HEADERS = 100
MAX_STREAMS = 100
#: Internal headers (identity, routing). They are removed from clients' requests: only the gateway and services set
#: them.
_INTERNAL_PREFIXES = ("x-user-", "x-service-", "x-envoy-", "x-serai-")
#: Headers that claim another host, path, method or address. They are removed from clients' requests.
_UNTRUSTED_HEADERS = (
    "forwarded",
    "proxy",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "x-forwarded-user",
    "x-http-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
)

#: Limits of one HTTP/2 connection, including frames that are not requests.
_HTTP2 = {
    "max_concurrent_streams": MAX_STREAMS,
    "initial_stream_window_size": 64 * 1024,
    "initial_connection_window_size": 1024 * 1024,
    # Frames that the client has not read yet: responses, and acknowledgements (of floods of PING and SETTINGS frames).
    "max_outbound_frames": 2_000,
    "max_outbound_control_frames": 200,
    "max_consecutive_inbound_frames_with_empty_payload": 1,
    "max_inbound_priority_frames_per_stream": 10,
    "max_inbound_window_update_frames_per_data_frame_sent": 10,
    # Idle connections are checked with PING frames.
    "connection_keepalive": {"interval": "30s", "timeout": "10s"},
}
#: A connection is closed if it made this many requests and reset more than half of them within a second (rapid reset,
#: CVE-2023-44487). `max_requests_per_io_cycle` lets other connections have their turn.
RUNTIME = {
    "overload.premature_reset_total_stream_count": 200,
    "overload.premature_reset_min_stream_lifetime_seconds": 1,
    "http.max_requests_per_io_cycle": 20,
}


def listener(edge: EdgeConfig) -> Resource:
    return {
        "@type": _CONFIG + "listener.v3.Listener",
        "name": "edge",
        "address": {"socket_address": {"address": edge.bind, "port_value": edge.port}},
        # A second gateway on the same port must fail to start, not share it silently.
        "enable_reuse_port": False,
        "per_connection_buffer_limit_bytes": 64 * 1024,
        "filter_chains": [
            {
                "filters": [
                    {"name": "envoy.filters.network.http_connection_manager", "typed_config": _connection_manager(edge)}
                ],
                **({"transport_socket": _tls(edge.tls, edge.source)} if edge.tls else {}),
            }
        ],
    }


def _tls(tls: Tls, source: ConfigSource) -> Resource:
    common: Resource = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
    }
    if (secret := source.secret(CERTIFICATE_FILE)) is not None:
        common["tls_certificate_sds_secret_configs"] = [{"name": CERTIFICATE_NAME, "sds_config": secret}]
    else:
        files = {"certificate_chain": {"filename": str(tls.certificate)}, "private_key": {"filename": str(tls.key)}}
        common["tls_certificates"] = [files]
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed("transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context=common),
    }


def _connection_manager(edge: EdgeConfig) -> Resource:
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="edge",
        codec_type="AUTO",
        server_name="serai",
        rds={"route_config_name": "edge", "config_source": edge.source.for_file("routes.json")},
        http_filters=filters.http_filters(edge),
        local_reply_config=local_reply_config(tls=edge.tls is not None),
        # Normalize paths before anything decides by them.
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        use_remote_address=True,
        xff_num_trusted_hops=edge.trusted_hops,
        # No client is trusted because of a private address: a proxy on the same host has one too.
        internal_address_config={"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        early_header_mutation_extensions=[
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": typed(
                    "http.early_header_mutation.header_mutation.v3.HeaderMutation", mutations=_early_mutations()
                ),
            }
        ],
        preserve_external_request_id=True,
        always_set_request_id_in_response=True,
        request_id_extension={"typed_config": typed("request_id.uuid.v3.UuidRequestIdConfig", pack_trace_reason=False)},
        max_request_headers_kb=MAX_HEADERS_KIB,
        common_http_protocol_options={
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_headers_count": MAX_HEADERS,
            "idle_timeout": "75s",
        },
        http2_protocol_options=_HTTP2,
        request_headers_timeout=f"{edge.headers_timeout_s:g}s",
        request_timeout=f"{edge.request_timeout_s:g}s",
        stream_idle_timeout=f"{IDLE_TIMEOUT_S}s",
        stream_error_on_invalid_http_message=False,
    )
    logs = [_access_log(edge.access_log_sample)] if edge.access_log else []
    if edge.collector is not None:
        manager["tracing"] = tracing.tracing_config(edge.collector)
        logs.append(tracing.access_log(edge.collector, _log_filter(_sampled(1, tracing.LOGGED))))
    if logs:
        manager["access_log"] = logs
    return manager


def _early_mutations() -> list[dict[str, Any]]:
    return [
        *({"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in _INTERNAL_PREFIXES),
        *({"remove": name} for name in _UNTRUSTED_HEADERS),
    ]


def _access_log(sample: float) -> Resource:
    """One JSON line per request, with the fields of the services' log lines. It contains no free text from a client."""
    return {
        "filter": _log_filter(_sampled(sample) if sample < 1 else None),
        "name": "envoy.access_loggers.stdout",
        "typed_config": typed(
            "access_loggers.stream.v3.StdoutAccessLog",
            log_format={
                "json_format": {
                    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
                    "service": "gateway",
                    "level": "info",
                    "message": "request",
                    "request_id": "%REQ(X-REQUEST-ID)%",
                    "fields": {
                        "method": "%REQ(:METHOD)%",
                        # The route's template, not the path: paths contain ids, and query strings contain more.
                        "route": "%ROUTE_NAME%",
                        "status": "%RESPONSE_CODE%",
                        "duration_ms": "%DURATION%",
                        "bytes": "%BYTES_SENT%",
                        "callee": "%UPSTREAM_CLUSTER%",
                        "instance": "%UPSTREAM_HOST%",
                        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
                        "reason": "%RESPONSE_CODE_DETAILS%",
                        "flags": "%RESPONSE_FLAGS%",
                        "protocol": "%PROTOCOL%",
                    },
                }
            },
        ),
    }


def _log_filter(successful: Resource | None) -> Resource:
    """Logs all errors, and the successful requests that pass the filter `successful`. Of requests refused for load
    (429, and 503 without a failure of an instance) it logs one in a hundred: they come in thousands, when there is no
    time to write them, and metrics count them.
    """
    conditions = [
        {"and_filter": {"filters": [_status("LE", 399), successful]}} if successful else _status("LE", 399),
        {"and_filter": {"filters": [_status("GE", 400), _status("LE", 428)]}},
        {"and_filter": {"filters": [_status("GE", 430), _status("LE", 502)]}},
        _status("GE", 504),
        {"response_flag_filter": {"flags": ["DC", "LH", "LR", "NC", "NR", "UC", "UF", "UH", "UPE", "UR", "URX", "UT"]}},
        {"and_filter": {"filters": [_status("GE", 429), _sampled(0.01)]}},
    ]
    return {"or_filter": {"filters": conditions}}


def _status(op: str, status: int) -> Resource:
    # Envoy requires a runtime key beside the number. Nothing sets it.
    return {
        "status_code_filter": {"comparison": {"op": op, "value": {"default_value": status, "runtime_key": "serai"}}}
    }


def _sampled(share: float, runtime_key: str = "serai") -> Resource:
    """Passes this share of the requests, unless the runtime has another one under the key."""
    some = {"numerator": round(share * 1_000_000), "denominator": "MILLION"}
    return {"runtime_filter": {"runtime_key": runtime_key, "percent_sampled": some, "use_independent_randomness": True}}
