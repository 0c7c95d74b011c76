"""Proof of name: the registry's token lets a process register, but does not say under which name.

Every process that registers holds that token, so one that has been taken over could list itself as any service and be
sent its traffic. Therefore a registration carries a signature by the service's own key over what it claims, and whoever
looks a service up believes only what the public key from its own configuration confirms. The registry, ours or a real
Consul, merely carries it.

A proof is of no use to another service, id or address. It has no end: who takes over the very address of an instance
that is gone could show that instance's proof.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from prometheus_client import Gauge

from serai.chassis import telemetry
from serai.chassis.calls.instance import Instance

log = logging.getLogger(__name__)

#: Where in a registration's Meta the proof travels.
META = "proof"
#: Beyond the 86 characters of a signature there is nothing to look at.
_MAX_CHARS = 128
#: Verdicts remembered: above what our registry holds at most, so that a change to one of many is one verification.
MAX_REMEMBERED = 8192

UNPROVEN = Gauge(
    "registry_unproven_instances",
    "Instances that get no traffic from this process because they do not prove their name; above 0 is an alert.",
    ["callee"],
    registry=telemetry.REGISTRY,
)


def signed(instance: Instance, seed: str) -> Instance:
    """The instance with the proof of its name; as it is where there is no key. `seed` is base64url."""
    if not seed:
        return instance
    key = Ed25519PrivateKey.from_private_bytes(_decoded(seed))
    proof = base64.urlsafe_b64encode(key.sign(_claim(instance))).rstrip(b"=").decode()
    return msgspec.structs.replace(instance, meta={**instance.meta, META: proof})


class Proofs:
    """Tells the instances that prove their name from those that do not; each registration is verified once.

    Without any key nothing is demanded, as in tests that know no keys. With keys, a service without one has no
    instances: a name that nobody can prove is open to everybody.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys` are public keys by service, base64url. Raises ValueError for one that is none."""
        self._keys = {name: _public_key(name, key) for name, key in keys.items()}
        self._verdicts: OrderedDict[tuple[str, str, str, int, str], str] = OrderedDict()

    def proven(self, service: str, instances: Iterable[Instance]) -> tuple[Instance, ...]:
        """Those of `instances` that may answer for `service`; the others are told about aloud, once each."""
        if not self._keys:
            return tuple(instances)
        believed, refused = [], 0
        for instance in instances:
            if self.objection(service, instance):
                refused += 1
            else:
                believed.append(instance)
        UNPROVEN.labels(service).set(refused)
        return tuple(believed)

    def knows(self, service: str) -> bool:
        """Whether there is a key by which an instance of this service can prove its name."""
        return service in self._keys

    def objection(self, service: str, instance: Instance) -> str:
        """Why the instance is not believed to be of `service`; empty when it is."""
        if not self._keys:
            return ""
        proof = instance.meta.get(META, "")[:_MAX_CHARS]
        claim = (service, instance.id, instance.host, instance.port, proof)
        verdict = self._verdicts.get(claim)
        if verdict is None:
            verdict = self._verified(service, instance, proof)
            if verdict:
                log.error(
                    "%s gets no traffic: %s",
                    instance.id,
                    verdict,
                    extra={"callee": service, "url": instance.url, "alert": "unproven_instance"},
                )
            self._verdicts[claim] = verdict
            if len(self._verdicts) > MAX_REMEMBERED:
                self._verdicts.popitem(last=False)
        else:
            self._verdicts.move_to_end(claim)
        return verdict

    def _verified(self, service: str, instance: Instance, proof: str) -> str:
        key = self._keys.get(service)
        if key is None:
            return f"no public key is known for {service}"
        if not proof:
            return f"it does not prove that it is {service}"
        try:
            # What is verified is the name that was asked for, not the one that the answer gives.
            key.verify(_decoded(proof), _claim(msgspec.structs.replace(instance, service=service)))
        except (InvalidSignature, ValueError):
            return f"its proof that it is {service} is wrong"
        return ""


def _public_key(name: str, text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(_decoded(text))
    except ValueError as error:
        raise ValueError(f"the key of {name}: {error}") from None


def _claim(instance: Instance) -> bytes:
    """What is signed. It begins as no token does that the same key signs, so neither passes for the other."""
    return msgspec.json.encode(["serai instance", instance.service, instance.id, instance.host, instance.port])


def _decoded(text: str) -> bytes:
    """Raises ValueError for anything but base64url."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64url: {error}") from None
