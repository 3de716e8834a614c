"""Following logs over a websocket, against a real server process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from .conftest import Embedded, ask


@contextmanager
def tail(server: Embedded, query: str, **params: str) -> Iterator[ClientConnection]:
    path = f"/loki/api/v1/tail?{urlencode({'query': query, **params})}"
    with connect(f"ws://{server.address('loki')}{path}", open_timeout=20, proxy=None) as connection:
        yield connection


def push(server: Embedded, app: str, *lines: str, at: int | None = None) -> None:
    moment = at or time.time_ns()
    values = [[str(moment + number), line] for number, line in enumerate(lines)]
    body = json.dumps({"streams": [{"stream": {"app": app}, "values": values}]}).encode()
    answer = ask("POST", server.url("loki", "/loki/api/v1/push"), body, {"Content-Type": "application/json"})
    assert answer.status == 204


def received(connection: ClientConnection, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        message: Any = json.loads(connection.recv(timeout=20))
        found += [line for stream in message["streams"] for _, line in stream["values"]]
    return found


def test_stored_lines_come_first_and_new_ones_as_they_arrive(shared: Embedded) -> None:
    push(shared, "follow", "one", "two", "skipped")
    with tail(shared, '{app="follow"} != "skip"') as connection:
        assert received(connection, 2) == ["one", "two"]
        push(shared, "other", "elsewhere")
        push(shared, "follow", "skipped too", "three")
        # a line that comes late is not lost
        push(shared, "follow", "late", at=time.time_ns() - 60 * 10**9)
        assert received(connection, 2) == ["three", "late"]


def test_a_pipeline_is_applied(shared: Embedded) -> None:
    with tail(shared, '{app="parsed"} | json | n > 1') as connection:
        push(shared, "parsed", '{"n":1}', '{"n":2}')
        message = json.loads(connection.recv(timeout=20))
    [stream] = message["streams"]
    assert stream["stream"] == {"app": "parsed", "n": "2"}


def test_only_the_newest_stored_lines_are_sent(shared: Embedded) -> None:
    now = time.time_ns()
    push(shared, "limited", *(str(number) for number in range(20)), at=now)
    with tail(shared, '{app="limited"}', limit="3") as connection:
        assert received(connection, 3) == ["17", "18", "19"]
    with tail(shared, '{app="limited"}', start=str(now + 18)) as connection:
        assert received(connection, 2) == ["18", "19"]


@pytest.mark.parametrize(
    ("query", "params", "told"),
    [
        ("{app=x}", {}, "parse error at line 1, col 6"),
        ('{app=~".*"}', {}, "queries require at least one regexp or equality matcher"),
        ('{app="x"} |~ "("', {}, "error parsing regexp"),
        ('count_over_time({app="x"}[5m])', {}, "only log selector is supported"),
        ('{app="x"}', {"delay_for": "6"}, "delay_for can't be greater than 5"),
        ('{app="x"}', {"delay_for": "soon"}, 'invalid delay_for "soon"'),
        ('{app="x"}', {"limit": "0"}, "limit must be a positive value"),
        ('{app="x"}', {"start": "yesterday"}, 'cannot parse "yesterday"'),
    ],
)
def test_what_cannot_be_followed_is_refused_before_the_upgrade(
    shared: Embedded, query: str, params: dict[str, str], told: str
) -> None:
    with pytest.raises(InvalidStatus) as caught, tail(shared, query, **params):
        pass
    response = caught.value.response
    assert (response.status_code, response.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert told in (response.body or b"").decode()


def test_there_is_an_end_to_followers(shared: Embedded) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(tail(shared, '{app="many"}')) for _ in range(10)]
        with pytest.raises(InvalidStatus, match="HTTP 400"), tail(shared, '{app="many"}'):
            pass
        push(shared, "many", "for everybody")
        assert [received(one, 1) for one in connections] == [["for everybody"]] * 10
    push(shared, "many", "after")
    with tail(shared, '{app="many"}') as connection:
        assert received(connection, 2) == ["for everybody", "after"]


def test_a_server_with_followers_can_be_stopped(embedded) -> None:
    server = embedded()
    with tail(server, '{app="stopped"}') as connection:
        push(server, "stopped", "seen")
        assert received(connection, 1) == ["seen"]
        assert server.stop() == (0, "")
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=20)
