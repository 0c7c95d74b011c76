"""How long an answer is still of use: handed on with every call, so that a chain of calls gives up together.

A caller sends what is left of its own time; while that request is answered, no call made for it outlasts that. The
header begins with a prefix that the gateway takes away from outside requests: nobody there sets our deadlines.
"""

from __future__ import annotations

import math
import time
from contextvars import ContextVar

HEADER = "x-serai-timeout-ms"
_MAX_DIGITS = 9

#: When the answer to the current request stops being of use, on the monotonic clock. Tasks started by a request
#: inherit it.
_answer_by: ContextVar[float] = ContextVar("answer_by", default=math.inf)


def accept(header: bytes | None) -> None:
    """Begin a request whose caller waits that many milliseconds more. Anything but a number counts as not said."""
    if header is not None and header.isdigit() and len(header) <= _MAX_DIGITS:
        _answer_by.set(time.monotonic() + int(header) / 1000)
    else:
        _answer_by.set(math.inf)


def within(timeout_s: float) -> float:
    """When a call of `timeout_s` has to end, on the monotonic clock: no later than whoever waits for us."""
    return min(time.monotonic() + timeout_s, _answer_by.get())


def left_ms(deadline: float) -> str:
    """The header's value for a call that ends at `deadline`."""
    return str(max(int((deadline - time.monotonic()) * 1000), 1))
