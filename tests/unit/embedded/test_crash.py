"""``kill -9`` in the middle of ingest loses nothing that was acknowledged."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from pathlib import Path

from .conftest import Embedded, eventually
from .test_receive_http import PROTOBUF, post, stored, trace_request
from .test_receive_remote_write import now, one, values
from .test_receive_remote_write import post as write


class Client(threading.Thread):
    """Sends batches one after the other until the server is gone; remembers what was acknowledged."""

    def __init__(self, server: Embedded) -> None:
        super().__init__()
        host, _, port = server.address("otlp_http").rpartition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=20)
        self.acknowledged: list[tuple[bytes, bytes]] = []

    def run(self) -> None:
        try:
            while True:
                request = trace_request(spans=20)
                trace_id = request.resource_spans[0].scope_spans[0].spans[0].trace_id
                body = request.SerializeToString()
                self._connection.request("POST", "/v1/traces", body, PROTOBUF)
                response = self._connection.getresponse()
                if (response.read(), response.status) == (b"", 200):
                    self.acknowledged.append((trace_id, body))
        except (OSError, http.client.HTTPException):
            return
        finally:
            self._connection.close()


def test_nothing_acknowledged_is_lost_and_nothing_is_stored_twice(embedded: Callable[..., Embedded]) -> None:
    server = embedded()
    for _ in range(2):
        clients = [Client(server) for _ in range(3)]
        for client in clients:
            client.start()
        eventually(lambda clients=clients: sum(len(client.acknowledged) for client in clients) >= 40)
        server.kill()
        for client in clients:
            client.join()
        server.start()
        for client in clients:
            for trace_id, body in client.acknowledged:
                assert len(stored(server, trace_id)) == 20
                last = trace_id, body
        assert post(server, last[1]).status == 200
        assert len(stored(server, last[0])) == 20
    assert (Path(server.config["data_dir"]) / "telemetry.db").stat().st_size > 0


def test_no_acknowledged_sample_is_lost(embedded: Callable[..., Embedded]) -> None:
    server = embedded()
    newest, acknowledged = now(), []
    killer = threading.Thread(target=lambda: (eventually(lambda: len(acknowledged) >= 30), server.kill()))
    killer.start()
    try:
        while True:
            moment = newest - 1_000 * len(acknowledged)  # backwards: late samples are kept as safely
            request = one({"__name__": "crash_total", "n": "1"}, (moment, float(moment)))
            if write(server, request).status == 204:
                acknowledged.append(moment)
    except (OSError, http.client.HTTPException):
        killer.join()
    server.start()
    (points,) = values(server, f"crash_total[{len(acknowledged) + 10}s]", newest)
    assert {round(moment * 1_000) for moment, _ in points} >= set(acknowledged)
    assert all(float(value) == round(moment * 1_000) for moment, value in points)
