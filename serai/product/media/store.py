"""SQL statements for pictures: recording, using and deleting them.

The row of a picture is inserted before its files are written, and a product uses the picture only afterwards. So if a
process dies in between, the row says which files to delete, and no product has a picture without files. Several
products may use the same picture. A picture that may be unused has `loose_since`. A day later a job checks whether a
product uses it; if none does, the job sets `doomed_at`, deletes the files, and then the row. A doomed picture cannot
be used or uploaded again until its row is deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import asyncpg

from serai.chassis.data.database import Connection
from serai.product.media.pictures import Picture

#: Deleting a few files never takes this long: the process that began it has died.
_GIVEN_UP = timedelta(minutes=10)


async def note(conn: Connection, picture: Picture, *, in_use: bool = False) -> bool:
    """Insert the row of a picture, before its files are written. Returns False while the same picture is being
    deleted."""
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
    """The existing ones of these pictures, by name. They are not deleted before the transaction ends, nor while a
    product uses them."""
    if not names:
        return {}
    # Two statements: the first may wait for a transaction that dooms a picture; the second then does not return it.
    await conn.execute(
        "update picture set loose_since = null where name = any($1) and loose_since is not null and doomed_at is null",
        names,
    )
    rows = await conn.fetch(
        "select name, width, height, widths from picture where name = any($1) and doomed_at is null", names
    )
    return {row["name"]: _picture(row) for row in rows}


async def loosen(conn: Connection, names: Collection[str]) -> None:
    """Mark pictures that a product no longer uses; another product may use them."""
    if not names:
        return
    await conn.execute("update picture set loose_since = now() where name = any($1)", list(names))


async def doom(conn: Connection, loose_for: timedelta, limit: int) -> list[Picture]:
    """Pictures to delete: those unused for `loose_for`, and those whose deletion was interrupted."""
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
    """Delete the rows of doomed pictures, after their files."""
    await conn.execute("delete from picture where name = any($1) and doomed_at is not null", names)


def _picture(row: asyncpg.Record) -> Picture:
    return Picture(row["name"], row["width"], row["height"], row["widths"])
