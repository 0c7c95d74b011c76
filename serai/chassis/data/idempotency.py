"""`Idempotency-Key`: a request that is sent twice creates one resource.

A key is bound to its caller, the request's fingerprint and the created resource, in the transaction that creates the
resource. The same request with the same key then returns the current state of that resource. A request that is refused
binds nothing, so its key can be used again.

    async with db.transaction() as tx:
        if (existing := await idempotency.bound_resource(tx)) is not None:
            return existing
        ...
        await idempotency.bind(tx, resource)
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.errors import BadRequest, Conflict, Invalid

KEPT_DAYS = 30
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


class KeyRequired(BadRequest):
    code, detail = (
        "idempotency_key_required",
        "Send an Idempotency-Key header: a new unique value for each new request.",
    )


class KeyMalformed(BadRequest):
    code, detail = "idempotency_key_malformed", "An Idempotency-Key is 1 to 255 printable ASCII characters."


class KeyReused(Invalid):
    code, detail = "idempotency_key_reused", "This Idempotency-Key was used for a different request."


class InProgress(Conflict):
    code, detail = "idempotency_in_progress", "The first request with this Idempotency-Key is still running."


class IdempotentRequest(msgspec.Struct, frozen=True):
    """A request with its idempotency key. Without a key every request is a new one."""

    caller: str
    key: str | None
    fingerprint: bytes

    @classmethod
    def of(cls, caller: str, key: str | None, *parts: bytes | str, required: bool = False) -> IdempotentRequest:
        """`parts` identify the request: method, path, body. Raises `KeyRequired`, `KeyMalformed`."""
        if key is None and required:
            raise KeyRequired
        if key is not None and _KEY.fullmatch(key) is None:
            raise KeyMalformed
        digest = hashlib.sha256()
        for part in parts:
            raw = part.encode() if isinstance(part, str) else part
            digest.update(len(raw).to_bytes(8, "big") + raw)
        return cls(caller, key, digest.digest())

    async def bound_resource(self, tx: Connection) -> str | None:
        """The resource that an earlier request with this key created; None when the key is new. Raises `KeyReused` and,
        while another transaction works with the key, `InProgress`."""
        if self.key is None:
            return None
        lock = hashlib.blake2b(f"{self.caller}\0{self.key}".encode(), digest_size=8).digest()
        row = await tx.fetchrow(
            "select held, fingerprint, resource from idempotency_key_made($1, $2, $3)",
            int.from_bytes(lock, "big", signed=True),
            self.caller,
            self.key,
        )
        assert row is not None
        if not row["held"]:
            raise InProgress
        if row["resource"] is None:
            return None
        if bytes(row["fingerprint"]) != self.fingerprint:
            raise KeyReused
        return str(row["resource"])

    async def bind(self, tx: Connection, resource: object) -> None:
        """Bind the key to the created resource: in the same transaction, after `bound_resource` returned None."""
        if self.key is None:
            return
        await tx.execute(
            "insert into idempotency_key (caller, key, fingerprint, resource) values ($1, $2, $3, $4)",
            self.caller,
            self.key,
            self.fingerprint,
            str(resource),
        )


async def prune(tx: Connection) -> None:
    """Delete keys older than 30 days, at most 5000 at a time."""
    await tx.execute(
        """delete from idempotency_key where (caller, key) in (
             select caller, key from idempotency_key
             where created_at < now() - make_interval(days => $1) order by created_at limit 5000)""",
        KEPT_DAYS,
    )
