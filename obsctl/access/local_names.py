"""Names of this machine: what a ``Host`` header and the origin of a page may say where nobody else is meant."""

from __future__ import annotations

import ipaddress

_LOCAL_NAMES = ("localhost", "host.docker.internal")


def host_name(header: str) -> str:
    """The name or address of a ``Host`` header, without port, brackets and the dot of the root."""
    name = header.strip().lower()
    if name.startswith("["):
        address, closed, _ = name[1:].partition("]")
        return address if closed else ""
    return name.partition(":")[0].rstrip(".")


def is_local_name(name: str) -> bool:
    """Whether a name or an address is this machine's own."""
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
