"""Where the pages are served: a socket on one address of this machine."""

from __future__ import annotations

import socket

from obsctl.errors import StartError

BACKLOG = 128


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. StartError where the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        hint = "choose another with --port, or leave it out: a free one is taken then"
        raise StartError(f"port {port} of {host} cannot be used: {error.strerror}", hint=hint) from error
    return listener
