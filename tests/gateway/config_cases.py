"""Inputs of `build_resources` that cover its branches, for a small set of services."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from serai.gateway.config_source import FileSource, XdsSource
from serai.gateway.edge_config import Collector, EdgeConfig, Tls
from serai.gateway.envoy_resources import Resources, bootstrap, build_resources
from serai.gateway.rate_limits import RateLimit
from serai.gateway.routes import WEB, client_document, service_routes
from serai.gateway.system_state import Endpoint, SystemState

_KEY = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "key-1", "x": "A" * 43}
_PUBLIC = {"x-policy": "public"}
_WRITES = {"x-policy": "signed_in", "x-needs": "products:write"}
_WATCHES = {"x-policy": "signed_in", "x-needs": "monitoring:read"}
ROUTES = service_routes(
    {
        "user": {"paths": {"/api/auth/login": {"post": {**_PUBLIC, "x-rate-limit": "sign_in"}}}},
        "product": {
            "paths": {
                "/api/products": {"get": {"x-policy": "optional"}},
                "/api/products/{id}": {"get": _PUBLIC, "put": {**_WRITES, "x-max-body-bytes": 2 << 20}},
            }
        },
        "order": {"paths": {"/api/orders": {"post": {"x-policy": "signed_in", "x-rate-limit": "orders"}}}},
        "monitoring": {"paths": {"/api/monitoring/logs/tail": {"get": {**_WATCHES, "x-stream": True}}}},
        WEB: client_document(("/", "/products/{slug}", "/assets/{file}")),
    }
)
_ONE_EACH = {
    "user": (Endpoint("127.0.0.1", 4001),),
    "product": (Endpoint("127.0.0.1", 4002),),
    "order": (Endpoint("127.0.0.1", 4003),),
    "monitoring": (Endpoint("127.0.0.1", 4004),),
    WEB: (Endpoint("127.0.0.1", 4005),),
}
_TWO_PRODUCTS = {**_ONE_EACH, "product": (Endpoint("::1", 4012), Endpoint("127.0.0.1", 4002))}
_OPEN = SystemState(services=_ONE_EACH, jwks={"keys": [_KEY]}, open=True)
_TLS = Tls(Path("/etc/serai/tls.crt"), Path("/etc/serai/tls.key"))
_COLLECTOR = Collector("http://127.0.0.1:4318", {"x-token": "t"}, {"service.name": "gateway"})
_LIMITS = {"default": None, "sign_in": RateLimit(60, 30), "orders": RateLimit(600, 600)}


def edge_config(**changed: Any) -> EdgeConfig:
    source = FileSource(Path("/var/lib/serai/gateway/envoy"))
    return EdgeConfig(
        **{"bind": "127.0.0.1", "port": 8080, "source": source, "agent_port": 9999, "limits": _LIMITS, **changed}
    )


@dataclass(frozen=True)
class ConfigCase:
    state: SystemState = _OPEN
    edge: EdgeConfig = field(default_factory=edge_config)

    def build(self) -> Resources:
        return build_resources(ROUTES, self.state, self.edge)

    def document(self) -> dict[str, Any]:
        """The complete configuration of Envoy."""
        found = self.build()
        return {
            "bootstrap": bootstrap(self.edge),
            "endpoints": dict(found.endpoints),
            "clusters": list(found.clusters),
            "extensions": list(found.extensions),
            "routes": list(found.routes),
            "listeners": list(found.listeners),
        }


CONFIG_CASES = {
    "closed": ConfigCase(SystemState()),
    "open": ConfigCase(),
    "two-instances": ConfigCase(SystemState(services=_TWO_PRODUCTS, jwks={"keys": [_KEY]}, open=True)),
    "draining": ConfigCase(SystemState(services=_ONE_EACH, jwks={"keys": [_KEY]}, open=True, draining=True)),
    "tls": ConfigCase(edge=edge_config(bind="::", port=443, tls=_TLS)),
    "cors": ConfigCase(edge=edge_config(cors_origins=("https://app.example",))),
    "behind-proxies": ConfigCase(
        edge=edge_config(hosts=("www.shop.example", "shop.example"), trusted_hops=2, access_log=False)
    ),
    "collector": ConfigCase(edge=edge_config(collector=_COLLECTOR)),
    "collector-tls": ConfigCase(edge=edge_config(collector=replace(_COLLECTOR, url="https://otlp.example/base/"))),
    "xds": ConfigCase(edge=edge_config(source=XdsSource())),
    "tls-xds": ConfigCase(edge=edge_config(source=XdsSource(), tls=_TLS)),
}
