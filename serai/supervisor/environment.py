"""The environment of each process of a local installation: its own secrets and addresses, and no other service's."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from serai import demo, topology
from serai.commerce.currency import Currency
from serai.supervisor import replicas as replica_counts
from serai.supervisor.home import Home
from serai.supervisor.keys import Keys
from serai.supervisor.urls import url_of

#: Identifies a process as part of an installation, so that orphans of a killed supervisor can be found reliably.
INSTALLATION_VARIABLE = "SERAI_SUPERVISED_BY"

#: Secrets in the caller's environment. Each is passed only to the service that needs it.
_SECRETS = (
    "DATABASE_URL",
    "SERAI_DATABASE_URL",
    "SERAI_DATABASE_PASSWORDS",
    "SERAI_JWT_KEYS",
    "SERAI_REGISTRY_TOKEN",
    "SERAI_SERVICE_KEY",
    "SERAI_XDS_TOKEN",
    "SMTP_URL",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
)

#: Set by developers who want no bytecode files. Thirteen processes would then compile every module at every start.
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"

#: Connections of each service's pool. Two cores execute no more statements in parallel, and a connection costs 4 MB.
_DATABASE_POOL = "4"
#: LISTEN uses a connection outside the pool. The others are the supervisor's own connections and the minimum of
#: max_connections.
_EXTRA_CONNECTIONS = 2
_OWN_CONNECTIONS = 20
_CONNECTIONS = 200


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that the settings of a run's processes depend on."""

    home: Home
    keys: Keys
    ports: Mapping[str, int]
    admin_url: str
    port: int
    bind: str
    public_url: str
    #: The caller's environment.
    environ: Mapping[str, str]
    #: The number of processes by name, where it is not one.
    replicas: Mapping[str, int] = field(default_factory=dict)

    @property
    def discovery_urls(self) -> list[str]:
        return [self.discovery_url(number) for number in replica_counts.numbers(self.replicas, "discovery")]

    @property
    def gateway_urls(self) -> list[str]:
        return [self.gateway_url(number) for number in replica_counts.numbers(self.replicas, "gateway")]

    def discovery_url(self, number: int) -> str:
        return f"http://127.0.0.1:{self.ports[_port_name('discovery', number)]}"

    def gateway_url(self, number: int) -> str:
        """The gateway's address on this machine, which may differ from the public one."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.bind, self.bind)  # noqa: S104  compared, not bound
        secure = bool(self.environ.get("SERAI_TLS_CERT"))
        return f"{'https' if secure else 'http'}://{host}:{self.gateway_port(number)}"

    def gateway_port(self, number: int) -> int:
        return self.port if number == 1 else self.ports[_port_name("gateway", number)]

    @property
    def public_host(self) -> str:
        """The host name that the gateway serves, and may require (SERAI_HOSTS)."""
        return urlsplit(self.public_url).netloc

    @property
    def real_stripe(self) -> bool:
        return self.is_set("STRIPE_SECRET_KEY") and self.is_set("STRIPE_WEBHOOK_SECRET")

    @property
    def real_mail(self) -> bool:
        return self.is_set("SMTP_URL")

    @property
    def sandboxed(self) -> list[str]:
        """The external systems that the sandbox replaces."""
        return [name for name, real in (("stripe", self.real_stripe), ("mail", self.real_mail)) if not real]

    @property
    def demo_orders(self) -> bool:
        """Whether a new shop gets past orders. Never where that would cost money or send real emails."""
        return self.sandboxed == ["stripe", "mail"] and self.environ.get("SERAI_DEMO_ORDERS") != "off"

    def is_set(self, name: str) -> bool:
        return bool(self.environ.get(name) or self.environ.get(f"{name}_FILE"))


def gateway_port() -> int:
    """Raises ValueError."""
    text = os.environ.get("SERAI_PORT") or "8080"
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= 65535:
        raise ValueError(f"SERAI_PORT is {text!r}; it must be a number from 1 to 65535")
    return port


def currency(environ: Mapping[str, str]) -> str:
    """The code of the shop's currency. Raises ValueError."""
    code = environ.get("SERAI_CURRENCY") or "USD"
    try:
        return Currency.parse(code).code
    except ValueError as problem:
        raise ValueError(f"SERAI_CURRENCY: {problem}") from None


def gateway_bind() -> str:
    return os.environ.get("SERAI_GATEWAY_BIND") or "127.0.0.1"


def connections(replicas: Mapping[str, int], environ: Mapping[str, str]) -> int:
    """The number of connections that PostgreSQL must allow: every pool, that of a successor during a restart, and our
    own."""
    passed = environ.get("SERAI_DATABASE_POOL") or _DATABASE_POOL
    # The services refuse a value that is not a number.
    pool = int(passed) if passed.isascii() and passed.isdigit() else int(_DATABASE_POOL)
    pools = sum(len(replica_counts.numbers(replicas, name)) + 1 for name in topology.WITH_DATABASE)
    return max(_CONNECTIONS, _OWN_CONNECTIONS + pools * (pool + _EXTRA_CONNECTIONS))


def for_service(setup: Setup, service: str, instance: str, *, database: bool) -> dict[str, str]:
    """The environment of a service that binds port 0."""
    keys = setup.keys
    environment = _shared(setup) | {
        "SERAI_INSTANCE": instance,
        "SERAI_BIND": "127.0.0.1:0",
        "SERAI_SERVICE_KEY": keys.seeds[service],
        "SERAI_SERVICE_KEYS": json.dumps(keys.publics),
        "SERAI_JWKS": keys.jwt_public,
    }
    if database:
        environment["DATABASE_URL"] = url_of(setup.admin_url, service, keys.databases[service])
        environment["SERAI_DATABASE_POOL"] = setup.environ.get("SERAI_DATABASE_POOL") or _DATABASE_POOL
    if service == "user":
        environment["SERAI_JWT_KEYS"] = keys.jwt_private
    if service == "product":
        environment["SERAI_MEDIA_ARCHIVE"] = setup.environ.get("SERAI_MEDIA_ARCHIVE") or str(demo.PICTURES)
    if service == "payment":
        environment |= _stripe(setup)
    if service == "notification":
        environment |= _mail(setup)
    return environment


def for_discovery(setup: Setup, number: int) -> dict[str, str]:
    return for_service(setup, "discovery", f"discovery-{number}", database=True) | {
        "SERAI_BIND": setup.discovery_url(number).removeprefix("http://"),
    }


def for_gateway(setup: Setup, number: int) -> dict[str, str]:
    # With a single gateway there is no other one that clients could switch to.
    spread_s = "1" if len(setup.gateway_urls) > 1 else "0"
    return for_service(setup, "gateway", f"gateway-{number}", database=False) | {
        # Each gateway stores its last configuration in its own folder.
        "SERAI_HOME": str(setup.home.gateway(number)),
        "SERAI_PORT": str(setup.gateway_port(number)),
        "SERAI_GATEWAY_BIND": setup.bind,
        # Both are shorter than the time after which the supervisor kills a gateway.
        "SERAI_DRAIN_SPREAD_S": setup.environ.get("SERAI_DRAIN_SPREAD_S") or spread_s,
        "SERAI_DRAIN_TIMEOUT_S": setup.environ.get("SERAI_DRAIN_TIMEOUT_S") or "3",
        **_passed_through(setup, ("SERAI_XDS_TOKEN",)),
    }


def for_sandbox(setup: Setup) -> dict[str, str]:
    environment = _shared(setup) | {
        "SERAI_SANDBOX_DIR": str(setup.home.sandbox),
        **dict.fromkeys(("SERAI_SANDBOX_STRIPE", "SERAI_SANDBOX_MAIL", "SERAI_SANDBOX_SMTP"), "off"),
    }
    if not setup.real_stripe:
        environment |= {
            "SERAI_SANDBOX_STRIPE": f"127.0.0.1:{setup.ports['stripe']}",
            "SERAI_SANDBOX_STRIPE_KEY": setup.keys.stripe,
            "SERAI_SANDBOX_WEBHOOK_SECRET": setup.keys.webhook,
            "SERAI_SANDBOX_WEBHOOK_URL": f"{setup.gateway_url(1)}/api/payments/webhooks/stripe",
        }
    if not setup.real_mail:
        environment |= {
            "SERAI_SANDBOX_MAIL": f"127.0.0.1:{setup.ports['mail']}",
            "SERAI_SANDBOX_SMTP": f"127.0.0.1:{setup.ports['smtp']}",
        }
    return environment


def for_command(setup: Setup) -> dict[str, str]:
    """The environment of our own `migrate` and `seed`, which read the keys in SERAI_HOME."""
    passed = {
        name: setup.environ[name] for name in _with_file_variants(("SERAI_DATABASE_URL",)) if name in setup.environ
    }
    return _shared(setup) | passed


def _shared(setup: Setup) -> dict[str, str]:
    withheld = {*_with_file_variants(_SECRETS), _NO_BYTECODE}
    return {name: value for name, value in setup.environ.items() if name not in withheld} | {
        "SERAI_MODE": "local",
        "SERAI_HOME": str(setup.home.path),
        "SERAI_PUBLIC_URL": setup.public_url,
        "SERAI_CURRENCY": currency(setup.environ),
        "SERAI_DISCOVERY": "builtin",
        "SERAI_DISCOVERY_URL": ",".join(setup.discovery_urls),
        "SERAI_REGISTRY_TOKEN": setup.keys.registry_token,
        "PYTHONUNBUFFERED": "1",
        INSTALLATION_VARIABLE: setup.home.installation,
    }


def _stripe(setup: Setup) -> dict[str, str]:
    if setup.real_stripe:
        return _passed_through(setup, ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"))
    return {
        "STRIPE_SECRET_KEY": setup.keys.stripe,
        "STRIPE_WEBHOOK_SECRET": setup.keys.webhook,
        "STRIPE_API_BASE": f"http://127.0.0.1:{setup.ports['stripe']}",
    }


def _mail(setup: Setup) -> dict[str, str]:
    if setup.real_mail:
        return _passed_through(setup, ("SMTP_URL",))
    return {"SMTP_URL": f"smtp://127.0.0.1:{setup.ports['smtp']}?starttls=no"}


def _passed_through(setup: Setup, names: tuple[str, ...]) -> dict[str, str]:
    return {name: setup.environ[name] for name in _with_file_variants(names) if name in setup.environ}


def _with_file_variants(names: tuple[str, ...]) -> tuple[str, ...]:
    return (*names, *(f"{name}_FILE" for name in names))


def _port_name(name: str, number: int) -> str:
    """The stored name of a port. The first one's does not depend on the number of replicas."""
    return name if number == 1 else f"{name}-{number}"
