"""`Idempotency-Key`: the same request sent twice makes one thing.

A key is bound, in the transaction that makes the thing, to the caller, to what was asked and to what was made. The
same key with the same request then answers that thing as it is now; a refusal makes nothing, so it binds nothing and
the key may try again.

    async with db.transaction() as tx:
        if (made := await once.made(tx)) is not None:
            return made
        ...
        await once.bind(tx, resource)
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
    code, detail = "idempotency_key_required", "Send an Idempotency-Key header: a fresh unique value for each new try."


class KeyMalformed(BadRequest):
    code, detail = "idempotency_key_malformed", "An Idempotency-Key is 1 to 255 printable ASCII characters."


class KeyReused(Invalid):
    code, detail = "idempotency_key_reused", "This Idempotency-Key was used for a different request."


class InProgress(Conflict):
    code, detail = "idempotency_in_progress", "The first request with this Idempotency-Key is still running."


class IdempotentRequest(msgspec.Struct, frozen=True):
    """One request under its key; without a key every request is its own."""

    caller: str
    key: str | None
    fingerprint: bytes

    @classmethod
    def of(cls, caller: str, key: str | None, *parts: bytes | str, required: bool = False) -> IdempotentRequest:
        """`parts` are what makes the request this one: method, path, body. Raises `KeyRequired`, `KeyMalformed`."""
        if key is None and required:
            raise KeyRequired
        if key is not None and _KEY.fullmatch(key) is None:
            raise KeyMalformed
        digest = hashlib.sha256()
        for part in parts:
            raw = part.encode() if isinstance(part, str) else part
            digest.update(len(raw).to_bytes(8, "big") + raw)
        return cls(caller, key, digest.digest())

    async def made(self, tx: Connection) -> str | None:
        """What this key has made before, or None when it is new. Raises `KeyReused` and, while another transaction
        works under the key, `InProgress`."""
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
        """Bind the key to what was made; in the same transaction, after `made` answered None."""
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
    """Forget keys older than 30 days, a bounded number at a time."""
    await tx.execute(
        """delete from idempotency_key where (caller, key) in (
             select caller, key from idempotency_key
             where created_at < now() - make_interval(days => $1) order by created_at limit 5000)""",
        KEPT_DAYS,
    )
