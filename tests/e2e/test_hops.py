"""Where telemetry gets lost on its way is named, with what mends it, in verify and in doctor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import Done, Folder, free_offset
from tests.e2e.ledger import DRIVE, Ledger, write_spec

pytestmark = pytest.mark.e2e
SECONDS = "4"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """One stack for all ledgers; each is a service of its own name."""
    folder = Folder(tmp_path_factory.mktemp("hops"), free_offset())
    write_spec(folder, Ledger(folder).service(DRIVE))
    assert folder.up().status == 0
    yield folder
    folder.run("down", "--volumes")


def verified(ledger: Ledger, *only: str) -> Done:
    """What verify says of it, alone in the spec with which the stack runs."""
    write_spec(ledger.stack, ledger.service(DRIVE))
    with ExitStack() as closing:
        ledger.start(closing)
        assert ledger.stack.up().status == 0
        return ledger.stack.run("verify", "--only", ",".join(only), "--timeout", SECONDS, "--json")


def told(done: Done, check: str) -> str:
    return next(c["hint"] for c in done.data["checks"] if c["id"] == check and c["status"] == "fail")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            "no_traces",
            "no traces came in by OTLP in this time: no-traces does not export them, or sends them elsewhere",
        ),
        ("wrong_path", "were answered 404, / being no path of OTLP: send traces to {otlp}/v1/traces"),
        ("grpc_on_http", "to {otlp} as gRPC, which that port does not speak: send gRPC to http://127.0.0.1:{grpc}"),
    ],
)
def test_spans_that_never_arrive(stack: Folder, fault: str, says: str) -> None:
    ledger = Ledger(stack, fault.replace("_", "-"), env={"LEDGER_FAULT": fault})
    hint = told(verified(ledger, "traces"), "traces.complete")
    assert says.format(otlp=f"http://127.0.0.1:{4318 + stack.offset}", grpc=4317 + stack.offset) in hint
    assert hint.endswith("` shows more")


def test_another_service_name(stack: Folder) -> None:
    ledger = Ledger(stack, "ledger", env={"OTEL_SERVICE_NAME": "unknown_service:python"})
    hint = told(verified(ledger, "traces"), "traces.shape")
    assert "traces came in under the name unknown_service:python, not ledger: set OTEL_SERVICE_NAME=ledger" in hint


def test_lines_in_another_file(stack: Folder) -> None:
    ledger = Ledger(stack, "elsewhere", env={"LEDGER_LOG": str(stack.path / "other.log")})
    hint = told(verified(ledger, "logs"), "logs.present")
    assert f"elsewhere.log, but {stack.path / 'other.log'} grew: let `logs` of elsewhere in obsctl.yaml match" in hint


def test_lines_nobody_writes(stack: Folder) -> None:
    ledger = Ledger(stack, "nowhere", env={"LEDGER_LOG": "/dev/null"})
    ledger.log.write_text("")
    assert "nowhere.log did not grow during the run" in told(verified(ledger, "logs"), "logs.present")
    found = json.loads(stack.run("doctor", "--json").out)["data"]["findings"]
    by_subject = {f["subject"]: f["detail"] for f in found}
    assert by_subject["nowhere traces"] == "came in during the last 10 minutes"


def test_a_stack_that_runs_with_an_older_spec(stack: Folder) -> None:
    """It follows another file than the spec of now names."""
    ledger = Ledger(stack, "ledger")
    ledger.log.write_text("")
    (stack.path / "old.log").write_text("")
    write_spec(stack, ledger.service(DRIVE))
    spec = stack.path / "obsctl.yaml"
    spec.write_text(spec.read_text().replace("logs: ledger.log", "logs: old.log"))
    assert stack.up().status == 0
    spec.write_text(spec.read_text().replace("logs: old.log", "logs: ledger.log"))
    with ExitStack() as closing:
        ledger.start(closing)
        done = stack.run("verify", "--only", "logs", "--timeout", SECONDS, "--json")
    hint = told(done, "logs.present")
    assert "the stack still runs with an older obsctl.yaml (replace backend: its configuration changed)" in hint
    found = {f["subject"]: f["detail"] for f in json.loads(stack.run("doctor", "--json").out)["data"]["findings"]}
    assert found["stack"].startswith("it runs with an older obsctl.yaml")
