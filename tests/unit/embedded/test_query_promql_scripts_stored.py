"""The scripts of ``tests/scripts/promql`` over real storage: series arrive by remote write and are packed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cramjam import snappy
from starlette.applications import Starlette

from obsctl.embedded.http.body import Bodies
from obsctl.embedded.prometheus import remote_write
from obsctl.embedded.prometheus.write_requests import WriteRequest
from obsctl.embedded.self_metrics import SelfMetrics
from obsctl.embedded.store.sqlite import SqliteStore

from .memory_store import Api
from .promql_script import Script, problems
from .test_query_promql_scripts import SCRIPTS
from .test_receive_remote_write import HEADERS, add
from .test_store_samples import cut


def stored(folder: Path, data: Any) -> SqliteStore:
    """A store that got the series of a script in two writes, the first of them packed."""
    store = SqliteStore(folder)
    api = Api(Starlette(routes=remote_write.routes(store, SelfMetrics(), Bodies(8 << 20))))
    for part in range(2):
        request = WriteRequest()
        for labels, points in data.items():
            add(request, dict(labels), *(point for place, point in enumerate(points.items()) if place % 2 == part))
        body = bytes(snappy.compress_raw(request.SerializeToString()))
        answer = api.post("/api/v1/write", content=body, headers=HEADERS)
        assert answer.status_code == 204, answer.text
        if part == 0:
            cut(store)
    return store


def failures(script: Script, folder: Path) -> Iterator[str]:
    """What is not as expected."""
    store, held = None, None
    try:
        for number, (evaluation, _) in enumerate(script.evaluations()):
            copied = {labels: tuple(points) for labels, points in script.data.items()}
            if store is None or copied != held:
                if store:
                    store.close()
                store, held = stored(folder / str(number), script.data), copied
            for problem in problems(evaluation, store, script.tolerance):
                yield f"line {evaluation.line}: {evaluation.query}: {problem}"
    finally:
        if store:
            store.close()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_over_storage(path: Path, tmp_path: Path) -> None:
    assert list(failures(Script(path.read_text(encoding="utf8")), tmp_path)) == []
