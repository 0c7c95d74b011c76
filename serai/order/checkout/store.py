"""Statements on checkouts. Every write to a saga's row is fenced by version and epoch, and leased by database time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.data.sql import named
from serai.chassis.errors import Unavailable
from serai.commerce.address import Address
from serai.contracts.order.orders import HistoryEntry
from serai.order.checkout.domain import DEFINITION_VERSION, RESTING, Context, Saga, State
from serai.order.orders import store as orders
from serai.order.orders.store import PriceUpdate, StatusUpdate

#: How long a driver owns a saga after its last write.
LEASE_S = 30


_SAGA = "order_id, state, version, epoch, attempts, since, context"


def saga_from(row: asyncpg.Record) -> Saga:
    return Saga(
        order_id=row["order_id"],
        state=State(row["state"]),
        version=row["version"],
        epoch=row["epoch"],
        attempts=row["attempts"],
        since=row["since"],
        context=msgspec.convert(row["context"], Context),
    )


_INSERT = f"""
    with bound as (
      insert into idempotency_key (caller, key, fingerprint, resource)
      values (:caller, :key, :fingerprint, :order_id::uuid::text)
      on conflict do nothing returning key),
    {orders.INSERT}
    insert into checkout.saga (order_id, state, definition_version, context, lease_until, next_run_at)
    select id, 'accepted', :definition_version, :context, now() + make_interval(secs => :lease_s), now() from placed
    returning {_SAGA}"""


async def insert_order(
    conn: Connection,
    idempotency: IdempotentRequest,
    *,
    order_id: UUID,
    email: str,
    currency: str,
    shipping_address: Address,
    billing_address: Address | None,
    note: str | None,
    context: Context,
    now: datetime,
) -> Saga | None:
    """Insert an order with its saga, leased to the caller, and bind the idempotency key to it, in one statement and
    so in one commit. Returns None when the key is already bound."""
    row = await conn.fetchrow(
        *named(
            _INSERT,
            order_id=order_id,
            user_id=context.user_id,
            email=email,
            currency=currency,
            shipping_address=shipping_address,
            billing_address=billing_address,
            note=note,
            entries=[HistoryEntry("pending", now)],
            at=now,
            definition_version=DEFINITION_VERSION,
            context=context,
            lease_s=LEASE_S,
            caller=idempotency.caller,
            key=idempotency.key,
            fingerprint=idempotency.fingerprint,
        )
    )
    return None if row is None else saga_from(row)


async def saga(conn: Connection, order_id: UUID) -> Saga | None:
    row = await conn.fetchrow(f"select {_SAGA} from checkout.saga where order_id = $1", order_id)
    return None if row is None else saga_from(row)


class NewerCheckout(Unavailable):
    """A newer version of this code began the checkout, so this instance must not touch it."""

    code, detail = "newer_checkout", "A newer version of the shop is working on this order; try again in a moment."


async def lock_saga(tx: Connection, order_id: UUID) -> Saga | None:
    """Lock the saga for a change that does not come from its driver, such as a payment or a cancellation. Raises
    `NewerCheckout`."""
    row = await tx.fetchrow(
        f"select {_SAGA}, definition_version from checkout.saga where order_id = $1 for update", order_id
    )
    if row is not None and row["definition_version"] > DEFINITION_VERSION:
        raise NewerCheckout
    return None if row is None else saga_from(row)


async def claim_due(tx: Connection, limit: int) -> list[Saga]:
    """Lease at most `limit` sagas that are due and not leased. Each gets a new epoch, which fences off its last driver.

    `next_run_at < 'infinity'` repeats what `<= now()` implies, because the partial index is defined by it."""
    rows = await tx.fetch(
        f"""update checkout.saga set epoch = epoch + 1, lease_until = now() + make_interval(secs => $2)
            where order_id in (
              select order_id from checkout.saga
              where next_run_at <= now() and next_run_at < 'infinity' and lease_until < now()
                and definition_version <= $3
              order by next_run_at limit $1 for update skip locked)
            returning {_SAGA}""",
        limit,
        LEASE_S,
        DEFINITION_VERSION,
    )
    return [saga_from(row) for row in rows]


async def claim(tx: Connection, order_id: UUID) -> Saga | None:
    """Lease this saga if it is due and not leased. A resting saga is not due."""
    row = await tx.fetchrow(
        f"""update checkout.saga set epoch = epoch + 1, lease_until = now() + make_interval(secs => $2)
            where order_id = $1 and next_run_at <= now() and lease_until < now() and definition_version <= $3
            returning {_SAGA}""",
        order_id,
        LEASE_S,
        DEFINITION_VERSION,
    )
    return None if row is None else saga_from(row)


async def saga_in_epoch(conn: Connection, saga: Saga) -> Saga | None:
    """The saga as it is now, or None if another driver has leased it since `saga` was read."""
    row = await conn.fetchrow(
        f"select {_SAGA} from checkout.saga where order_id = $1 and epoch = $2", saga.order_id, saga.epoch
    )
    return None if row is None else saga_from(row)


@dataclass(frozen=True, slots=True)
class Due:
    """When a saved saga is due again: in `run_in_s` seconds, at `run_at`, or (both None) not until something happens.
    With `leased` its driver continues immediately, and it is due for others once the lease has ended."""

    run_in_s: float | None = None
    run_at: datetime | None = None
    leased: bool = False


_SAVED = """
    with saved as (
      update checkout.saga set state = :state, context = context || :context, attempts = :attempts,
             version = version + 1, epoch = epoch + :fence_off::int,
             since = case when state = :state then since else now() end,
             lease_until = case when :leased then now() + make_interval(secs => :lease_s) else '-infinity' end,
             next_run_at = case when :leased then least(next_run_at, now())
                                else coalesce(:run_at, now() + make_interval(secs => :run_in_s), 'infinity') end
      where order_id = :order_id and version = :version and epoch = :epoch
            and definition_version <= :definition_version
      returning order_id, version, epoch, since),
    noted as (
      insert into checkout.step (order_id, state, detail)
      select saved.order_id, step.state, step.detail
      from saved, unnest(:states::text[], :details::text[]) with ordinality as step (state, detail, n)
      order by step.n)"""
_RETURNED = "select version, epoch, since from saved"
_SAVE = f"{_SAVED} {_RETURNED}"
_SAVE_WITH_STATUS = f"{_SAVED}, {orders.STATUS_UPDATE} {_RETURNED}"
_SAVE_WITH_PRICE = f"{_SAVED}, {orders.PRICE_UPDATE} {_RETURNED}"


async def save_saga(
    conn: Connection,
    old: Saga,
    new: Saga,
    due: Due,
    *,
    steps: tuple[tuple[State, str | None], ...] = (),
    order: StatusUpdate | PriceUpdate | None = None,
    fence_off: bool = False,
) -> Saga | None:
    """Save `new`, record `steps` and update the order, if the saga is unchanged since `old` was read. Returns None if
    it was changed. `fence_off` starts a new epoch, so that the current driver can no longer write.

    This is always a single statement, and so a single commit.
    """
    match order:
        case None:
            statement, more = _SAVE, {}
        case StatusUpdate():
            statement, more = _SAVE_WITH_STATUS, order.parameters
        case PriceUpdate():
            statement, more = _SAVE_WITH_PRICE, order.parameters
    row = await conn.fetchrow(
        *named(
            statement,
            order_id=old.order_id,
            version=old.version,
            epoch=old.epoch,
            definition_version=DEFINITION_VERSION,
            state=new.state,
            context=new.context,
            attempts=new.attempts,
            fence_off=int(fence_off),
            leased=due.leased,
            lease_s=LEASE_S,
            run_at=due.run_at,
            run_in_s=due.run_in_s,
            states=[state for state, _ in steps],
            details=[detail for _, detail in steps],
            **more,
        )
    )
    return None if row is None else replace(new, version=row["version"], epoch=row["epoch"], since=row["since"])


async def interrupt_saga(
    tx: Connection, locked: Saga, new: Saga, *, lease: bool = False, order: StatusUpdate | None = None
) -> Saga:
    """Save a locked saga that something other than its driver has moved. Its driver is fenced off. It is due now unless
    it rests; with `lease` the caller drives it."""
    due = Due(None if new.state in RESTING else 0.0, leased=lease)
    saved = await save_saga(tx, locked, replace(new, attempts=0), due, order=order, fence_off=True)
    assert saved is not None
    return saved


async def is_acknowledged(conn: Connection, order_id: UUID) -> bool:
    """Whether a client has received a 2xx answer for this order."""
    found: bool = await conn.fetchval("select acknowledged from checkout.saga where order_id = $1", order_id)
    return found


async def acknowledge(tx: Connection, order_id: UUID) -> None:
    """Record that the client is about to receive a 2xx answer. The caller has locked the saga."""
    await tx.execute("update checkout.saga set acknowledged = true where order_id = $1", order_id)


async def unbind_key(tx: Connection, saga: Saga) -> None:
    """Unbind the idempotency key of a rejected order, so that the client can retry with it. A key whose client has
    received a 2xx answer stays bound."""
    await tx.execute(
        """delete from idempotency_key where caller = $1 and key = $2 and resource = $3
             and not (select acknowledged from checkout.saga where order_id = $4)""",
        f"user:{saga.context.user_id}",
        saga.context.key,
        str(saga.order_id),
        saga.order_id,
    )


async def saga_counts(conn: Connection) -> list[tuple[str, int, float]]:
    """(state, count, age of the oldest in seconds) of the sagas that are due or will be."""
    rows = await conn.fetch(
        """select state, count(*) as n, extract(epoch from now() - min(since))::float8 as age
           from checkout.saga where next_run_at < 'infinity' group by state"""
    )
    return [(row["state"], row["n"], row["age"]) for row in rows]
