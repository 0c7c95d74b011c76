"""Where the world comes in: the port, TLS, what a connection may ask at all, and what is written down of it.

Every bound here is one that a stranger would otherwise set: how large, how slow, how many, how often taken back.
"""

from __future__ import annotations

from typing import Any

from serai.gateway import filters
from serai.gateway.edge import Edge, Tls
from serai.gateway.filters import typed
from serai.gateway.problems import local_reply_config
from serai.gateway.routes import SILENCE_S
from serai.gateway.sources import CERTIFICATE_FILE, CERTIFICATE_NAME, Source

Resource = dict[str, Any]

_CONFIG = "type.googleapis.com/envoy.config."
MAX_HEADERS_KIB = 32
MAX_HEADERS = 100
MAX_STREAMS = 100
#: Headers that say who is calling or where to. Only we write them, so from outside they go.
_OURS = ("x-user-", "x-service-", "x-envoy-", "x-serai-")
_MISLEADING = (
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

#: What one HTTP/2 connection may have going on, and how much of it that is no request.
_HTTP2 = {
    "max_concurrent_streams": MAX_STREAMS,
    "initial_stream_window_size": 64 * 1024,
    "initial_connection_window_size": 1024 * 1024,
    # Of our answers, and of the acknowledgements that a flood of pings and settings asks for, what may wait unread.
    "max_outbound_frames": 2_000,
    "max_outbound_control_frames": 200,
    "max_consecutive_inbound_frames_with_empty_payload": 1,
    "max_inbound_priority_frames_per_stream": 10,
    "max_inbound_window_update_frames_per_data_frame_sent": 10,
    # One that says nothing is asked whether it is still there.
    "connection_keepalive": {"interval": "30s", "timeout": "10s"},
}
#: A connection is closed that had more than half of its requests taken back within a second, once it made so many.
#: And it has so many dealt with at a time before others have their turn.
RUNTIME = {
    "overload.premature_reset_total_stream_count": 200,
    "overload.premature_reset_min_stream_lifetime_seconds": 1,
    "http.max_requests_per_io_cycle": 20,
}


def listener(edge: Edge) -> Resource:
    return {
        "@type": _CONFIG + "listener.v3.Listener",
        "name": "edge",
        "address": {"socket_address": {"address": edge.bind, "port_value": edge.port}},
        # Two gateways on one port must collide, not share it silently.
        "enable_reuse_port": False,
        "per_connection_buffer_limit_bytes": 64 * 1024,
        "filter_chains": [
            {
                "filters": [
                    {"name": "envoy.filters.network.http_connection_manager", "typed_config": _connections(edge)}
                ],
                **({"transport_socket": _tls(edge.tls, edge.source)} if edge.tls else {}),
            }
        ],
    }


def _tls(tls: Tls, source: Source) -> Resource:
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


def _connections(edge: Edge) -> Resource:
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="edge",
        codec_type="AUTO",
        server_name="serai",
        rds={"route_config_name": "edge", "config_source": edge.source.of("routes.json")},
        http_filters=filters.chain(edge),
        local_reply_config=local_reply_config(tls=edge.tls is not None),
        # One spelling per path, before anything decides by it.
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        use_remote_address=True,
        xff_num_trusted_hops=edge.trusted_hops,
        # No caller is trusted for coming from a private address: a proxy on the same host has one too.
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
        stream_idle_timeout=f"{SILENCE_S}s",
        stream_error_on_invalid_http_message=False,
    )
    if edge.access_log:
        manager["access_log"] = [_access_log(edge.access_log_sample)]
    return manager


def _early_mutations() -> list[dict[str, Any]]:
    return [
        *({"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in _OURS),
        *({"remove": name} for name in _MISLEADING),
    ]


def _access_log(sample: float) -> Resource:
    """One line per request, in the words of the services' own lines. Nothing in it is what a client wrote freely."""
    return {
        "filter": _logged(sample),
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
                        # The template, never the path: paths hold ids, query strings hold more.
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


def _logged(share: float) -> Resource:
    """Every refusal and failure, and this share of the rest. Of what was refused because there was too much of it (429,
    and 503 where nothing was the matter with any instance) one line in a hundred: they come by the thousand, just
    when there is no time to write them, and metrics count them."""
    several = [
        # No dice for every request where all are kept.
        _status("LE", 399) if share == 1 else {"and_filter": {"filters": [_status("LE", 399), _share(share)]}},
        {"and_filter": {"filters": [_status("GE", 400), _status("LE", 428)]}},
        {"and_filter": {"filters": [_status("GE", 430), _status("LE", 502)]}},
        _status("GE", 504),
        {"response_flag_filter": {"flags": ["DC", "LH", "LR", "NC", "NR", "UC", "UF", "UH", "UPE", "UR", "URX", "UT"]}},
        {"and_filter": {"filters": [_status("GE", 429), _share(0.01)]}},
    ]
    return {"or_filter": {"filters": several}}


def _status(op: str, status: int) -> Resource:
    # Envoy wants a runtime key beside the number; nothing sets it.
    return {
        "status_code_filter": {"comparison": {"op": op, "value": {"default_value": status, "runtime_key": "serai"}}}
    }


def _share(share: float) -> Resource:
    some = {"numerator": round(share * 1_000_000), "denominator": "MILLION"}
    return {"runtime_filter": {"runtime_key": "serai", "percent_sampled": some, "use_independent_randomness": True}}
