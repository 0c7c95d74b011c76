"""Inputs of the function from a snapshot to Envoy's resources that show all it does, and a small shop to show it on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serai.gateway.edge import Edge, Tls
from serai.gateway.envoy import Resources, bootstrap, resources
from serai.gateway.limits import Limit
from serai.gateway.routes import WEB, client_document, service_routes
from serai.gateway.snapshot import Endpoint, Snapshot
from serai.gateway.sources import FromFiles, FromOutlet

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
_OPEN = Snapshot(services=_ONE_EACH, jwks={"keys": [_KEY]}, open=True)
_TLS = Tls(Path("/etc/serai/tls.crt"), Path("/etc/serai/tls.key"))
_LIMITS = {"default": None, "sign_in": Limit(60, 30), "orders": Limit(600, 600)}


def edge(**changed: Any) -> Edge:
    source = FromFiles(Path("/var/lib/serai/gateway/envoy"))
    return Edge(
        **{"bind": "127.0.0.1", "port": 8080, "source": source, "agent_port": 9999, "limits": _LIMITS, **changed}
    )


@dataclass(frozen=True)
class Setup:
    snapshot: Snapshot = _OPEN
    edge: Edge = field(default_factory=edge)

    def made(self) -> Resources:
        return resources(ROUTES, self.snapshot, self.edge)

    def document(self) -> dict[str, Any]:
        """All that Envoy is told."""
        found = self.made()
        return {
            "bootstrap": bootstrap(self.edge),
            "endpoints": dict(found.endpoints),
            "clusters": list(found.clusters),
            "extensions": list(found.extensions),
            "routes": list(found.routes),
            "listeners": list(found.listeners),
        }


SETUPS = {
    "closed": Setup(Snapshot()),
    "open": Setup(),
    "two-instances": Setup(Snapshot(services=_TWO_PRODUCTS, jwks={"keys": [_KEY]}, open=True)),
    "draining": Setup(Snapshot(services=_ONE_EACH, jwks={"keys": [_KEY]}, open=True, draining=True)),
    "tls": Setup(edge=edge(bind="::", port=443, tls=_TLS)),
    "cors": Setup(edge=edge(cors_origins=("https://app.example",))),
    "behind-proxies": Setup(edge=edge(hosts=("www.shop.example", "shop.example"), trusted_hops=2, access_log=False)),
    "by-outlet": Setup(edge=edge(source=FromOutlet())),
    "tls-by-outlet": Setup(edge=edge(source=FromOutlet(), tls=_TLS)),
}
