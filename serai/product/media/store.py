"""Every statement about pictures: which there are, which are in use, and which go.

A picture is noted here before its files are written, and shown by a product only once they are: so whatever dies in
between leaves a note by which its files are found, and no product that shows what is not there. Several products may
show the same one. What nothing seems to show is `loose`; after a day it is looked whether anything does, then the
note is `doomed`, the files go, and the note goes last. Who would use a doomed one has to wait until it is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import asyncpg

from serai.chassis.data.database import Connection
from serai.product.media.pictures import Picture

#: Nobody takes this long to write or delete a few files: whoever began is gone.
_GIVEN_UP = timedelta(minutes=10)


async def note(conn: Connection, picture: Picture, *, in_use: bool = False) -> bool:
    """Before its files are written. False while the same picture is just being deleted."""
    noted = await conn.fetchval(
        """
        insert into picture as known (name, url, width, height, widths, loose_since)
        values ($1, $2, $3, $4, $5, case when not $6 then now() end)
        on conflict (name) do update set loose_since = case when known.loose_since is not null and not $6 then now() end
        where known.doomed_at is null
        returning true
        """,
        picture.name,
        picture.url,
        picture.width,
        picture.height,
        picture.widths,
        in_use,
    )
    return noted is not None


async def use(conn: Connection, names: Sequence[str]) -> dict[str, Picture]:
    """Those of them that there are, by name; none goes before this transaction ends, nor while a product shows it."""
    if not names:
        return {}
    # In two steps: the first may wait for one that is being doomed, which the second then does not see.
    await conn.execute(
        "update picture set loose_since = null where name = any($1) and loose_since is not null and doomed_at is null",
        names,
    )
    rows = await conn.fetch(
        "select name, width, height, widths from picture where name = any($1) and doomed_at is null", names
    )
    return {row["name"]: _picture(row) for row in rows}


async def loosen(conn: Connection, names: Collection[str]) -> None:
    """A product shows them no more; perhaps another does."""
    if not names:
        return
    await conn.execute("update picture set loose_since = now() where name = any($1)", list(names))


async def doom(conn: Connection, loose_for: timedelta, limit: int) -> list[Picture]:
    """Pictures that nothing has shown for so long, to be deleted now; also those that somebody began to delete."""
    rows = await conn.fetch(
        """
        with loose as (
            select name, doomed_at is null and exists (
                select from product
                where images <> '[]' and images @> jsonb_build_array(jsonb_build_object('url', picture.url))
            ) as in_use
            from picture
            where loose_since < now() - $1::interval and (doomed_at is null or doomed_at < now() - $2::interval)
            order by loose_since limit $3
            for update skip locked
        ), kept as (
            update picture set loose_since = null from loose where picture.name = loose.name and loose.in_use
        )
        update picture set doomed_at = now() from loose where picture.name = loose.name and not loose.in_use
        returning picture.name, width, height, widths
        """,
        loose_for,
        _GIVEN_UP,
        limit,
    )
    return [_picture(row) for row in rows]


async def forget(conn: Connection, names: Sequence[str]) -> None:
    """Doomed ones whose files are gone."""
    await conn.execute("delete from picture where name = any($1) and doomed_at is not null", names)


def _picture(row: asyncpg.Record) -> Picture:
    return Picture(row["name"], row["width"], row["height"], row["widths"])
