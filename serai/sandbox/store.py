"""The sandbox's database: one SQLite file, one writer, one transaction per request.

Stripe loses nothing when a process is killed, so neither may the sandbox. All effects of a request (objects, events,
the ledger, the idempotency key, pending webhooks) commit together before its response is sent. `synchronous=NORMAL` in
WAL mode keeps every commit across `kill -9`, because the pages are in the kernel by then. Only a power cut could lose
the last commits; an fsync per request would halve the throughput of test runs. Nothing is cached, so memory use stays
constant.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

Json = dict[str, Any]

_ENCODER = msgspec.json.Encoder()

_TABLES = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    ref TEXT, status TEXT, due_at REAL, body TEXT NOT NULL, hidden TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, seq);
CREATE INDEX IF NOT EXISTS object_ref ON object (kind, ref, seq) WHERE ref IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_due ON object (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    request_id TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, due_at REAL, outcome TEXT, last_status INTEGER);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS ledger (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS ledger_keeps BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_stays BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_COLUMNS = "seq, id, kind, created, ref, status, due_at, body, hidden"


@dataclass(slots=True)
class Record:
    """A Stripe object, with data that the API does not show (`hidden`)."""

    id: str
    kind: str
    created: int
    body: Json
    hidden: Json
    ref: str | None = None
    """The value that lists filter by: the payment intent of a charge, refund or session; the type of an event."""
    status: str | None = None
    due_at: float | None = None
    """When a timer changes the object."""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class StoredResponse:
    fingerprint: str
    status: int
    body: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Delivery:
    event_id: str
    type: str
    attempts: int
    due_at: float


class Store:
    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA cache_size=-512")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits, or rolls back on an error. Code inside must not await, so that transactions never interleave."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # objects

    def add(self, record: Record) -> None:
        cursor = self._db.execute(
            "INSERT INTO object (id, kind, created, ref, status, due_at, body, hidden) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.id,
                record.kind,
                record.created,
                record.ref,
                record.status,
                record.due_at,
                _dump(record.body),
                _dump(record.hidden),
            ),
        )
        record.seq = cursor.lastrowid or 0

    def save(self, record: Record) -> None:
        self._db.execute(
            "UPDATE object SET ref = ?, status = ?, due_at = ?, body = ?, hidden = ? WHERE id = ?",
            (record.ref, record.status, record.due_at, _dump(record.body), _dump(record.hidden), record.id),
        )

    def get(self, kind: str, identifier: str) -> Record | None:
        row = self._db.execute(
            f"SELECT {_COLUMNS} FROM object WHERE id = ? AND kind = ?",
            (identifier, kind),
        ).fetchone()
        return _record(row) if row else None

    def raw_body(self, identifier: str) -> bytes | None:
        """The object's stored JSON, for a caller that only passes it on."""
        row = self._db.execute("SELECT body FROM object WHERE id = ?", (identifier,)).fetchone()
        return str(row[0]).encode() if row else None

    def page(
        self,
        kind: str,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        ref: str | None = None,
        refs: list[str] | None = None,
        status: str | None = None,
        created: dict[str, int] | None = None,
    ) -> list[Record]:
        """Newest first. `before` and `after` bound the sequence numbers. With `after` alone it returns the page next to
        it."""
        bounds = created or {}
        upwards = after is not None and before is None
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM object WHERE kind = :kind"
            # With `(:ref IS NULL OR …)` SQLite could not use the index, and a long run has many refunds.
            f" {'AND ref = :ref' if ref is not None else ''}"
            " AND (:refs IS NULL OR ref IN (SELECT value FROM json_each(:refs)))"
            " AND (:status IS NULL OR status = :status)"
            " AND (:before IS NULL OR seq < :before) AND (:after IS NULL OR seq > :after)"
            " AND (:gt IS NULL OR created > :gt) AND (:gte IS NULL OR created >= :gte)"
            " AND (:lt IS NULL OR created < :lt) AND (:lte IS NULL OR created <= :lte)"
            f" ORDER BY seq {'ASC' if upwards else 'DESC'} LIMIT :limit",
            {
                "kind": kind,
                "ref": ref,
                "refs": _dump(refs) if refs is not None else None,
                "status": status,
                "before": before,
                "after": after,
                "limit": limit,
                **{bound: bounds.get(bound) for bound in ("gt", "gte", "lt", "lte")},
            },
        ).fetchall()
        records = [_record(row) for row in rows]
        return records[::-1] if upwards else records

    def by_ref(self, kind: str, ref: str) -> list[Record]:
        """All objects of a kind that belong to `ref`, newest first (a payment has few charges and refunds)."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM object WHERE kind = ? AND ref = ? ORDER BY seq DESC LIMIT 1000",
            (kind, ref),
        ).fetchall()
        return [_record(row) for row in rows]

    def due(self, now: float, limit: int = 100) -> list[Record]:
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM object WHERE due_at <= ? ORDER BY due_at LIMIT ?",
            (now, limit),
        ).fetchall()
        return [_record(row) for row in rows]

    # idempotency keys

    def stored_response(self, key: str) -> StoredResponse | None:
        row = self._db.execute(
            "SELECT fingerprint, status, body, request_id FROM idempotency WHERE key = ?", (key,)
        ).fetchone()
        return StoredResponse(*row) if row else None

    def store_response(self, key: str, what: StoredResponse, now: float) -> None:
        self._db.execute(
            "INSERT INTO idempotency (key, fingerprint, status, body, request_id, created) VALUES (?, ?, ?, ?, ?, ?)",
            (key, what.fingerprint, what.status, what.body, what.request_id, now),
        )

    def delete_keys(self, before: float) -> int:
        return self._db.execute("DELETE FROM idempotency WHERE created <= ?", (before,)).rowcount

    def delete_events(self, before: float) -> int:
        """Stripe keeps events for 30 days. The ledger, the objects and pending deliveries stay."""
        self._db.execute(
            "DELETE FROM delivery WHERE due_at IS NULL AND event_id IN"
            " (SELECT id FROM object WHERE kind = 'event' AND created <= ?)",
            (before,),
        )
        return self._db.execute(
            "DELETE FROM object WHERE kind = 'event' AND created <= ? AND id NOT IN (SELECT event_id FROM delivery)",
            (before,),
        ).rowcount

    # the ledger

    def append_to_ledger(self, entry: Json) -> None:
        self._db.execute("INSERT INTO ledger (entry) VALUES (?)", (_dump(entry),))

    def ledger(self, *, after: int, limit: int) -> list[tuple[int, Json]]:
        return [(seq, msgspec.json.decode(entry)) for seq, entry in self.raw_ledger(after=after, limit=limit)]

    def raw_ledger(self, *, after: int, limit: int) -> list[tuple[int, str]]:
        """The entries as JSON text: decoding thousands of them to pass them on would be expensive."""
        rows = self._db.execute("SELECT seq, entry FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))
        return rows.fetchall()

    # webhook deliveries

    def queue_delivery(self, event_id: str, type_: str, now: float) -> None:
        self._db.execute("INSERT INTO delivery (event_id, type, due_at) VALUES (?, ?, ?)", (event_id, type_, now))

    def due_deliveries(self, now: float, limit: int) -> list[Delivery]:
        rows = self._db.execute(
            "SELECT event_id, type, attempts, due_at FROM delivery WHERE due_at <= ? ORDER BY due_at, seq LIMIT ?",
            (now, limit),
        )
        return [Delivery(*row) for row in rows]

    def next_delivery_at(self) -> float | None:
        (due_at,) = self._db.execute("SELECT min(due_at) FROM delivery WHERE due_at IS NOT NULL").fetchone()
        return due_at  # type: ignore[no-any-return]  # the column is REAL

    def update_delivery(
        self, event_id: str, *, attempts: int, due_at: float | None, outcome: str | None, last_status: int | None
    ) -> None:
        self._db.execute(
            "UPDATE delivery SET attempts = ?, due_at = ?, outcome = ?, last_status = ? WHERE event_id = ?",
            (attempts, due_at, outcome, last_status, event_id),
        )

    def delivery(self, event_id: str) -> tuple[float | None, str | None] | None:
        """When the delivery is due next (None: never), and its outcome."""
        row = self._db.execute("SELECT due_at, outcome FROM delivery WHERE event_id = ?", (event_id,)).fetchone()
        return tuple(row) if row else None

    # settings that outlive the process

    def setting(self, name: str) -> Json | None:
        row = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return msgspec.json.decode(row[0]) if row else None

    def set_setting(self, name: str, value: Json) -> None:
        self._db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, _dump(value)))


def _dump(value: Any) -> str:
    return _ENCODER.encode(value).decode()


def _record(row: tuple[Any, ...]) -> Record:
    seq, identifier, kind, created, ref, status, due_at, body, hidden = row
    return Record(
        id=identifier,
        kind=kind,
        created=created,
        ref=ref,
        status=status,
        due_at=due_at,
        body=msgspec.json.decode(body),
        hidden=msgspec.json.decode(hidden),
        seq=seq,
    )
