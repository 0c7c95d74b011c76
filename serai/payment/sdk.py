"""The official Stripe SDK, imported without HTTP libraries that this service does not use.

When it looks for a default client, the SDK imports requests and httpx, and with them rich, click and others: 11 MB and
0.4 s in each process. This service gives it aiohttp. A name that is None in `sys.modules` counts as not installed
(docs.python.org/3/reference/import.html#the-module-cache), and the SDK handles libraries that are not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is what the import system asks for
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


with _hidden("requests", "httpx"):
    import stripe

# Telemetry would write an id into the home directory and add a header to each request.
stripe.enable_telemetry = False

__all__ = ["stripe"]
