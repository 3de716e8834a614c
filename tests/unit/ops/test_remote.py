"""A stack that somebody else runs: it is asked where the spec says, and nothing of it is started or recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from obsctl import assets
from obsctl.endpoints import Dialect, Role
from obsctl.errors import UsageError
from obsctl.events import Event
from obsctl.ops.down import down
from obsctl.ops.home import open_home
from obsctl.ops.restart import restart
from obsctl.ops.session import open_session
from obsctl.ops.up import plan, up
from obsctl.spec.load import load_stack

SPEC = """\
version: 1
runtime: remote
remote:
  metrics: {url: "https://mimir.example/prometheus/", auth: {bearer: "${env:TOKEN}"}, lag: 5s}
  traces: {url: "https://tempo.example", api: tempo, tls: {ca_file: certificates/ca.pem}}
services:
  - name: jobs
    contract: CONTRACT
    components:
      - {name: api, url: "http://127.0.0.1:1"}
      - {name: worker, url: "http://127.0.0.1:2"}
      - {name: ai, url: "http://127.0.0.1:3"}
"""


@pytest.fixture(autouse=True)
def spec(folder: Path) -> None:
    (folder / "obsctl.yaml").write_text(SPEC.replace("CONTRACT", str(assets.sample_contract())))


def test_its_endpoints_are_those_of_the_spec(folder: Path) -> None:
    metrics, traces, *components = open_home(folder).running()
    assert (metrics.name, metrics.url, metrics.dialect) == (
        "metrics",
        "https://mimir.example/prometheus",
        Dialect.PROMQL,
    )
    assert (str(metrics.access.auth.bearer), metrics.lag) == ("${env:TOKEN}", 5.0)
    assert (traces.role, traces.dialect, traces.probe) == (
        Role.TRACES,
        Dialect.TRACEQL,
        "https://tempo.example/api/echo",
    )
    assert traces.access.tls.ca_file == str(folder / "certificates/ca.pem")
    assert [c.name for c in components] == ["api", "worker", "ai"]


def test_nothing_of_it_is_started_stopped_or_recorded(folder: Path) -> None:
    events: list[Event] = []
    with pytest.raises(UsageError, match="somebody else's"):
        up(folder, runtime=None, port_offset=None, timeout=1, emit=events.append)
    with pytest.raises(UsageError, match="somebody else's") as caught:
        plan(folder, runtime=None, port_offset=None)
    assert "`--runtime embedded` starts one of your own" in caught.value.hint
    with pytest.raises(UsageError, match="somebody else's"):
        restart(folder, (), timeout=1, emit=events.append)
    assert down(folder, volumes=True, emit=events.append).data["stopped"] == []
    assert not (folder / ".obsctl/state.json").exists()


def test_a_stack_of_ones_own_from_the_same_spec_is_another_runtime(folder: Path) -> None:
    assert open_session(folder).reason == "remote, as obsctl.yaml says"
    own = open_session(folder, runtime="embedded", starting=True)
    assert own.runtime.name == "embedded"
    assert [e.role for e in own.target.desired.endpoints][:2] == [Role.OTLP_GRPC, Role.OTLP_HTTP]


def test_rules_are_judged_where_they_are_in_use(folder: Path) -> None:
    assert not load_stack(folder).deployed
    text = (folder / "obsctl.yaml").read_text()
    (folder / "obsctl.yaml").write_text(text.replace("remote:\n", "remote:\n  deployed: true\n", 1))
    assert load_stack(folder).deployed
