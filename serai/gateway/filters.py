"""Envoy's HTTP filters: the chain that every request passes before it is routed, and the configuration per route."""

from __future__ import annotations

import json
from typing import Any

from serai.gateway.edge_config import EdgeConfig
from serai.gateway.jwks import PLACEHOLDER_JWKS
from serai.gateway.local_replies import BEARER, UNFIT_HOST
from serai.gateway.rate_limits import RateLimit
from serai.gateway.system_state import SystemState
from serai.permissions import roles_with

_TYPE = "type.googleapis.com/envoy.extensions."
JWT = "envoy.filters.http.jwt_authn"
RBAC = "envoy.filters.http.rbac"
BUFFER = "envoy.filters.http.buffer"
LIMIT = "envoy.filters.http.local_ratelimit"
CORS = "envoy.filters.http.cors"
RATE_LIMIT_HEADERS = "serai.told_limit"
#: Compression levels. A higher one costs more time than it saves bytes, for JSON of a few kilobytes.
ENCODINGS: dict[str, dict[str, Any]] = {
    "brotli": {"quality": 4, "encoder_mode": "TEXT", "window_bits": 16},
    "gzip": {"compression_level": "COMPRESSION_LEVEL_4", "memory_level": 8, "window_bits": 15},
}
_MIN_COMPRESSED_BYTES = 1024

ISSUER = AUDIENCE = "serai"
_ALWAYS = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
#: Client addresses tracked per limited route. Beyond it, the least recently seen is dropped.
_MAX_TRACKED_CLIENTS = 20_000
_TOKEN_CACHE_SIZE = 4096
#: An access token is valid for ten minutes. One with a much longer lifetime was not issued by the user service.
_TOKEN_LIFE_S = 900
_CLOCK_SKEW_S = 5
#: A host name or an IP address, with or without a port.
_HOST = r"([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
#: The request ids that the services accept too.
_VALID_REQUEST_ID = "[A-Za-z0-9._-]{8,128}"


def typed(kind: str, **fields: Any) -> dict[str, Any]:
    return {"@type": _TYPE + kind, **fields}


def http_filters(edge: EdgeConfig) -> list[dict[str, Any]]:
    """The HTTP filters in their order.

    The request id comes first, because every response must carry a valid one. CORS comes before authentication, because
    a preflight carries no token. Rate limits come before the costly check of signatures. Authentication (JWT) comes
    before authorization (RBAC). The body is buffered last, only for requests that are allowed.
    """
    cors = [{"name": CORS, "typed_config": typed("filters.http.cors.v3.Cors")}] if edge.cors_origins else []
    # Has no limit by itself: each route configures its own.
    limits = {
        "name": LIMIT,
        "typed_config": typed("filters.http.local_ratelimit.v3.LocalRateLimit", stat_prefix="edge"),
    }
    rate_limit_headers = {
        "name": RATE_LIMIT_HEADERS,
        "disabled": True,
        "typed_config": typed("filters.http.header_mutation.v3.HeaderMutation"),
    }
    return [
        _request_id(),
        *cors,
        *map(_compressor, ENCODINGS),
        rate_limit_headers,
        limits,
        _jwt_by_discovery(edge),
        _rbac(),
        _buffer(edge),
        _router(),
    ]


def jwt(state: SystemState) -> dict[str, Any]:
    """Checks access tokens with inline keys. A resource of its own, so that new keys do not drain any connection."""
    keys = state.jwks if state.jwks.get("keys") else PLACEHOLDER_JWKS
    provider = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": json.dumps(keys, sort_keys=True)},
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        # The service verifies the token again, so it is forwarded.
        "forward": True,
        "payload_in_metadata": "token",
        "require_expiration": True,
        "max_lifetime": f"{_TOKEN_LIFE_S}s",
        "clock_skew_seconds": _CLOCK_SKEW_S,
        "jwt_cache_config": {"jwt_cache_size": _TOKEN_CACHE_SIZE, "jwt_max_token_size": 4096},
    }
    return {
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": JWT,
        "typed_config": typed(
            "filters.http.jwt_authn.v3.JwtAuthentication",
            providers={"user": provider},
            requirement_map={
                "signed_in": {"provider_name": "user"},
                # A missing token is a visitor, an invalid one is refused. So this must not be allow_missing_or_failed.
                "optional": {"requires_any": {"requirements": [{"provider_name": "user"}, {"allow_missing": {}}]}},
            },
        ),
    }


def per_route(policy: str, needs: str | None) -> dict[str, Any]:
    """The filter configuration of a route. Public routes have none, which keeps the catalogue fast.

    `needs` is the permission without which a user is refused, None for none.
    """
    if policy == "public":
        return {}
    requirement = "optional" if policy == "optional" else "signed_in"
    config = {JWT: typed("filters.http.jwt_authn.v3.PerRouteConfig", requirement_name=requirement)}
    if needs is not None:
        config[RBAC] = typed("filters.http.rbac.v3.RBACPerRoute", rbac={"rules": _only_with(needs)})
    return config


def body_limit(max_bytes: int) -> dict[str, Any]:
    return {BUFFER: typed("filters.http.buffer.v3.BufferPerRoute", buffer={"max_request_bytes": max_bytes})}


def rate_limit(name: str, limit: RateLimit) -> dict[str, Any]:
    """Limits this route's requests per client address."""
    return {
        LIMIT: typed(
            "filters.http.local_ratelimit.v3.LocalRateLimit",
            stat_prefix="edge",
            filter_enabled=_ALWAYS,
            filter_enforced=_ALWAYS,
            # Envoy requires a bucket for requests that match no descriptor. Every request has an address, so none use
            # it.
            token_bucket=limit.token_bucket(),
            rate_limits=[{"actions": [{"remote_address": {}}]}],
            # An entry without a value matches any value: Envoy makes one bucket per address.
            descriptors=[{"entries": [{"key": "remote_address"}], "token_bucket": limit.token_bucket()}],
            max_dynamic_descriptors=_MAX_TRACKED_CLIENTS,
            always_consume_default_token_bucket=False,
            enable_retry_after_header=True,
            enable_x_ratelimit_headers="DRAFT_VERSION_03",
        ),
        RATE_LIMIT_HEADERS: _enabled(
            typed("filters.http.header_mutation.v3.HeaderMutationPerRoute", mutations=_rate_limit_headers(name, limit))
        ),
    }


def _rate_limit_headers(name: str, limit: RateLimit) -> dict[str, Any]:
    """Translates Envoy's X-RateLimit headers into those that clients know: RateLimit and RateLimit-Policy of the later
    IETF drafts, and RateLimit-Limit, -Remaining and -Reset of the earlier ones, which most libraries read."""
    headers = {
        "ratelimit-limit": "%RESP(X-RATELIMIT-LIMIT)%",
        "ratelimit-remaining": "%RESP(X-RATELIMIT-REMAINING)%",
        "ratelimit-reset": "%RESP(X-RATELIMIT-RESET)%",
        "ratelimit-policy": f'"{name}";q={limit.burst};w={limit.window_s}',
        "ratelimit": f'"{name}";r=%RESP(X-RATELIMIT-REMAINING)%;t=%RESP(X-RATELIMIT-RESET)%',
    }
    return {
        "response_mutations": [
            *({"append": {"header": {"key": key, "value": value}}} for key, value in headers.items()),
            *({"remove": f"x-ratelimit-{word}"} for word in ("limit", "remaining", "reset")),
        ]
    }


def compression() -> dict[str, Any]:
    """Enables compression of a route's responses for clients that accept it."""
    overrides: dict[str, Any] = {"response_direction_config": {}}
    return {
        _compressor_name(encoding): _enabled(
            typed("filters.http.compressor.v3.CompressorPerRoute", overrides=overrides)
        )
        for encoding in ENCODINGS
    }


def _compressor_name(encoding: str) -> str:
    return f"serai.{encoding}"


def _compressor(encoding: str) -> dict[str, Any]:
    """Compresses text of `_MIN_COMPRESSED_BYTES` or more, unless the service compressed it. Strong entity tags become
    weak.
    """
    library = {
        "name": encoding,
        "typed_config": typed(f"compression.{encoding}.compressor.v3.{encoding.capitalize()}", **ENCODINGS[encoding]),
    }
    return {
        "name": _compressor_name(encoding),
        "disabled": True,
        "typed_config": typed(
            "filters.http.compressor.v3.Compressor",
            response_direction_config={
                "common_config": {"min_content_length": _MIN_COMPRESSED_BYTES},
                "weaken_etag_on_compress": True,
            },
            compressor_library=library,
            # If a client accepts both with the same weight.
            choose_first=encoding == "brotli",
        ),
    }


def _enabled(config: dict[str, Any]) -> dict[str, Any]:
    """Enables, for one route, a filter that is disabled in the chain."""
    return {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": config}


def _request_id() -> dict[str, Any]:
    """Replaces an invalid request id. A valid id of the client stays; Envoy has already generated a missing one.

    The matcher lets most requests skip the replacement after one comparison. Early header mutations have no condition;
    doing it there took an eighth of the time of a request.
    """
    replacement = {
        "append": {
            "header": {"key": "x-request-id", "value": "%UNIQUE_ID%"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }
    skip_valid_ids = {
        "predicate": {
            "single_predicate": {
                "input": {
                    "name": "id",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                        "header_name": "x-request-id",
                    },
                },
                "value_match": {"safe_regex": {"google_re2": {}, "regex": _VALID_REQUEST_ID}},
            }
        },
        "on_match": {
            "action": {"name": "skip", "typed_config": typed("filters.common.matcher.action.v3.SkipFilter")},
        },
    }
    config = typed("filters.http.header_mutation.v3.HeaderMutation", mutations={"request_mutations": [replacement]})
    return {
        "name": "serai.request_id",
        "typed_config": typed(
            "common.matching.v3.ExtensionWithMatcher",
            extension_config={"name": "envoy.filters.http.header_mutation", "typed_config": config},
            xds_matcher={"matcher_list": {"matchers": [skip_valid_ids]}},
        ),
    }


def _jwt_by_discovery(edge: EdgeConfig) -> dict[str, Any]:
    return {
        "name": JWT,
        "config_discovery": {
            "config_source": edge.source.for_file("jwt.json"),
            "type_urls": [_TYPE + "filters.http.jwt_authn.v3.JwtAuthentication"],
        },
    }


def _rbac() -> dict[str, Any]:
    """Refuses on every route: credentials other than one bearer token, CONNECT, and an invalid Host.

    Other credentials: a visitor must not authenticate as a service, or as two users. CONNECT: a tunnel has no path to
    match, and its body never ends. Host: Envoy joins two Host headers and would forward them, so anything that is not
    one host name or address is refused.
    """
    unfit = [{"header": {"name": "authorization", "present_match": True}}, {"not_id": _valid_credential()}]
    rules = {
        "action": "DENY",
        "policies": {
            "unfit_credential": {"permissions": [{"any": True}], "principals": [{"and_ids": {"ids": unfit}}]},
            "tunnel": {
                "permissions": [{"header": {"name": ":method", "string_match": {"exact": "CONNECT"}}}],
                "principals": [{"any": True}],
            },
            UNFIT_HOST: {"permissions": [{"not_rule": _valid_host()}], "principals": [{"any": True}]},
        },
    }
    return {"name": RBAC, "typed_config": typed("filters.http.rbac.v3.RBAC", rules=rules)}


def _only_with(permission: str) -> dict[str, Any]:
    """Admits tokens of the roles that have the permission; a token carries its role only."""
    return {
        "action": "ALLOW",
        "policies": {
            permission: {
                "permissions": [_valid_host()],
                "principals": [
                    {"and_ids": {"ids": [_has_role(role), _valid_credential()]}} for role in roles_with(permission)
                ],
            }
        },
    }


def _has_role(role: str) -> dict[str, Any]:
    value = {"string_match": {"exact": role}}
    claim = {"filter": JWT, "path": [{"key": "token"}, {"key": "role"}], "value": value}
    return {"sourced_metadata": {"metadata_matcher": claim}}


def _valid_credential() -> dict[str, Any]:
    # Envoy joins two Authorization headers with a comma, which the expression does not match.
    return {"header": {"name": "authorization", "string_match": {"safe_regex": {"regex": BEARER}}}}


def _valid_host() -> dict[str, Any]:
    return {"header": {"name": ":authority", "string_match": {"safe_regex": {"regex": _HOST}}}}


def _buffer(edge: EdgeConfig) -> dict[str, Any]:
    """Reads the complete body before the service gets the request: a service sees no oversized and no slow body."""
    config = typed("filters.http.buffer.v3.Buffer", max_request_bytes=edge.max_body_bytes)
    return {"name": BUFFER, "typed_config": config}


def _router() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": typed("filters.http.router.v3.Router", suppress_envoy_headers=True),
    }
