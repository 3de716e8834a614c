"""The metrics are those of the families' files: names, types, labels and buckets, and they count exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.load import load_contract
from obsctl.wait import Deadline, until
from tests.unit.sample_service.processes import ROOT, Stack

CONTRACT = load_contract(ROOT / "sample_service" / "contract.yaml")
DRIVE = yaml.safe_load((ROOT / "templates" / "stacks" / "default.yaml").read_text())["services"][0]["drive"]
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0; q=0.8, text/plain;q=0.2"}
SUFFIXES = {
    MetricType.COUNTER: ("_total",),
    MetricType.GAUGE: ("",),
    MetricType.HISTOGRAM: ("_bucket", "_count", "_sum"),
    MetricType.SUMMARY: ("_count", "_sum"),
}


@pytest.fixture(scope="module")
def scrapes(sample: Stack) -> Mapping[str, dict[str, Any]]:
    """Families by component and name, as OpenMetrics, after one match."""
    sample.match()
    return {
        name: {
            f.name: f
            for f in parse_openmetrics(sample.http.get(sample.url(name, "/metrics"), headers=OPENMETRICS).text)
        }
        for name in CONTRACT.components
    }


@pytest.mark.parametrize("metric", CONTRACT.metrics, ids=lambda metric: metric.name)
def test_the_metric_is_what_its_family_says(metric: Metric, scrapes: Mapping[str, dict[str, Any]]) -> None:
    base = metric.name.removesuffix("_total")
    holders = [name for name in CONTRACT.components if base in scrapes[name] and scrapes[name][base].samples]
    assert set(metric.components) <= set(holders)
    assert holders
    for holder in holders:
        family = scrapes[holder][base]
        assert family.type == metric.type
        assert {s.name for s in family.samples} == {base + suffix for suffix in SUFFIXES[metric.type]}
        extra = {"le"} if metric.type is MetricType.HISTOGRAM else set()
        assert {frozenset(set(s.labels) - extra) for s in family.samples} == {frozenset(metric.labels)}
        if metric.buckets:
            bounds = {float(s.labels["le"]) for s in family.samples if "le" in s.labels}
            assert bounds == {*metric.buckets, float("inf")}
        series = len({tuple(sorted(s.labels.items())) for s in family.samples})
        assert metric.series_budget is None or series <= metric.series_budget


def test_nothing_is_exposed_that_the_contract_does_not_know(scrapes: Mapping[str, dict[str, Any]]) -> None:
    known = {metric.name.removesuffix("_total") for metric in CONTRACT.metrics}
    assert {name for families in scrapes.values() for name in families} - known == set()


def test_the_duration_histogram_has_an_exemplar_of_the_request(sample: Stack) -> None:
    asked, _ = sample.match()
    text = sample.http.get(sample.url("api", "/metrics"), headers=OPENMETRICS).text
    exemplars = {
        s.labels["route"]: s.exemplar.labels
        for f in parse_openmetrics(text)
        if f.name == "http_request_duration_seconds"
        for s in f.samples
        if s.exemplar and s.exemplar.labels.get("trace_id") == asked.trace_id
    }
    assert exemplars == {"/matches": {"trace_id": asked.trace_id}}


def test_an_unsampled_request_leaves_no_exemplar(sample: Stack) -> None:
    unsampled = "00-" + "ab" * 16 + "-00f067aa0ba902b7-00"
    body = {"title": "t", "text": "t"}
    assert sample.call("api", "POST", "/projects", body, traceparent=unsampled).status == 201
    assert "ab" * 16 not in sample.http.get(sample.url("api", "/metrics"), headers=OPENMETRICS).text


def test_who_does_not_ask_for_openmetrics_gets_text(sample: Stack) -> None:
    answer = sample.http.get(sample.url("worker", "/metrics"))
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert {f.name for f in parse_text(answer.text)} >= {"jobs_completed", "ai_requests", "process_cpu_seconds"}


def test_an_answer_is_counted_when_it_arrives_and_once(sample: Stack) -> None:
    series = 'http_requests_total{method="POST",route="/projects",status="201"}'
    count = 'http_request_duration_seconds_count{method="POST",route="/projects"}'
    before = sample.metric("api", series), sample.metric("api", count)
    for number in range(1, 6):
        assert sample.call("api", "POST", "/projects", {"title": "t", "text": "t"}).status == 201
        assert (sample.metric("api", series), sample.metric("api", count)) == (before[0] + number, before[1] + number)


def test_paths_without_a_route_share_one_series(sample: Stack) -> None:
    series = 'http_requests_total{method="GET",route="(unmatched)",status="404"}'
    before = sample.metric("api", series)
    for path in ("/nowhere/1", "/nowhere/2?x=1", "/matches/"):
        assert sample.call("api", "GET", path).status == 404
    assert sample.metric("api", series) == before + 3
    assert "nowhere" not in sample.http.get(sample.url("api", "/metrics")).text


def test_probes_are_counted_under_their_routes(sample: Stack) -> None:
    for name in CONTRACT.components:
        series = 'http_requests_total{method="GET",route="/healthz",status="200"}'
        before = sample.metric(name, series)
        sample.http.get(sample.url(name, "/healthz"))
        assert sample.metric(name, series) == before + 1


def test_a_cold_match_raises_exactly_what_the_drive_says(sample: Stack) -> None:
    (step,) = [step for step in DRIVE if step["id"] == "match"]

    def value(rise: dict[str, Any]) -> float:
        suffix = "" if rise["metric"].endswith("_total") else "_count"
        labels = ",".join(f'{key}="{rise["labels"][key]}"' for key in sorted(rise["labels"]))
        return sum(sample.metric(name, f"{rise['metric']}{suffix}{{{labels}}}") for name in CONTRACT.components)

    before = [value(rise) for rise in step["rises"]]
    rounds = 3
    for _ in range(rounds):
        assert sample.match()[1]["status"] == "done"
    wanted = [start + rounds * rise["by"] for start, rise in zip(before, step["rises"], strict=True)]
    until(lambda: [value(rise) for rise in step["rises"]] == wanted, Deadline.after(10))
    assert [value(rise) for rise in step["rises"]] == wanted


def test_the_cache_spares_the_provider(sample: Stack) -> None:
    series = 'ai_requests_total{operation="embeddings",provider="local"}'
    sample.match("the same text twice")
    before = sample.metric("worker", series)
    assert sample.match("the same text twice")[1]["status"] == "done"
    assert sample.metric("worker", series) == before
