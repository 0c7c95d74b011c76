"""Free ports, chosen once and remembered, so that bookmarks and connection strings survive a restart."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from pathlib import Path

from serai.chassis.process.ports import is_free
from serai.supervisor.home import Home, read_json, write_json
from serai.supervisor.replicas import of as numbers_of

#: What needs an address before it runs; everything else binds port 0 and registers itself.
ALWAYS = ("postgres", "discovery", "stripe", "mail", "smtp")

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: Below are the ports that people know services by.
_LOWEST = 12_000
#: Two who choose at the same moment must not choose alike, whatever somebody has seeded.
_chance = random.SystemRandom()


def find_free(taken: frozenset[int] = frozenset()) -> int:
    """A port that is likely to be free still when it is listened on, which may be seconds later.

    Not one of those that the kernel gives to outgoing connections and to whoever binds port 0: between the choice and
    the use any connection on this machine may take such a one.
    """
    candidates = _not_ephemeral()
    while True:
        port = _chance.choice(candidates)
        if port not in taken and is_free(port):
            return port


def _not_ephemeral() -> range:
    """The larger of the spans below and above the kernel's ephemeral ports."""
    try:
        lowest, highest = map(int, _EPHEMERAL.read_text().split())
    except (OSError, ValueError):
        # Not Linux: the span that IANA sets aside, which other systems keep to.
        lowest, highest = 49152, 65535
    return max(range(_LOWEST, lowest), range(highest + 1, 65536), range(_LOWEST, _LOWEST + 1000), key=len)


def names(replicas: Mapping[str, int]) -> tuple[str, ...]:
    """Everything that needs an address. The first gateway's is chosen by people."""
    others = [
        f"{name}-{number}" for name in ("discovery", "gateway") for number in numbers_of(replicas, name) if number > 1
    ]
    return (*ALWAYS, *others)


def allocate(home: Home, wanted: Iterable[str] = ALWAYS, taken: frozenset[int] = frozenset()) -> dict[str, int]:
    """A port for each name that is none of `taken`: the remembered one where it is still free, else another."""
    remembered = read_json(home.ports) or {}
    ports: dict[str, int] = {}
    for name in wanted:
        port = remembered.get(name)
        used = taken.union(ports.values())
        if not isinstance(port, int) or port in used or not is_free(port):
            # Nor one that is kept for a replica that does not run today.
            port = find_free(used.union(kept for kept in remembered.values() if isinstance(kept, int)))
        ports[name] = port
    if not ports.items() <= remembered.items():
        write_json(home.ports, remembered | ports)
    return ports
