"""A healthy world passes every check; each thing broken in it turns exactly its own check red."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from obsctl.checks import CHECKS
from obsctl.checks.base import CheckStatus, Context, Outcome, Signal
from obsctl.checks.run import fold, run_checks
from obsctl.checks.slo_sanity import SloSanity
from obsctl.clients.telemetry import MetricSample
from obsctl.endpoints import Endpoints
from obsctl.spec.slo import selector_text
from obsctl.wait import Deadline
from tests.decided import Decided, waiting_for
from tests.unit.checks.broken import BREAKS, Break, an_error_is_logged
from tests.unit.checks.world import World, healthy

SECONDS = 20.0
"""Far more than any check needs; what is broken is not waited for."""


def verify(world: World, broken: Collection[str] = (), seconds: float = SECONDS) -> dict[str, Outcome]:
    decided = Decided(broken)

    def context(_: Signal) -> Context:
        return world.context(seconds, deadline=Deadline.after(seconds, decided.cancelled))

    return {o.check: o for o in run_checks(CHECKS, context, decided, grace=20.0)}


def told(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {name: f"{o.verdict.status}: {o.verdict.summary}" for name, o in outcomes.items()}


@pytest.fixture(scope="module")
def broken(ready: Endpoints) -> Iterator[dict[str, Future[dict[str, Outcome]]]]:
    """Every broken world is verified in the background: half of the time is waiting."""

    def broken_world(one: Break) -> dict[str, Outcome]:
        world = healthy()
        world.endpoints = ready
        one.apply(world)
        return verify(world, waiting_for(one.check))

    with ThreadPoolExecutor(4) as pool:
        yield {one.name: pool.submit(broken_world, one) for one in BREAKS}
        pool.shutdown(cancel_futures=True)


def test_a_panel_that_was_empty_by_right_shows_what_happened_then(ready: Endpoints) -> None:
    summaries = []
    for change in (lambda _: None, an_error_is_logged):
        world = healthy()
        world.endpoints = ready
        change(world)
        verdict = verify(world, waiting_for("dashboards.queries"))["dashboards.queries"].verdict
        assert verdict.status is CheckStatus.PASS, verdict
        summaries.append("Errors in the logs" in verdict.summary)
    assert summaries == [True, False]


def test_a_healthy_world_passes_every_check_with_evidence(ready: Endpoints) -> None:
    world = healthy()
    world.endpoints = ready
    outcomes = verify(world)
    assert {o.verdict.status for o in outcomes.values()} == {CheckStatus.PASS}, told(outcomes)
    assert [o.check for o in outcomes.values() if not o.verdict.evidence] == []
    assert all(e.query and e.answer for o in outcomes.values() for e in o.verdict.evidence)


def test_a_trace_is_not_fetched_once_for_each_check(ready: Endpoints) -> None:
    world = healthy()
    world.endpoints = ready
    verify(world)
    fetched = [asked for asked in world.asked if asked in world.spans]
    assert len(fetched) <= 3 * len(world.spans)


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: f"{one.check}-{one.name}")
def test_one_broken_thing_turns_exactly_its_check_red(one: Break, broken) -> None:
    outcomes = broken[one.name].result()
    outcomes = {o.check: o for o in fold(tuple(outcomes.values()))}
    red = [name for name, o in outcomes.items() if o.verdict.status is not CheckStatus.PASS and not o.cause]
    assert red == [one.check], told(outcomes)
    assert {o.cause for o in outcomes.values()} <= {"", one.check}, told(outcomes)
    verdict = outcomes[one.check].verdict
    assert verdict.status is CheckStatus.FAIL
    assert one.says in verdict.summary
    assert verdict.hint


def test_every_check_has_been_seen_to_fail() -> None:
    elsewhere = {"readiness.roles"}  # see test_readiness
    assert {c.id for c in CHECKS} == {one.check for one in BREAKS} | elsewhere


def silent_world() -> World:
    world = healthy()
    world.spans, world.logs, world.series, world.targets, world.exemplars, world.types = {}, [], [], [], [], {}
    world.rules, world.page = [], {}
    return world


def test_without_telemetry_nothing_passes_but_the_answers_themselves(ready: Endpoints) -> None:
    world = silent_world()
    world.endpoints = ready
    outcomes = verify(world, seconds=0.5)
    passed = {name for name, o in outcomes.items() if o.verdict.status is CheckStatus.PASS}
    assert passed == {"readiness.roles", "readiness.driven"}, told(outcomes)
    waiting = {"traces.lost"}  # where nothing is stored, traces.complete says so
    assert {outcomes[name].verdict.status for name in waiting} == {CheckStatus.SKIP}
    left = {o.verdict.status for name, o in outcomes.items() if name not in passed | waiting}
    assert left == {CheckStatus.FAIL}


def test_where_nothing_answers_nothing_passes(unready: Endpoints) -> None:
    world = silent_world()
    world.endpoints = unready
    refused = tuple(replace(r, status=0, answer_headers={}, error="refused") for r in world.run.requests)
    world.change_run(requests=refused, expectations=())
    outcomes = verify(world, seconds=0.3)
    assert {o.verdict.status for o in outcomes.values()} & {CheckStatus.PASS} == set(), told(outcomes)


def test_a_service_that_does_not_run_is_one_finding(ready: Endpoints) -> None:
    world = healthy()
    world.endpoints = ready
    world.spans, world.logs, world.series, world.exemplars = {}, [], [], []
    world.targets = [replace(t, health="down", last_error="connection refused") for t in world.targets]
    refused = tuple(replace(r, status=0, answer_headers={}, error="refused") for r in world.run.requests)
    world.change_run(requests=refused, expectations=())
    outcomes = fold(tuple(verify(world, seconds=0.3).values()))
    assert [o.check for o in outcomes if o.verdict.is_red] == ["readiness.driven"]
    assert len([o for o in outcomes if o.cause == "readiness.driven"]) >= 12
    assert "api does not answer" in next(o.verdict.summary for o in outcomes if o.verdict.is_red)


def test_where_nothing_was_driven_nothing_passes(unready: Endpoints) -> None:
    world = healthy()
    world.endpoints = unready
    world.change_run(requests=(), expectations=())
    outcomes = verify(world, seconds=0.3)
    standing = ("metrics", "slo", "rules", "dashboards")  # what these look at is there without a request, too
    judged = {n: o for n, o in outcomes.items() if n.split(".")[0] not in standing or n == "metrics.exact"}
    assert {o.verdict.status for o in judged.values()} & {CheckStatus.PASS} == set(), told(outcomes)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that stumbles is given up sooner."""
    monkeypatch.setattr("obsctl.checks._poller.PATIENCE", 0.1)


@pytest.mark.usefixtures("impatient")
def test_what_was_not_searched_entirely_is_no_pass(ready: Endpoints) -> None:
    world = healthy()
    world.endpoints = ready
    world.incomplete = "only the newest 200000 spans were searched: narrow the time range"
    outcomes = verify(world)
    assert [n for n, o in outcomes.items() if o.verdict.status is not CheckStatus.PASS] == [
        "traces.lost",
        "privacy.canary",
    ]
    for name in ("traces.lost", "privacy.canary"):
        assert outcomes[name].verdict.status is CheckStatus.ERROR
        assert world.incomplete in outcomes[name].verdict.summary


def test_backends_that_do_not_answer_are_errors_not_failures(ready: Endpoints) -> None:
    world = healthy()
    world.endpoints = ready
    world.broken = ("metrics", "logs", "traces", "page")
    outcomes = verify(world, seconds=5.0)
    looked = {name: o.verdict.status for name, o in outcomes.items() if not name.startswith("readiness.")}
    assert set(looked.values()) == {CheckStatus.ERROR}, told(outcomes)
    assert all(o.verdict.hint for o in outcomes.values() if o.verdict.status is CheckStatus.ERROR)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("backend", ["metrics", "logs", "traces"])
def test_a_backend_that_is_down_leaves_the_other_signals_alone(backend: str, ready: Endpoints) -> None:
    world = healthy()
    world.endpoints = ready
    world.broken = (backend,)
    outcomes = verify(world, seconds=5.0)
    red = {name.split(".")[0] for name, o in outcomes.items() if o.verdict.status is not CheckStatus.PASS}
    built_on = {"dashboards", *{"metrics": ("slo", "rules"), "traces": ("time",)}.get(backend, ())}
    assert red <= {backend, "correlation", "privacy", *built_on}, told(outcomes)
    assert red >= {backend, *built_on}


def test_a_stack_without_a_backend_skips_with_the_reason(ready: Endpoints) -> None:
    world = healthy()
    world.endpoints = ready

    def context(_):
        return world.context(2.0, metrics=None, logs=None, traces=None, page=None)

    outcomes = {o.check: o.verdict for o in run_checks(CHECKS, context)}
    passed = {name for name, v in outcomes.items() if v.status is CheckStatus.PASS}
    assert passed == {"readiness.roles", "readiness.driven", "correlation.request_id"}
    assert "no trace backend" in outcomes["traces.shape"].summary


def test_records_that_came_by_otlp_are_as_good_as_json_lines(ready: Endpoints) -> None:
    world = healthy()
    world.endpoints = ready
    world.by_otlp("worker")
    outcomes = verify(world)
    assert {o.verdict.status for o in outcomes.values()} == {CheckStatus.PASS}, told(outcomes)
    assert "worker 2" in outcomes["logs.present"].verdict.summary


def test_where_no_request_went_as_planned_only_readiness_is_to_blame(ready: Endpoints) -> None:
    world = healthy()
    world.endpoints = ready
    world.change_run(requests=tuple(replace(r, error="was answered 500, not 200") for r in world.run.requests))
    outcomes = verify(world)
    red = {name for name, o in outcomes.items() if o.verdict.status in (CheckStatus.FAIL, CheckStatus.ERROR)}
    assert red == {"readiness.driven"}, told(outcomes)
    assert outcomes["traces.shape"].verdict.status is CheckStatus.SKIP


@pytest.mark.parametrize(("hours", "told_as"), [(5.5, "5h30m after"), (-8, "8h00m before")])
def test_lines_under_a_wrong_time_are_not_called_missing(ready: Endpoints, hours: float, told_as: str) -> None:
    world = healthy()
    world.endpoints = ready
    world.logs = [replace(line, time_ns=line.time_ns + int(hours * 3600) * 10**9) for line in world.logs]
    outcomes = verify(world, waiting_for("logs.present"))
    for name in ("logs.present", "logs.fields"):
        verdict = outcomes[name].verdict
        assert verdict.status is CheckStatus.FAIL
        assert f"lines of ai {told_as} the run, lines of api {told_as} the run" in verdict.summary
        assert "UTC" in verdict.hint


def test_a_component_in_another_time_zone_is_told_with_what_it_lacks(broken) -> None:
    verdict = broken["logs_of_one_component_in_another_time_zone"].result()["logs.present"].verdict
    assert "no line of ai" in verdict.summary
    assert verdict.summary.endswith("but lines of ai 2h00m after the run")


def test_a_contract_without_metrics_asks_for_none(ready: Endpoints) -> None:
    world = healthy()
    world.endpoints = ready
    world.service = replace(world.service, contract=replace(world.service.contract, metrics=()))
    world.change_run(expectations=())
    outcomes = verify(world)
    skipped = {name for name, o in outcomes.items() if o.verdict.status is CheckStatus.SKIP}
    assert {"metrics.present", "metrics.types", "metrics.labels", "metrics.buckets", "metrics.exact"} <= skipped
    assert not {name for name, o in outcomes.items() if o.verdict.status is CheckStatus.FAIL}, told(outcomes)


def test_a_recorded_ratio_is_let_go_only_where_one_selector_alone_started_anew() -> None:
    world = healthy()
    slo = next(s for s in world.service.contract.slos if s.name == "http-latency")
    world.series.append(MetricSample({"__name__": "slo:sli_error:ratio_rate5m", "sloth_id": slo.id}, 0.0, -0.001))
    part, total = selector_text(slo.part, slo), selector_text(slo.total, slo)
    seen = {}
    for restarted in ((), (part,), (part, total)):
        world.restarted = restarted
        seen[restarted] = SloSanity().run(world.context(20.0)).status
    assert seen == {(): CheckStatus.FAIL, (part,): CheckStatus.PASS, (part, total): CheckStatus.FAIL}
