"""Every statement of the cart service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from serai.cart.domain import GUEST_LIFE, NO_CART, CartState, Line, Lines, difference
from serai.chassis.db import Connection
from serai.chassis.ids import new_id
from serai.contracts.cart import CartLine, CartSnapshot

#: Rows removed by one round of pruning, and days that the end of a checkout is remembered.
_PRUNED = 1000
_ENDS_KEPT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose cart: a customer's, or a guest's by the hash of the cookie. Exactly one is set."""

    user_id: UUID | None = None
    guest_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    state: Literal["live", "cleared", "released"]
    user_id: UUID | None
    cart_id: UUID | None
    guest_hash: bytes | None
    version: int | None
    lines: list[CartLine] | None

    @property
    def snapshot(self) -> CartSnapshot:
        return CartSnapshot(self.cart_id, self.version or 0, self.lines or [])


_OF_USER = """select c.id, c.version, c.updated_at, l.id as line_id, l.product_id, l.variant_id, l.quantity
              from cart c left join cart_line l on l.cart_id = c.id where c.user_id = $1 order by l.id"""
_OF_GUEST = """select c.id, c.version, c.updated_at, l.id as line_id, l.product_id, l.variant_id, l.quantity
               from cart c left join cart_line l on l.cart_id = c.id where c.guest_hash = $1 order by l.id"""


async def cart_of(conn: Connection, owner: Owner) -> CartState:
    """The owner's cart with its lines in the order they were added, as of one moment."""
    if owner.user_id is not None:
        rows = await conn.fetch(_OF_USER, owner.user_id)
    else:
        rows = await conn.fetch(_OF_GUEST, owner.guest_hash)
    if not rows:
        return NO_CART
    first = rows[0]
    lines = () if first["line_id"] is None else tuple(_line(row) for row in rows)
    return CartState(first["id"], first["version"], lines, first["updated_at"])


async def lock_cart(tx: Connection, owner: Owner) -> CartState:
    """The owner's cart, made if there is none, and nobody else's to change until the transaction ends.

    Read after the lock was granted, in a statement of its own: one that waits for a lock still sees the lines of
    the moment it began.
    """
    if not await _lock(tx, owner):
        await tx.execute(
            "insert into cart (id, user_id, guest_hash) values ($1, $2, $3) on conflict do nothing",
            new_id(),
            owner.user_id,
            owner.guest_hash,
        )
        await _lock(tx, owner)
    return await cart_of(tx, owner)


async def _lock(tx: Connection, owner: Owner) -> bool:
    """False where there is no cart."""
    if owner.user_id is not None:
        found = await tx.fetchval("select true from cart where user_id = $1 for no key update", owner.user_id)
    else:
        found = await tx.fetchval("select true from cart where guest_hash = $1 for no key update", owner.guest_hash)
    return found is True


async def lock_guest_cart(tx: Connection, guest_hash: bytes) -> CartState:
    """The guest's cart, locked for its removal; none is made."""
    await tx.execute("select 1 from cart where guest_hash = $1 for update", guest_hash)
    return await cart_of(tx, Owner(guest_hash=guest_hash))


async def save(conn: Connection, owner: Owner, cart: CartState, lines: Lines) -> CartState | None:
    """Give the cart these lines, if it is still the one that was read; None when somebody else was quicker.

    One statement, so that it needs no transaction around it.
    """
    put, gone = difference(cart.lines, lines)
    if not put and not gone and cart.id is not None:
        return cart
    columns = (
        [line.id for line in put],
        [line.product_id for line in put],
        [line.variant_id for line in put],
        [line.quantity for line in put],
    )
    if cart.id is None:
        row = await conn.fetchrow(
            """with saved as (
                 insert into cart (id, user_id, guest_hash, version) values ($1, $2, $3, 1)
                 on conflict do nothing returning id, version, updated_at
               ), put as (
                 insert into cart_line (id, cart_id, product_id, variant_id, quantity)
                 select l.id, saved.id, l.product_id, l.variant_id, l.quantity
                 from saved, unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::int[])
                             as l (id, product_id, variant_id, quantity)
               )
               select id, version, updated_at from saved""",
            new_id(),
            owner.user_id,
            owner.guest_hash,
            *columns,
        )
    else:
        row = await conn.fetchrow(
            """with saved as (
                 update cart set version = version + 1, updated_at = now() where id = $1 and version = $2
                 returning id, version, updated_at
               ), removed as (
                 delete from cart_line l using saved where l.cart_id = saved.id and l.id = any ($3::uuid[])
               ), put as (
                 insert into cart_line (id, cart_id, product_id, variant_id, quantity)
                 select l.id, saved.id, l.product_id, l.variant_id, l.quantity
                 from saved, unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::int[])
                             as l (id, product_id, variant_id, quantity)
                 on conflict (id) do update set quantity = excluded.quantity
               )
               select id, version, updated_at from saved""",
            cart.id,
            cart.version,
            gone,
            *columns,
        )
    return None if row is None else CartState(row["id"], row["version"], lines, row["updated_at"])


async def remove_cart(tx: Connection, cart_id: UUID) -> None:
    await tx.execute("delete from cart where id = $1", cart_id)


async def freeze_of(conn: Connection, order_id: UUID) -> Freeze | None:
    row = await conn.fetchrow(
        "select state, user_id, cart_id, guest_hash, version, lines from cart_freeze where order_id = $1", order_id
    )
    if row is None:
        return None
    lines = None if row["lines"] is None else msgspec.convert(row["lines"], list[CartLine])
    return Freeze(row["state"], row["user_id"], row["cart_id"], row["guest_hash"], row["version"], lines)


async def live_freeze_of(tx: Connection, cart_id: UUID) -> UUID | None:
    """The order that this cart is being checked out as."""
    found: UUID | None = await tx.fetchval(
        "select order_id from cart_freeze where cart_id = $1 and state = 'live'", cart_id
    )
    return found


async def freeze(conn: Connection, order_id: UUID, user_id: UUID, guest_hash: bytes | None) -> CartSnapshot | None:
    """Keep what is in the user's cart under the order's id. None, and nothing done, where the cart is empty, it or the
    order is known to another checkout, or somebody changed the cart meanwhile.

    A statement that waits for the lock of the cart gets its row as it is then, but reads the lines of the moment the
    statement began: they are the cart's only if the version is still theirs. The cart is locked before the freeze is
    touched, here and in `clear`: so they wait for each other in one order.
    """
    row = await conn.fetchrow(
        """with seen as (
             select c.id, c.version,
                    jsonb_agg(jsonb_build_object('variant_id', l.variant_id, 'product_id', l.product_id,
                                                 'quantity', l.quantity) order by l.id) as lines
             from cart c join cart_line l on l.cart_id = c.id where c.user_id = $2 group by c.id
           ), locked as materialized (
             select id, version from cart where user_id = $2 for no key update
           )
           insert into cart_freeze (order_id, state, user_id, cart_id, guest_hash, version, lines)
           select $1, 'live', $2, id, $3, version, lines from seen join locked using (id, version)
           on conflict do nothing returning cart_id, version, lines""",
        order_id,
        user_id,
        guest_hash,
    )
    if row is None:
        return None
    return CartSnapshot(row["cart_id"], row["version"], msgspec.convert(row["lines"], list[CartLine]))


async def clear(conn: Connection, order_id: UUID) -> bool:
    """End the freeze, and take its quantities out of the cart, each down to nothing at most. False, and nothing done,
    where no live freeze is known, or somebody changed the cart meanwhile (see `freeze`).

    The cart's lines are asked for by one id: joined by it, they would be looked for among everybody's.
    """
    return (
        await conn.fetchval(
            """with frozen as (
                 select cart_id from cart_freeze where order_id = $1 and state = 'live'
               ), seen as (
                 select c.id, c.version from cart c join frozen on c.id = frozen.cart_id
               ), locked as materialized (
                 select c.id, c.version from cart c join frozen on c.id = frozen.cart_id for no key update of c
               ), ended as (
                 update cart_freeze f set state = 'cleared', ended_at = now() from seen join locked using (id, version)
                 where f.order_id = $1 and f.state = 'live' returning f.cart_id, f.lines
               ), bought as (
                 select line.variant_id, line.quantity
                 from ended, jsonb_to_recordset(ended.lines) as line (variant_id uuid, quantity int)
               ), removed as (
                 delete from cart_line l using bought b
                 where l.cart_id = (select cart_id from ended) and l.variant_id = b.variant_id
                   and l.quantity <= b.quantity
               ), reduced as (
                 update cart_line l set quantity = l.quantity - b.quantity from bought b
                 where l.cart_id = (select cart_id from ended) and l.variant_id = b.variant_id
                   and l.quantity > b.quantity
               ), changed as (
                 update cart c set version = version + 1, updated_at = now() from ended where c.id = ended.cart_id
               )
               select true from ended""",
            order_id,
        )
        is True
    )


async def release(conn: Connection, order_id: UUID) -> str:
    """End the freeze, or note the end of one that never was. The state it is in now."""
    state: str = await conn.fetchval(
        """insert into cart_freeze as f (order_id, state, ended_at) values ($1, 'released', now())
           on conflict (order_id) do update
           set state = case f.state when 'live' then 'released' else f.state end,
               ended_at = coalesce(f.ended_at, now())
           returning state""",
        order_id,
    )
    return state


async def prune(tx: Connection) -> None:
    """Throw away guests' carts that nobody has changed for long, and ends of checkouts nobody will ask about again."""
    await tx.execute(
        """delete from cart where id in (
             select id from cart where user_id is null and updated_at < now() - $1::interval
             order by updated_at limit $2 for update skip locked)""",
        GUEST_LIFE,
        _PRUNED,
    )
    await tx.execute(
        """delete from cart_freeze where order_id in (
             select order_id from cart_freeze where state <> 'live' and ended_at < now() - make_interval(days => $1)
             order by ended_at limit $2)""",
        _ENDS_KEPT_DAYS,
        _PRUNED,
    )


def _line(row: asyncpg.Record) -> Line:
    return Line(row["line_id"], row["product_id"], row["variant_id"], row["quantity"])
