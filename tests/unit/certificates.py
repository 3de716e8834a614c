"""Certificates of real HTTPS servers and of their clients."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """PEM files: a CA, a client's certificate with its key in the same file, and what a server needs."""

    ca_file: str
    client_file: str
    server: ssl.SSLContext


def certificates(folder: Path, *names: str, client: bool = False) -> Certificates:
    """A CA of its own; ``names`` are those of the server, which asks for a ``client``'s certificate."""
    ca = trustme.CA()
    folder.mkdir(exist_ok=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(server)
    if client:
        ca.configure_trust(server)
        server.verify_mode = ssl.CERT_REQUIRED
    ca.cert_pem.write_to_path(folder / "ca.pem")
    ca.issue_cert("me@shop.example").private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    return Certificates(str(folder / "ca.pem"), str(folder / "client.pem"), server)
