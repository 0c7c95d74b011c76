"""What every request goes through before it is routed, in this order, and why each step stands where it does."""

from __future__ import annotations

import json
from typing import Any

from serai.gateway.edge import Edge
from serai.gateway.limits import Limit
from serai.gateway.problems import BEARER, UNFIT_HOST
from serai.gateway.snapshot import NOBODY, Snapshot
from serai.permissions import roles_with

_TYPE = "type.googleapis.com/envoy.extensions."
JWT = "envoy.filters.http.jwt_authn"
RBAC = "envoy.filters.http.rbac"
BUFFER = "envoy.filters.http.buffer"
LIMIT = "envoy.filters.http.local_ratelimit"
CORS = "envoy.filters.http.cors"
TOLD = "serai.told_limit"
#: How hard each tries: where the next step costs more time than it saves bytes, for JSON of a few kilobytes.
ENCODINGS: dict[str, dict[str, Any]] = {
    "brotli": {"quality": 4, "encoder_mode": "TEXT", "window_bits": 16},
    "gzip": {"compression_level": "COMPRESSION_LEVEL_4", "memory_level": 8, "window_bits": 15},
}
_WORTH_BYTES = 1024

ISSUER = AUDIENCE = "serai"
_ALWAYS = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
#: Clients we will remember at once per limited route; the one unseen longest is forgotten first.
_MAX_CLIENTS = 20_000
_REMEMBERED_TOKENS = 4096
#: An access token lives ten minutes; one that claims much more was not made by us.
_TOKEN_LIFE_S = 900
_CLOCK_SKEW_S = 5
#: A name or an address, with or without a port.
_HOST = r"([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
#: What a service takes for a sane id too.
_SANE_REQUEST_ID = "[A-Za-z0-9._-]{8,128}"


def typed(kind: str, **fields: Any) -> dict[str, Any]:
    return {"@type": _TYPE + kind, **fields}


def chain(edge: Edge) -> list[dict[str, Any]]:
    """The HTTP filters, first to last.

    Every answer must be found again by its request's id, so that is put right first. A preflight carries no token, so
    CORS comes before it is asked for; a flood is stopped before signatures are checked; who is calling comes before
    what they may do; and only what is allowed gets its body read.
    """
    cors = [{"name": CORS, "typed_config": typed("filters.http.cors.v3.Cors")}] if edge.cors_origins else []
    # Limits nothing by itself: routes bring their own figures.
    limits = {
        "name": LIMIT,
        "typed_config": typed("filters.http.local_ratelimit.v3.LocalRateLimit", stat_prefix="edge"),
    }
    told = {
        "name": TOLD,
        "disabled": True,
        "typed_config": typed("filters.http.header_mutation.v3.HeaderMutation"),
    }
    return [
        _request_id(),
        *cors,
        *map(_compressor, ENCODINGS),
        told,
        limits,
        _jwt_by_discovery(edge),
        _rbac(),
        _buffer(edge),
        _router(),
    ]


def jwt(snapshot: Snapshot) -> dict[str, Any]:
    """Checks access tokens against keys given inline. A resource of its own, so that new keys disturb no connection."""
    keys = snapshot.jwks if snapshot.jwks.get("keys") else NOBODY
    provider = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": json.dumps(keys, sort_keys=True)},
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        # The service verifies the token again, so it goes on.
        "forward": True,
        "payload_in_metadata": "token",
        "require_expiration": True,
        "max_lifetime": f"{_TOKEN_LIFE_S}s",
        "clock_skew_seconds": _CLOCK_SKEW_S,
        "jwt_cache_config": {"jwt_cache_size": _REMEMBERED_TOKENS, "jwt_max_token_size": 4096},
    }
    return {
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": JWT,
        "typed_config": typed(
            "filters.http.jwt_authn.v3.JwtAuthentication",
            providers={"user": provider},
            requirement_map={
                "signed_in": {"provider_name": "user"},
                # A missing token is a visitor; a bad one is refused. Never allow_missing_or_failed.
                "optional": {"requires_any": {"requirements": [{"provider_name": "user"}, {"allow_missing": {}}]}},
            },
        ),
    }


def per_route(policy: str, needs: str | None) -> dict[str, Any]:
    """What one route asks beyond the common chain. Public routes carry nothing, which keeps the catalogue quick."""
    if policy == "public":
        return {}
    requirement = "optional" if policy == "optional" else "signed_in"
    config = {JWT: typed("filters.http.jwt_authn.v3.PerRouteConfig", requirement_name=requirement)}
    if needs is not None:
        config[RBAC] = typed("filters.http.rbac.v3.RBACPerRoute", rbac={"rules": _only_with(needs)})
    return config


def body_limit(max_bytes: int) -> dict[str, Any]:
    return {BUFFER: typed("filters.http.buffer.v3.BufferPerRoute", buffer={"max_request_bytes": max_bytes})}


def rate_limit(name: str, limit: Limit) -> dict[str, Any]:
    """Counts this route's requests by client address."""
    return {
        LIMIT: typed(
            "filters.http.local_ratelimit.v3.LocalRateLimit",
            stat_prefix="edge",
            filter_enabled=_ALWAYS,
            filter_enforced=_ALWAYS,
            # Envoy insists on a bucket for requests without an address; there are none.
            token_bucket=limit.token_bucket(),
            rate_limits=[{"actions": [{"remote_address": {}}]}],
            # An entry without a value stands for any: one bucket for each address that appears.
            descriptors=[{"entries": [{"key": "remote_address"}], "token_bucket": limit.token_bucket()}],
            max_dynamic_descriptors=_MAX_CLIENTS,
            always_consume_default_token_bucket=False,
            enable_retry_after_header=True,
            enable_x_ratelimit_headers="DRAFT_VERSION_03",
        ),
        TOLD: _enabled(typed("filters.http.header_mutation.v3.HeaderMutationPerRoute", mutations=_told(name, limit))),
    }


def _told(name: str, limit: Limit) -> dict[str, Any]:
    """What Envoy says in a header family of its own, in the words that clients know: both those of the later drafts
    of the standard (RateLimit, RateLimit-Policy) and those of the earlier ones, which most libraries read."""
    told = {
        "ratelimit-limit": "%RESP(X-RATELIMIT-LIMIT)%",
        "ratelimit-remaining": "%RESP(X-RATELIMIT-REMAINING)%",
        "ratelimit-reset": "%RESP(X-RATELIMIT-RESET)%",
        "ratelimit-policy": f'"{name}";q={limit.burst};w={limit.window_s}',
        "ratelimit": f'"{name}";r=%RESP(X-RATELIMIT-REMAINING)%;t=%RESP(X-RATELIMIT-RESET)%',
    }
    return {
        "response_mutations": [
            *({"append": {"header": {"key": key, "value": value}}} for key, value in told.items()),
            *({"remove": f"x-ratelimit-{word}"} for word in ("limit", "remaining", "reset")),
        ]
    }


def compression() -> dict[str, Any]:
    """Lets a route's answers be compressed for clients that say they can read it."""
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
    """Compresses text that is worth it and that its service has not compressed itself; a weak entity tag stays."""
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
                "common_config": {"min_content_length": _WORTH_BYTES},
                "weaken_etag_on_compress": True,
            },
            compressor_library=library,
            # Where a client likes both alike.
            choose_first=encoding == "brotli",
        ),
    }


def _enabled(config: dict[str, Any]) -> dict[str, Any]:
    """Puts a filter, which the chain only names, into the way of one route's requests."""
    return {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": config}


def _request_id() -> dict[str, Any]:
    """Replaces an id that is not a sane token, and lets the caller's stand otherwise; Envoy made one where none was.

    Most requests skip the replacement after one comparison: asking in the early mutations, which have no condition of
    their own, took an eighth of the time of a request.
    """
    replacement = {
        "append": {
            "header": {"key": "x-request-id", "value": "%UNIQUE_ID%"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }
    skip_the_sane = {
        "predicate": {
            "single_predicate": {
                "input": {
                    "name": "id",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                        "header_name": "x-request-id",
                    },
                },
                "value_match": {"safe_regex": {"google_re2": {}, "regex": _SANE_REQUEST_ID}},
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
            xds_matcher={"matcher_list": {"matchers": [skip_the_sane]}},
        ),
    }


def _jwt_by_discovery(edge: Edge) -> dict[str, Any]:
    return {
        "name": JWT,
        "config_discovery": {
            "config_source": edge.source.of("jwt.json"),
            "type_urls": [_TYPE + "filters.http.jwt_authn.v3.JwtAuthentication"],
        },
    }


def _rbac() -> dict[str, Any]:
    """Refuses a credential of another kind on every route, so that no visitor speaks as a service or as two people.

    A tunnel is refused as well: nothing would be matched by its path, and its body never ends. And so is a request
    that names two hosts, or none that could be one: Envoy joins them and would pass them on.
    """
    unfit = [{"header": {"name": "authorization", "present_match": True}}, {"not_id": _fit_credential()}]
    rules = {
        "action": "DENY",
        "policies": {
            "unfit_credential": {"permissions": [{"any": True}], "principals": [{"and_ids": {"ids": unfit}}]},
            "tunnel": {
                "permissions": [{"header": {"name": ":method", "string_match": {"exact": "CONNECT"}}}],
                "principals": [{"any": True}],
            },
            UNFIT_HOST: {"permissions": [{"not_rule": _fit_host()}], "principals": [{"any": True}]},
        },
    }
    return {"name": RBAC, "typed_config": typed("filters.http.rbac.v3.RBAC", rules=rules)}


def _only_with(permission: str) -> dict[str, Any]:
    """Admits tokens of the roles that have the permission; a token carries its role only."""
    return {
        "action": "ALLOW",
        "policies": {
            permission: {
                "permissions": [_fit_host()],
                "principals": [
                    {"and_ids": {"ids": [_has_role(role), _fit_credential()]}} for role in roles_with(permission)
                ],
            }
        },
    }


def _has_role(role: str) -> dict[str, Any]:
    value = {"string_match": {"exact": role}}
    claim = {"filter": JWT, "path": [{"key": "token"}, {"key": "role"}], "value": value}
    return {"sourced_metadata": {"metadata_matcher": claim}}


def _fit_credential() -> dict[str, Any]:
    # Two Authorization headers are seen joined by a comma, which the expression does not allow.
    return {"header": {"name": "authorization", "string_match": {"safe_regex": {"regex": BEARER}}}}


def _fit_host() -> dict[str, Any]:
    return {"header": {"name": ":authority", "string_match": {"safe_regex": {"regex": _HOST}}}}


def _buffer(edge: Edge) -> dict[str, Any]:
    """A body is read whole before a service hears of it: never too large there, nor a byte at a time."""
    config = typed("filters.http.buffer.v3.Buffer", max_request_bytes=edge.max_body_bytes)
    return {"name": BUFFER, "typed_config": config}


def _router() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": typed("filters.http.router.v3.Router", suppress_envoy_headers=True),
    }
