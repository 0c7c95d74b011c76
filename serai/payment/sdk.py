"""The official Stripe SDK, imported without the HTTP libraries that it would only load in case somebody wants them.

Looking for a default client it imports requests and httpx, and with them rich, click and others: 11 MB and 0.4 s in
each process for code that never runs, because we hand it aiohttp. A name that is None among the loaded modules counts
as not installed (docs.python.org/3/reference/import.html#the-module-cache), which the SDK is prepared for.
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

# It would put an id into the user's home folder and a second header on every request.
stripe.enable_telemetry = False

__all__ = ["stripe"]
