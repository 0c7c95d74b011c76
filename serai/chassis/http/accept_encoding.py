"""Content encodings that a client accepts, from its Accept-Encoding header (RFC 9110, section 12.5.3)."""

from __future__ import annotations

from functools import lru_cache

#: The encodings that we serve, the smallest result first. This order decides between equal weights.
_SUPPORTED = (b"br", b"gzip")
_PLAIN: tuple[bytes, ...] = ()


@lru_cache(maxsize=256)
def accepted_encodings(header: bytes) -> tuple[bytes, ...]:
    """The supported encodings that the client accepts, the preferred first. Cached, because browsers send the same
    header with every request."""
    if len(header) > 1024:
        return _PLAIN
    weights: dict[bytes, float] = {}
    for part in header.lower().split(b","):
        coding, _, parameters = part.partition(b";")
        weights[coding.strip()] = _weight(parameters)
    anything = weights.get(b"*", 0.0)
    plain = weights.get(b"identity", 0.0)
    weighted = [(weights.get(coding, anything), coding) for coding in _SUPPORTED]
    accepted = [(weight, coding) for weight, coding in weighted if weight > 0 and weight >= plain]
    return tuple(coding for _, coding in sorted(accepted, key=lambda pair: -pair[0]))


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
