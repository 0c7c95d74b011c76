"""Proof of a service's name. The registry's token lets a process register, but does not restrict the name it registers
under.

Every process that registers holds that token, so a compromised one could register as any service and receive its
traffic. A registration therefore carries a signature over its contents, made with the service's own key. Watchers
accept only instances whose signature verifies with the public key from their own configuration. The registry, ours or a
real Consul, only stores the proof.

A proof is valid for one service, id and address only. It does not expire: a process that takes over the address of an
instance that has gone could present that instance's proof.
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

#: The key of the proof in a registration's Meta.
META = "proof"
#: A signature has 86 characters; longer values are not checked.
_MAX_CHARS = 128
#: Results kept in memory: more than the number of instances that our registry holds, so that a change of one instance
#: costs one verification.
MAX_REMEMBERED = 8192

UNPROVEN = Gauge(
    "registry_unproven_instances",
    "Instances that get no traffic from this process because they do not prove their name; above 0 is an alert.",
    ["callee"],
    registry=telemetry.REGISTRY,
)


def signed(instance: Instance, seed: str) -> Instance:
    """The instance with a proof of its name. Returned unchanged without a key. `seed` is base64url."""
    if not seed:
        return instance
    key = Ed25519PrivateKey.from_private_bytes(_decoded(seed))
    proof = base64.urlsafe_b64encode(key.sign(_claim(instance))).rstrip(b"=").decode()
    return msgspec.structs.replace(instance, meta={**instance.meta, META: proof})


class Proofs:
    """Verifies the proofs of instances, each registration once.

    Without any key nothing is verified, as in tests without keys. With keys, a service that has no key has no
    instances, because anyone could claim its name.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys` are public keys by service, base64url. Raises ValueError for a malformed one."""
        self._keys = {name: _public_key(name, key) for name, key in keys.items()}
        self._verdicts: OrderedDict[tuple[str, str, str, int, str], str] = OrderedDict()

    def proven(self, service: str, instances: Iterable[Instance]) -> tuple[Instance, ...]:
        """Those of `instances` whose proof is valid for `service`. Each of the others is logged once."""
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
        """Whether there is a public key for this service."""
        return service in self._keys

    def objection(self, service: str, instance: Instance) -> str:
        """Why the instance does not prove to be of `service`; empty when it does."""
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
            # Verify the name that was looked up, not the one in the response.
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
    """The signed bytes. Tokens signed with the same key begin differently, so neither can be used as the other."""
    return msgspec.json.encode(["serai instance", instance.service, instance.id, instance.host, instance.port])


def _decoded(text: str) -> bytes:
    """Raises ValueError for anything but base64url."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64url: {error}") from None
