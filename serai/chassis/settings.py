"""Settings from the environment: one typed struct per service. All problems are reported together.

Each field of a settings struct is read from a variable: its name in capitals, or the name that `env(...)` gives. Every
variable `X` can be replaced by `X_FILE`, the path of a file with the value (the way orchestrators provide secrets). No
other module reads the environment.
"""

from __future__ import annotations

import os
import types
import typing
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import unquote

import msgspec

from serai import __version__

T = TypeVar("T")

#: Values that are refused outside local mode.
_DEFAULT_SECRETS = frozenset({"", "secret", "changeme", "change-me", "password", "serai", "default"})


class Env(msgspec.Struct, frozen=True):
    """The variable that a field is read from, and whether it is a secret."""

    name: str
    secret: bool = False


class SettingsError(Exception):
    """The environment does not describe a service that can run; `problems` lists everything that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("settings:\n" + "\n".join(f"  - {problem}" for problem in problems))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every service process reads. A service adds its own fields in a subclass in its `app.py`."""

    mode: Annotated[str, Env("SERAI_MODE")] = "production"
    home: Annotated[Path, Env("SERAI_HOME")] = Path(".serai")
    public_url: Annotated[str, Env("SERAI_PUBLIC_URL")] = "http://localhost:8080"
    #: host:port to listen on; port 0 chooses a free one.
    bind: Annotated[str, Env("SERAI_BIND")] = "127.0.0.1:0"
    #: The host at which other processes reach this one.
    advertise: Annotated[str, Env("SERAI_ADVERTISE")] = ""
    instance: Annotated[str, Env("SERAI_INSTANCE")] = ""
    database_url: Annotated[str, Env("DATABASE_URL", secret=True)] = ""
    database_pool: Annotated[int, Env("SERAI_DATABASE_POOL")] = 10
    #: Where services are found: in the registry at `discovery_url`, or in `static_services`.
    discovery: Annotated[Literal["builtin", "static"], Env("SERAI_DISCOVERY")] = "builtin"
    discovery_url: Annotated[str, Env("SERAI_DISCOVERY_URL")] = ""
    #: JSON {"order": ["10.0.0.5:8001"]}; a list in a file is read again when it changes.
    static_services: Annotated[str, Env("SERAI_STATIC_SERVICES")] = ""
    static_services_file: Annotated[Path | None, Env("SERAI_STATIC_SERVICES_FILE")] = None
    registry_token: Annotated[str, Env("SERAI_REGISTRY_TOKEN", secret=True)] = ""
    #: This service's Ed25519 seed, base64url.
    service_key: Annotated[str, Env("SERAI_SERVICE_KEY", secret=True)] = ""
    #: Public keys that prove the names of callers and of callees: JSON {"order": "<base64url>"}.
    service_keys: Annotated[dict[str, str], Env("SERAI_SERVICE_KEYS")] = {}
    #: The user service's public keys to start with, a JWK set as JSON.
    jwks: Annotated[str, Env("SERAI_JWKS")] = '{"keys": []}'
    log_level: Annotated[str, Env("SERAI_LOG_LEVEL")] = "info"
    #: The base URL of an OTLP/HTTP collector. Without it no traces are recorded, and log lines go to standard output.
    otlp_endpoint: Annotated[str, Env("OTEL_EXPORTER_OTLP_ENDPOINT")] = ""
    #: `key=value,...`, such as a token of the collector.
    otlp_headers: Annotated[str, Env("OTEL_EXPORTER_OTLP_HEADERS")] = ""
    otlp_compression: Annotated[Literal["none", "gzip"], Env("OTEL_EXPORTER_OTLP_COMPRESSION")] = "none"
    #: Traces that each process begins and exports per second, beside those that fail or take `slow_s` seconds.
    traces_per_s: Annotated[float, Env("SERAI_TRACES_PER_S")] = 5.0
    slow_s: Annotated[float, Env("SERAI_SLOW_REQUEST_S")] = 1.0

    @staticmethod
    def resource(service: str, instance: str) -> dict[str, str]:
        """What describes a process in its telemetry, in OpenTelemetry's names."""
        return {
            "service.namespace": "serai",
            "service.name": service,
            "service.instance.id": instance or service,
            "service.version": __version__,
        }

    @property
    def otlp_header_fields(self) -> dict[str, str]:
        """`otlp_headers` parsed. Raises `SettingsError`."""
        fields = {}
        for pair in filter(None, (part.strip() for part in self.otlp_headers.split(","))):
            name, equals, value = pair.partition("=")
            if not equals or not name.strip():
                raise SettingsError([f"OTEL_EXPORTER_OTLP_HEADERS is not key=value,key=value: {name!r}"])
            fields[name.strip()] = unquote(value.strip())
        return fields

    @property
    def finds_services(self) -> bool:
        return self.discovery == "static" or bool(self.discovery_url)

    @property
    def local(self) -> bool:
        return self.mode == "local"


def load(kind: type[T], environ: Mapping[str, str] | None = None) -> T:
    """Read `kind` from the environment. Raises `SettingsError` with everything that is missing or wrong."""
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    values: dict[str, Any] = {}
    # Resolved once: each call compiles the annotations again.
    fields = {name: _split(name, hint) for name, hint in typing.get_type_hints(kind, include_extras=True).items()}
    for name, (kind_of, env) in fields.items():
        raw = _read(env.name, environ, problems)
        if raw is None:
            continue
        try:
            values[name] = _parse(raw, kind_of)
        except (ValueError, msgspec.MsgspecError) as error:
            problems.append(f"{env.name} is not acceptable: {error}")
    problems += _unknown(getattr(kind, "complete", ()), {env.name for _, env in fields.values()}, environ)
    mode = environ.get("SERAI_MODE", "production")
    if mode not in ("local", "production"):
        problems.append("SERAI_MODE is neither local nor production")
    for field in msgspec.structs.fields(typing.cast("type[msgspec.Struct]", kind)):
        _, env = fields[field.name]
        if field.required and field.name not in values:
            problems.append(f"{env.name} is missing")
        elif env.secret and mode == "production" and field.name in values and values[field.name] in _DEFAULT_SECRETS:
            problems.append(f"{env.name} is empty or a default; set a secret of your own")
    if problems:
        raise SettingsError(problems)
    return msgspec.convert(values, kind)


def _unknown(prefixes: Iterable[str], known: Set[str], environ: Mapping[str, str]) -> list[str]:
    """Misspelt variables of a family that a class names in `complete`. Without this check they would be ignored
    silently."""
    problems: list[str] = []
    for prefix in prefixes:
        family = ", ".join(sorted(name for name in known if name.startswith(prefix)))
        problems += [
            f"{name} is not a setting; there are {family}"
            for name in sorted(environ)
            if name.startswith(prefix) and name.removesuffix("_FILE") not in known
        ]
    return problems


def _split(name: str, hint: Any) -> tuple[Any, Env]:
    if typing.get_origin(hint) is Annotated:
        kind, *extras = typing.get_args(hint)
        for extra in extras:
            if isinstance(extra, Env):
                return kind, extra
        return kind, Env(name.upper())
    return hint, Env(name.upper())


def _read(name: str, environ: Mapping[str, str], problems: list[str]) -> str | None:
    if name in environ:
        return environ[name]
    if path := environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            problems.append(f"{name}_FILE cannot be read: {error.strerror} ({path})")
    return None


def _parse(raw: str, kind: Any) -> Any:
    if kind is str:
        return raw
    if parse := getattr(kind, "parse", None):
        return parse(raw)
    if kind is Path:
        return Path(raw).absolute()
    if typing.get_origin(kind) in (dict, list, tuple):
        return msgspec.json.decode(raw, type=kind)
    if kind is bool:
        if raw.lower() not in ("0", "1", "true", "false", "yes", "no"):
            raise ValueError("give 1 or 0")
        return raw.lower() in ("1", "true", "yes")
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        inner = [arg for arg in typing.get_args(kind) if arg is not type(None)]
        return _parse(raw, inner[0]) if raw else None
    return msgspec.convert(raw, kind, strict=False)
