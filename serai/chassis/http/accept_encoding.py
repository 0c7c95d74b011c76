"""Which encodings a client wants, from its Accept-Encoding (RFC 9110, 12.5.3)."""

from __future__ import annotations

from functools import lru_cache

#: What we have, the smallest first: that order decides where a client likes several alike.
_OURS = (b"br", b"gzip")
_PLAIN: tuple[bytes, ...] = ()


@lru_cache(maxsize=256)
def wanted(header: bytes) -> tuple[bytes, ...]:
    """Those of ours that the client takes, the best first. Browsers say the same thing each time, so it is kept."""
    if len(header) > 1024:
        return _PLAIN
    weights: dict[bytes, float] = {}
    for part in header.lower().split(b","):
        coding, _, parameters = part.partition(b";")
        weights[coding.strip()] = _weight(parameters)
    anything = weights.get(b"*", 0.0)
    plain = weights.get(b"identity", 0.0)
    liked = [(weights.get(coding, anything), coding) for coding in _OURS]
    taken = [(weight, coding) for weight, coding in liked if weight > 0 and weight >= plain]
    return tuple(coding for _, coding in sorted(taken, key=lambda found: -found[0]))


def _weight(parameters: bytes) -> float:
    name, _, value = parameters.strip().partition(b"=")
    if not name:
        return 1.0
    if name.strip() != b"q":
        return 0.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
