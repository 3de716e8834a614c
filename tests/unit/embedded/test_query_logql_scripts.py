"""The scripts of ``tests/scripts/logql``: what answers must be, from the documented semantics of LogQL, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from obsctl.embedded.http.body import Bodies
from obsctl.embedded.loki import api as loki
from obsctl.embedded.loki import push as loki_push
from obsctl.embedded.self_metrics import SelfMetrics
from obsctl.embedded.store.sqlite import SqliteStore
from tests.unit.embedded.logql_script import BASE, SECOND, SPAN, Script, Server
from tests.unit.embedded.memory_store import Api

SCRIPTS = sorted((Path(__file__).parents[2] / "scripts" / "logql").glob("*.test"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    numbers = count()
    with ExitStack() as stack:

        def start() -> Server:
            store = SqliteStore(tmp_path / str(next(numbers)))
            stack.callback(store.close)
            push_routes = loki_push.routes(store, SelfMetrics(), Bodies(1 << 20), clock=lambda: (BASE + SPAN) * SECOND)
            routes = [*push_routes, *loki.routes(store)]
            api = Api(Starlette(routes=routes))

            def push(body: Any) -> None:
                answer = api.post("/loki/api/v1/push", json=body)
                assert answer.status_code == 204, answer.text

            return Server(push, lambda path, params: api.get(f"/loki/api/v1/{path}", params=params))

        yield start


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path, fresh):
    script = Script(path.read_text(encoding="utf8"), fresh)
    assert list(script.failures()) == []
    assert script.cases > 0


def test_scripts_can_fail(fresh):
    script = """
stream {a="b"}
  1 x
lines {a="b"}
  1 {a="b"} y
lines {
  1 {a="b"} x
instant 5 count_over_time({a="b"}[5s])
  {a="b"} 2
range 0 4 2 count_over_time({a="b"}[5s])
  {a="b"} 1 1 1
error {a="b"}
  syntax
"""
    problems = list(Script(script, fresh).failures())
    assert [problem.split(":")[0] for problem in problems] == [
        "line 4",
        "line 6",
        "line 8",
        "line 10",
        "line 12",
        "line 12",
    ]
