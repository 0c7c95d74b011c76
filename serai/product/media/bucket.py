"""Pictures in a bucket of whatever speaks S3: every replica reaches them, on whatever machine it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import obstore
from obstore.store import S3Store

#: Of one request; whoever calls has a deadline of its own over all of them.
_TIMEOUT = timedelta(seconds=4)
_CONNECT_TIMEOUT = timedelta(seconds=2)
_ATTRIBUTES = {"Content-Type": "image/webp", "Cache-Control": "public, max-age=31536000, immutable"}


class Bucket:
    """An object appears when it is whole, and stays once that is acknowledged."""

    def __init__(self, name: str, *, endpoint: str, region: str, access_key: str, secret_key: str) -> None:
        """Without an endpoint the bucket is at Amazon."""
        self._store = S3Store(
            name,
            region=region,
            access_key_id=access_key,
            secret_access_key=secret_key,
            config={"endpoint": endpoint} if endpoint else {},
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": _CONNECT_TIMEOUT,
                "timeout": _TIMEOUT,
            },
            retry_config={"max_retries": 2, "retry_timeout": 2 * _TIMEOUT},
        )

    async def put(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            await obstore.put_async(self._store, name, content, attributes=_ATTRIBUTES)

    async def get(self, name: str) -> bytes | None:
        try:
            found = await obstore.get_async(self._store, name)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None

    async def delete(self, names: Iterable[str]) -> None:
        await obstore.delete_async(self._store, list(names))

    async def tidy(self) -> None:
        """Nothing is ever half there."""
