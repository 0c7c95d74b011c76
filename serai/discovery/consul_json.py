"""The JSON of Consul's HTTP API: parses its requests, durations and checks, and renders its responses.

See https://developer.hashicorp.com/consul/api-docs. Two things are Serai's own: the member `Since` of a check, which is
the time of its last change of status, and Prometheus labels without `__meta_`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

import msgspec

from serai import __version__
from serai.discovery.domain import MAX_OUTPUT, Instance, Probe, Registration, Snapshot, Status, Unregistrable

T = TypeVar("T", bound=msgspec.Struct)

DATACENTER = "serai"
NODE = "serai"

MAX_WAIT = timedelta(minutes=10)
DEFAULT_WAIT = timedelta(minutes=5)
_MIN_TTL, _MAX_TTL = timedelta(milliseconds=100), timedelta(days=1)
_MAX_REAP_AFTER = timedelta(days=30)
_MIN_PROBE_INTERVAL, _MAX_PROBE_TIMEOUT = timedelta(seconds=1), timedelta(seconds=30)

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")]
Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}\Z")]
CheckId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._:-]{0,159}\Z")]
Address = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{0,253}\Z")]
Duration = Annotated[str, msgspec.Meta(max_length=32)]
Text = Annotated[str, msgspec.Meta(max_length=512)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Url = Annotated[str, msgspec.Meta(max_length=1024, pattern=r"^https?://[^\s@]+\Z")]

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> timedelta:
    """A duration as Go writes it (`10s`, `1m30s`, `500ms`). Raises ValueError."""
    if text == "0":
        return timedelta(0)
    if not _DURATION.fullmatch(text):
        raise ValueError(f'invalid duration "{text}"')
    try:
        return timedelta(seconds=sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION_PART.findall(text)))
    except OverflowError:
        raise ValueError(f'invalid duration "{text}"') from None


class Check(msgspec.Struct, kw_only=True):
    """The check of a registration. The unsupported kinds of checks are declared so that they are refused."""

    check_id: CheckId | None = msgspec.field(name="CheckID", default=None)
    name: Text = msgspec.field(name="Name", default="")
    notes: Text = msgspec.field(name="Notes", default="")
    status: Status | None = msgspec.field(name="Status", default=None)
    ttl: Duration | None = msgspec.field(name="TTL", default=None)
    http: Url | None = msgspec.field(name="HTTP", default=None)
    interval: Duration | None = msgspec.field(name="Interval", default=None)
    timeout: Duration | None = msgspec.field(name="Timeout", default=None)
    reap_after: Duration | None = msgspec.field(name="DeregisterCriticalServiceAfter", default=None)
    tcp: Any = msgspec.field(name="TCP", default=None)
    udp: Any = msgspec.field(name="UDP", default=None)
    grpc: Any = msgspec.field(name="GRPC", default=None)
    args: Any = msgspec.field(name="Args", default=None)
    alias: Any = msgspec.field(name="AliasService", default=None)


class Register(msgspec.Struct, kw_only=True):
    """The body of `PUT /v1/agent/service/register`. Members of Consul's that have no meaning here are ignored."""

    name: Name = msgspec.field(name="Name")
    id: Id | None = msgspec.field(name="ID", default=None)
    tags: Annotated[list[Tag], msgspec.Meta(max_length=32)] | None = msgspec.field(name="Tags", default=None)
    meta: Annotated[dict[Label, Text], msgspec.Meta(max_length=64)] | None = msgspec.field(name="Meta", default=None)
    address: Address = msgspec.field(name="Address", default="")
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = msgspec.field(name="Port", default=0)
    check: Check | None = msgspec.field(name="Check", default=None)
    checks: Annotated[list[Check], msgspec.Meta(max_length=16)] | None = msgspec.field(name="Checks", default=None)

    def registration(self, peer: str) -> tuple[Registration, Status | None]:
        """The registration and its initial status. `peer` is the address if the body has none."""
        id_ = self.id or self.name
        checks = [*([self.check] if self.check else []), *(self.checks or [])]
        if len(checks) > 1:
            raise Unregistrable("An instance can have one check only")
        check = checks[0] if checks else None
        ttl, probe = _check_kind(check) if check else (None, None)
        return (
            Registration(
                id=id_,
                service=self.name,
                address=self.address or peer,
                port=self.port,
                tags=tuple(self.tags or ()),
                meta=self.meta or {},
                check_id=(check.check_id or f"service:{id_}") if check else None,
                check_name=(check.name or f"Service '{self.name}' check") if check else "",
                notes=check.notes if check else "",
                ttl=ttl,
                reap_after=_bounded_duration(
                    check.reap_after, timedelta(0), _MAX_REAP_AFTER, "DeregisterCriticalServiceAfter"
                )
                if check and check.reap_after
                else None,
                probe=probe,
            ),
            check.status if check else None,
        )


class Update(msgspec.Struct, kw_only=True):
    """The body of `PUT /v1/agent/check/update/:id`."""

    status: Status = msgspec.field(name="Status")
    output: str = msgspec.field(name="Output", default="")


def decode(body: bytes, kind: type[T]) -> T:
    """Decodes a body of any content type, as Consul does. Raises `Unregistrable` with the reason."""
    if b"\x00" in body or b"\\u0000" in body:
        raise Unregistrable("Request decode failed: text cannot contain NUL")
    try:
        return msgspec.convert(_with_canonical_names(kind, msgspec.json.decode(body)), kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unregistrable(f"Request decode failed: {error}") from None


def _with_canonical_names(kind: type[msgspec.Struct], sent: Any) -> Any:
    """Replaces the spellings of member names that Consul accepts (`ServiceID`, `serviceid`, `service_id`) by the
    canonical.

    The keys of `Meta` are not changed: they belong to the client.
    """
    if not isinstance(sent, dict):
        return sent
    names = {_normalized_name(field.encode_name): field.encode_name for field in msgspec.structs.fields(kind)}
    spelled = {names.get(_normalized_name(name), name): value for name, value in sent.items()}
    if kind is Register:
        if "Check" in spelled:
            spelled["Check"] = _with_canonical_names(Check, spelled["Check"])
        if isinstance(spelled.get("Checks"), list):
            spelled["Checks"] = [_with_canonical_names(Check, check) for check in spelled["Checks"]]
    return spelled


def _normalized_name(name: str) -> str:
    return name.replace("_", "").lower()


def truncate_output(output: str) -> str:
    """A check's output as it is stored: truncated, and without NUL, which PostgreSQL cannot store."""
    return output.replace("\x00", "")[:MAX_OUTPUT]


def catalog_services(snapshot: Snapshot) -> dict[str, list[str]]:
    tags: dict[str, set[str]] = {}
    for instance in snapshot.instances:
        tags.setdefault(instance.registration.service, set()).update(instance.registration.tags)
    return {service: sorted(found) for service, found in tags.items()}


def catalog_service(snapshot: Snapshot, tags: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {
            **_node(instance),
            "ServiceKind": "",
            "ServiceID": instance.registration.id,
            "ServiceName": instance.registration.service,
            "ServiceTags": instance.registration.tags,
            "ServiceAddress": instance.registration.address,
            "ServicePort": instance.registration.port,
            "ServiceMeta": instance.registration.meta,
            "ServiceWeights": {"Passing": 1, "Warning": 1},
            "ServiceEnableTagOverride": False,
            "CreateIndex": instance.create_index,
            "ModifyIndex": instance.modify_index,
        }
        for instance in _tagged(snapshot, tags)
    ]


def health_service(snapshot: Snapshot, tags: Iterable[str], *, passing: bool) -> list[dict[str, Any]]:
    return [
        {"Node": _node(instance), "Service": _service(instance), "Checks": _checks(instance)}
        for instance in _tagged(snapshot, tags)
        if not passing or instance.lease.health == "passing"
    ]


def health_state(snapshot: Snapshot, status: str) -> list[dict[str, Any]]:
    checks = [check for instance in snapshot.instances for check in _checks(instance)]
    return [check for check in checks if status in ("any", check["Status"])]


def prometheus_targets(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The targets for Prometheus' `http_sd`. Failing instances are included, so that it reports them as down."""
    return [
        {
            "targets": [_authority(instance)],
            "labels": {
                "job": instance.registration.service,
                "instance": instance.registration.id,
                "__meta_consul_service": instance.registration.service,
                "__meta_consul_service_id": instance.registration.id,
                "__meta_consul_health": instance.lease.health,
                "__meta_consul_tags": "".join(f",{tag}" for tag in instance.registration.tags) + ",",
                **{
                    f"__meta_consul_service_metadata_{_LABEL.sub('_', key)}": value
                    for key, value in instance.registration.meta.items()
                },
            },
        }
        for instance in snapshot.instances
        if instance.registration.port
    ]


def agent_self(address: str) -> dict[str, Any]:
    return {
        "Config": {
            "Datacenter": DATACENTER,
            "PrimaryDatacenter": DATACENTER,
            "NodeName": NODE,
            "Server": True,
            "Version": __version__,
        },
        "Member": {"Name": NODE, "Addr": address, "Status": 1, "Tags": {"dc": DATACENTER, "role": "consul"}},
        "Meta": {},
    }


_LABEL = re.compile(r"[^A-Za-z0-9_]")


def _check_kind(check: Check) -> tuple[timedelta | None, Probe | None]:
    if any(kind is not None for kind in (check.tcp, check.udp, check.grpc, check.args, check.alias)):
        raise Unregistrable("Only TTL and HTTP checks are supported")
    if (check.ttl is None) == (check.http is None):
        raise Unregistrable("A check needs either TTL or HTTP")
    if check.ttl is not None:
        return _bounded_duration(check.ttl, _MIN_TTL, _MAX_TTL, "TTL"), None
    if check.http is None or check.interval is None:
        raise Unregistrable("An HTTP check needs an Interval")
    interval = _bounded_duration(check.interval, _MIN_PROBE_INTERVAL, _MAX_TTL, "Interval")
    timeout = _bounded_duration(check.timeout or "10s", _MIN_TTL, _MAX_PROBE_TIMEOUT, "Timeout")
    return None, Probe(check.http, interval, timeout)


def _bounded_duration(text: str, least: timedelta, most: timedelta, field: str) -> timedelta:
    try:
        span = parse_duration(text)
    except ValueError as error:
        raise Unregistrable(f"{field}: {error}") from None
    if not least <= span <= most:
        raise Unregistrable(f"{field}: {text} is not between {least} and {most}")
    return span


def _tagged(snapshot: Snapshot, tags: Iterable[str]) -> list[Instance]:
    required = set(tags)
    return [instance for instance in snapshot.instances if required <= set(instance.registration.tags)]


def _authority(instance: Instance) -> str:
    address = instance.registration.address
    return f"{f'[{address}]' if ':' in address else address}:{instance.registration.port}"


def _node(instance: Instance) -> dict[str, Any]:
    """Consul's node. There are no agents here, so all instances are on one node; the address is the instance's."""
    return {
        "ID": "",
        "Node": NODE,
        "Address": instance.registration.address,
        "Datacenter": DATACENTER,
        "TaggedAddresses": {},
        "NodeMeta": {},
    }


def _service(instance: Instance) -> dict[str, Any]:
    return {
        "ID": instance.registration.id,
        "Service": instance.registration.service,
        "Tags": instance.registration.tags,
        "Address": instance.registration.address,
        "Port": instance.registration.port,
        "Meta": instance.registration.meta,
        "Weights": {"Passing": 1, "Warning": 1},
        "EnableTagOverride": False,
        "CreateIndex": instance.create_index,
        "ModifyIndex": instance.modify_index,
    }


def _checks(instance: Instance) -> list[dict[str, Any]]:
    registration, lease = instance.registration, instance.lease
    checks = []
    if registration.check_id is not None:
        kind = "http" if registration.probe else "ttl"
        checks.append(
            _check(instance, registration.check_id, registration.check_name, lease.status, kind)
            | {"Notes": registration.notes, "Output": _output(instance), "Since": lease.since}
        )
    if lease.maintenance is not None:
        check_id = f"_service_maintenance:{registration.id}"
        checks.append(
            _check(instance, check_id, "Service Maintenance Mode", "critical", "maintenance")
            | {"Notes": lease.maintenance}
        )
    return checks


def _check(instance: Instance, check_id: str, name: str, status: Status, kind: str) -> dict[str, Any]:
    return {
        "Node": NODE,
        "CheckID": check_id,
        "Name": name,
        "Status": status,
        "Notes": "",
        "Output": "",
        "ServiceID": instance.registration.id,
        "ServiceName": instance.registration.service,
        "ServiceTags": instance.registration.tags,
        "Type": kind,
        "CreateIndex": instance.create_index,
        "ModifyIndex": instance.modify_index,
    }


def _output(instance: Instance) -> str:
    protected_since: datetime | None = instance.lease.protected_since
    if protected_since is None:
        return instance.output
    since = f"{protected_since:%Y-%m-%dT%H:%M:%SZ}"
    return f"No heartbeat since {since}; kept, because most of the service stopped at the same time"
