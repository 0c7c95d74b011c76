"""All SQL statements of the cart service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from serai.cart.domain import GUEST_LIFE, NO_CART, CartState, Lines
from serai.chassis.data.database import Connection
from serai.chassis.ids import new_id
from serai.contracts.cart import CartLine, CartSnapshot

#: Rows deleted per statement and call of `prune`, and days that an ended freeze is kept.
_PRUNED = 1000
_ENDS_KEPT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a cart: a customer, or a guest by the hash of the cookie. Exactly one is set."""

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


_CART = "id, version, lines, updated_at"
_OF_USER = f"select {_CART} from cart where user_id = $1"
_OF_GUEST = f"select {_CART} from cart where guest_hash = $1"


async def cart_of(conn: Connection, owner: Owner) -> CartState:
    """The owner's cart, its lines in the order they were added."""
    if owner.user_id is not None:
        return _cart(await conn.fetchrow(_OF_USER, owner.user_id))
    return _cart(await conn.fetchrow(_OF_GUEST, owner.guest_hash))


async def lock_cart(tx: Connection, owner: Owner) -> CartState:
    """The owner's cart, created if there is none, locked until the transaction ends."""
    cart = await _lock(tx, owner)
    if cart.id is None:
        await tx.execute(
            "insert into cart (id, user_id, guest_hash) values ($1, $2, $3) on conflict do nothing",
            new_id(),
            owner.user_id,
            owner.guest_hash,
        )
        cart = await _lock(tx, owner)
    return cart


async def _lock(tx: Connection, owner: Owner) -> CartState:
    if owner.user_id is not None:
        return _cart(await tx.fetchrow(f"{_OF_USER} for no key update", owner.user_id))
    return _cart(await tx.fetchrow(f"{_OF_GUEST} for no key update", owner.guest_hash))


async def lock_guest_cart(tx: Connection, guest_hash: bytes) -> CartState:
    """The guest's cart, locked so that it can be deleted. Does not create one."""
    return _cart(await tx.fetchrow(f"{_OF_GUEST} for update", guest_hash))


async def save(conn: Connection, owner: Owner, cart: CartState, lines: Lines) -> CartState | None:
    """Save the lines if the cart still has the version that was read. None if it was changed meanwhile."""
    if cart.id is not None and lines == cart.lines:
        return cart
    if cart.id is None:
        row = await conn.fetchrow(
            f"""insert into cart (id, user_id, guest_hash, version, lines) values ($1, $2, $3, 1, $4)
                on conflict do nothing returning {_CART}""",
            new_id(),
            owner.user_id,
            owner.guest_hash,
            lines,
        )
    else:
        row = await conn.fetchrow(
            f"""update cart set version = version + 1, lines = $3, updated_at = now() where id = $1 and version = $2
                returning {_CART}""",
            cart.id,
            cart.version,
            lines,
        )
    return None if row is None else _cart(row)


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
    """The order of the checkout in progress of this cart."""
    found: UUID | None = await tx.fetchval(
        "select order_id from cart_freeze where cart_id = $1 and state = 'live'", cart_id
    )
    return found


async def freeze(conn: Connection, order_id: UUID, user_id: UUID, guest_hash: bytes | None) -> CartSnapshot | None:
    """Store a snapshot of the user's cart under the order's id. None, and nothing stored, if the cart is empty, or if
    the cart or the order already has a freeze.

    The cart is locked before the freeze, here and in `clear`, so that they cannot deadlock.
    """
    row = await conn.fetchrow(
        """with locked as materialized (
             select id, version, lines from cart where user_id = $2 and lines <> '[]' for no key update
           )
           insert into cart_freeze (order_id, state, user_id, cart_id, guest_hash, version, lines)
           select $1, 'live', $2, id, $3, version, lines from locked
           on conflict do nothing returning cart_id, version, lines""",
        order_id,
        user_id,
        guest_hash,
    )
    if row is None:
        return None
    return CartSnapshot(row["cart_id"], row["version"], msgspec.convert(row["lines"], list[CartLine]))


async def clear(conn: Connection, order_id: UUID) -> bool:
    """End the freeze and remove its quantities from the current cart, down to 0. False, and nothing changed, if there
    is no live freeze."""
    return (
        await conn.fetchval(
            """with locked as materialized (
                 select id from cart
                 where id = (select cart_id from cart_freeze where order_id = $1 and state = 'live')
                 for no key update
               ), ended as (
                 update cart_freeze f set state = 'cleared', ended_at = now() from locked
                 where f.order_id = $1 and f.state = 'live' returning f.cart_id, f.lines
               )
               update cart c set version = version + 1, updated_at = now(), lines = (
                 select coalesce(jsonb_agg(line || jsonb_build_object('quantity', quantity) order by place), '[]')
                 from (
                   select line, place, (line ->> 'quantity')::int - coalesce(bought.quantity, 0) as quantity
                   from jsonb_array_elements(c.lines) with ordinality as current (line, place)
                        left join jsonb_to_recordset(ended.lines) as bought (variant_id text, quantity int)
                        on bought.variant_id = line ->> 'variant_id') as kept
                 where quantity > 0)
               from ended where c.id = ended.cart_id returning true""",
            order_id,
        )
        is True
    )


async def release(conn: Connection, order_id: UUID) -> str:
    """End the freeze, or record the end of one that does not exist. Returns its state."""
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
    """Delete guests' carts that were not changed for `GUEST_LIFE`, and freezes that ended long ago."""
    await tx.execute(
        """delete from cart where id in (
             select id from cart
             where user_id is null and created_at < now() - $1::interval and updated_at < now() - $1::interval
             order by created_at limit $2 for update skip locked)""",
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


def _cart(row: asyncpg.Record | None) -> CartState:
    if row is None:
        return NO_CART
    return CartState(row["id"], row["version"], msgspec.convert(row["lines"], Lines), row["updated_at"])
