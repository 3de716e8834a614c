from __future__ import annotations

from pathlib import Path

import pytest

from obsctl.clients.jaeger import JaegerClient
from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.errors import StartError, UsageError
from obsctl.ops import trace as op

TRACES = Endpoint("jaeger", Role.TRACES, "http://127.0.0.1:1", Dialect.JAEGER)
LOGS = Endpoint("loki", Role.LOGS, "http://127.0.0.1:2", Dialect.LOGQL)


def test_a_malformed_id_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a trace id"):
        op.trace(tmp_path, "a b", wait=0.0)


def test_a_stack_without_traces_is_an_error() -> None:
    with pytest.raises(StartError, match="no backend that answers trace queries"):
        op._sources(Endpoints((LOGS,)))


def test_logs_are_asked_where_the_stack_has_them() -> None:
    assert op._sources(Endpoints((TRACES,))).logs is None
    sources = op._sources(Endpoints((LOGS, TRACES)))
    assert isinstance(sources.traces, JaegerClient)
    assert sources.logs is not None
    assert sources.logs.url == LOGS.url
