from __future__ import annotations

import socket

from serai.chassis.process.ports import is_free


def test_a_port_is_free_once_nobody_listens_on_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)
