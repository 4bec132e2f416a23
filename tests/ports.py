"""Ports for servers that are told where to listen."""

import os
import random
import socket

_FROM_TO = (20_000, 32_000)  # below those that Linux gives to whoever asks for any: nobody gets one of ours meanwhile
_draw = random.Random(os.urandom(8))  # other tests beside these draw others
_given: set[int] = set()


def free_port() -> int:
    """Return a port of loopback on which nobody listens, another one each time."""
    while True:
        port = _draw.randrange(*_FROM_TO)
        try:
            with socket.create_server(("127.0.0.1", port)):
                pass
        except OSError:
            continue
        if port not in _given:
            _given.add(port)
            return port
