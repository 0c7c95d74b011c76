"""Deadlines that propagate: a call made for a request ends no later than the caller's own deadline, so that a chain of
calls gives up together.

The caller sends the time it has left in a header. The header's prefix is one that the gateway strips from outside
requests, so clients cannot set our deadlines.
"""

from __future__ import annotations

import math
import time
from contextvars import ContextVar

HEADER = "x-serai-timeout-ms"
_MAX_DIGITS = 9

#: The deadline of the current request, on the monotonic clock. Tasks started by a request inherit it.
_answer_by: ContextVar[float] = ContextVar("answer_by", default=math.inf)


def accept(header: bytes | None) -> None:
    """Begin a request whose caller waits that many more milliseconds. Anything but a number counts as no deadline."""
    if header is not None and header.isdigit() and len(header) <= _MAX_DIGITS:
        _answer_by.set(time.monotonic() + int(header) / 1000)
    else:
        _answer_by.set(math.inf)


def within(timeout_s: float) -> float:
    """The deadline of a call of `timeout_s`, on the monotonic clock: no later than that of the current request."""
    return min(time.monotonic() + timeout_s, _answer_by.get())


def left_ms(deadline: float) -> str:
    """The header's value for a call with this deadline."""
    return str(max(int((deadline - time.monotonic()) * 1000), 1))
