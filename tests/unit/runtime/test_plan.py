"""Decisions of ``up``: each process gets exactly one operation, with the cause that a person would give."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from obsctl.endpoints import Endpoints
from obsctl.render.desired import Desired, File, Process
from obsctl.runtime.base import Observed
from obsctl.runtime.embedded import plan

NAMES = ("backend", "redis", "api")


def desired(*names: str) -> Desired:
    return Desired("s", Path("/s"), "127.0.0.1", 0, tuple(Process(n, "m") for n in names), Endpoints())


def seen(process: Process, state: str = "running", fingerprint: str | None = None) -> Observed:
    return Observed(process.name, state, fingerprint or process.fingerprint, 1)  # type: ignore[arg-type]


def test_nothing_runs_everything_starts() -> None:
    assert [str(o) for o in plan(desired("backend", "api"), ())] == [
        "start backend: not running",
        "start api: not running",
    ]


def test_each_cause() -> None:
    want = desired("backend", "redis", "api")
    backend, redis, api = want.processes
    gone = Process("old", "m")
    observed = (seen(backend), seen(redis, "dead"), seen(api, fingerprint="other"), seen(gone))
    assert [str(o) for o in plan(want, observed)] == [
        "stop old: no longer in the spec",
        "keep backend: running, nothing changed",
        "start redis: it had died",
        "replace api: its configuration changed",
    ]


@given(st.lists(st.sampled_from(NAMES), unique=True), st.lists(st.sampled_from(NAMES), unique=True))
def test_a_plan_that_was_carried_out_is_followed_by_nothing_to_do(first: list[str], second: list[str]) -> None:
    want = desired(*second)
    observed = [seen(p) for p in desired(*first).processes]
    operations = plan(want, observed)
    left = {o.name for o in operations if o.kind != "stop"}
    assert left == set(second)
    after = [seen(p) for p in want.processes]
    assert {o.kind for o in plan(want, after)} <= {"keep"}


def test_a_changed_file_or_variable_changes_the_fingerprint() -> None:
    base = Process("a", "m", ("x",), {"K": "1"}, {"p": 1}, (File("f", "one"),))
    changed = (
        Process("a", "m", ("y",), {"K": "1"}, {"p": 1}, (File("f", "one"),)),
        Process("a", "m", ("x",), {"K": "2"}, {"p": 1}, (File("f", "one"),)),
        Process("a", "m", ("x",), {"K": "1"}, {"p": 1}, (File("f", "two"),)),
    )
    assert len({p.fingerprint for p in (base, *changed)}) == 4
