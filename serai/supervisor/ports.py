"""Free ports, chosen once and stored, so that bookmarks and connection strings stay valid after a restart."""

from __future__ import annotations

import random
import socket
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

from serai.chassis.process.ports import is_free
from serai.supervisor.home import Home, read_json, write_json
from serai.supervisor.replicas import numbers

#: What needs a fixed address. Everything else binds port 0 and registers itself.
ALWAYS = ("postgres", "discovery", "stripe", "mail", "smtp")

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: Lower ports are commonly used by other programs.
_LOWEST = 12_000
#: SystemRandom, so that two processes with a seeded `random` do not choose the same port.
_random = random.SystemRandom()
#: Sockets that reserve the ports found last, until this process ends.
_reservations: deque[socket.socket] = deque()
_MAX_RESERVATIONS = 128


def find_free(taken: frozenset[int] = frozenset()) -> int:
    """A port that is still free when it is used, which may be seconds later.

    It is not in the kernel's ephemeral range, from which any connection of this machine could take it meanwhile. No
    other process receives it from this function while this process runs, or until this one has found
    `_MAX_RESERVATIONS` others: it may start servers for as long.
    """
    candidates = _candidate_ports()
    while True:
        port = _random.choice(candidates)
        if port not in taken and (reservation := _reserve(port)) is not None:
            _reservations.append(reservation)
            if len(_reservations) > _MAX_RESERVATIONS:
                _reservations.popleft().close()
            return port


def _reserve(port: int) -> socket.socket | None:
    """A socket that is bound to the port but does not listen, or None if the port is used or reserved.

    Servers can listen on the port all the same: they set SO_REUSEADDR or SO_REUSEPORT before they bind. This socket
    sets them afterwards, so that its own bind fails if any other socket is bound to the port.
    """
    reservation = socket.socket()
    try:
        reservation.bind(("127.0.0.1", port))
    except OSError:
        reservation.close()
        return None
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return reservation


def _candidate_ports() -> range:
    """The larger of the ranges below and above the kernel's ephemeral ports."""
    try:
        lowest, highest = map(int, _EPHEMERAL.read_text().split())
    except (OSError, ValueError):
        # Not Linux: the range that IANA reserves for ephemeral ports, which other systems use.
        lowest, highest = 49152, 65535
    return max(range(_LOWEST, lowest), range(highest + 1, 65536), range(_LOWEST, _LOWEST + 1000), key=len)


def port_names(replicas: Mapping[str, int]) -> tuple[str, ...]:
    """The names of everything that needs an address. The first gateway's port is set by the user."""
    others = [
        f"{name}-{number}" for name in ("discovery", "gateway") for number in numbers(replicas, name) if number > 1
    ]
    return (*ALWAYS, *others)


def allocate(home: Home, names: Iterable[str] = ALWAYS, taken: frozenset[int] = frozenset()) -> dict[str, int]:
    """A port for each name that is not in `taken`: the stored one if it is still free, else another."""
    remembered = read_json(home.ports) or {}
    ports: dict[str, int] = {}
    for name in names:
        port = remembered.get(name)
        used = taken.union(ports.values())
        if not isinstance(port, int) or port in used or not is_free(port):
            # Also not one that is stored for a replica that does not run this time.
            port = find_free(used.union(reserved for reserved in remembered.values() if isinstance(reserved, int)))
        ports[name] = port
    if not ports.items() <= remembered.items():
        write_json(home.ports, remembered | ports)
    return ports
