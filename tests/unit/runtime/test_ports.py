"""A taken port is named with its key, its holder, and the option that moves it."""

from __future__ import annotations

import os
import socket

import pytest

from obsctl.errors import StartError
from obsctl.runtime.ports import require_free


def test_a_taken_port_is_named_with_its_holder_and_the_way_out() -> None:
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        port, open_port = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        with pytest.raises(StartError) as caught:
            require_free("127.0.0.1", {"prometheus": port, "loki": open_port})
    assert f"port {port} (prometheus) is taken by pid {os.getpid()}" in caught.value.message
    assert str(open_port) not in caught.value.message
    assert "--port-offset" in caught.value.hint
    assert f"ports: {{prometheus: {port + 1}}}" in caught.value.hint


def test_free_ports_are_fine() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    require_free("127.0.0.1", {"loki": port})
