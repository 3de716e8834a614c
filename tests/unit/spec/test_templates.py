"""The files that ship: the default stack, what ``init`` writes, the sample's contract and the families."""

from __future__ import annotations

import pytest

from obsctl import assets
from obsctl.spec.contract import MetricType
from obsctl.spec.load import family_names, load_contract, load_family, load_stack, starter_files
from obsctl.spec.stack import DEFAULT_PORTS, Retention


def written(folder):
    for name, text in starter_files().items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_an_empty_folder_gets_the_sample(tmp_path):
    stack = load_stack(tmp_path)
    (service,) = stack.services

    assert (stack.source, stack.folder, stack.runtime, stack.bind) == (None, tmp_path, "auto", "127.0.0.1")
    assert (stack.ports, stack.scrape_interval, stack.retention) == (DEFAULT_PORTS, 2.0, Retention())
    assert service.run == "sample"
    assert {c.name: (c.url, c.logs) for c in service.components} == {
        "api": ("http://127.0.0.1:8000", ""),
        "worker": ("http://127.0.0.1:8001", ""),
        "ai": ("http://127.0.0.1:8002", ""),
    }
    assert service.entry.name == "api"
    assert service.contract == load_contract(assets.sample_contract())


def test_what_is_driven_by_default_crosses_the_whole_sample(tmp_path):
    (service,) = load_stack(tmp_path).services
    driven = {f"{step.method} {step.route}" for step in service.drive}
    assert {trace.request for trace in service.contract.traces} <= driven
    assert "{canary}" in str([step.body for step in service.drive])
    assert any(rise.metric == "jobs_completed_total" for step in service.drive for rise in step.rises)


def test_what_init_writes_is_the_default_stack_in_words(tmp_path):
    default, ours = load_stack(tmp_path), load_stack(written(tmp_path))
    assert ours.source == tmp_path / "obsctl.yaml"
    assert ours.services == default.services
    assert (ours.ports, ours.scrape_interval, ours.retention) == (default.ports, 2.0, default.retention)


def test_a_sample_may_have_no_requests_at_all(tmp_path):
    (tmp_path / "obsctl.yaml").write_text("version: 1\nservices: [{name: s, run: sample, drive: []}]\n")
    assert load_stack(tmp_path).services[0].drive == ()


def test_a_stack_moves_as_a_whole(tmp_path):
    (tmp_path / "obsctl.yaml").write_text('version: 1\nport_offset: 10\nbind: "::1"\n')
    stack = load_stack(tmp_path)
    assert [c.url for c in stack.services[0].components] == [f"http://[::1]:{port}" for port in (8010, 8011, 8012)]
    assert stack.with_port_offset(5).services[0].components[0].url == "http://[::1]:8015"


@pytest.mark.parametrize("name", family_names())
def test_families_load_and_are_complete(name):
    metrics = load_family(assets.templates() / "families" / f"{name}.yaml")
    assert all(m.brief and m.series_budget for m in metrics)
    assert all(m.buckets for m in metrics if m.type is MetricType.HISTOGRAM)


def test_the_http_family_is_the_one_of_the_guidance():
    metrics = {m.name: m for m in load_family(assets.templates() / "families" / "http.yaml")}
    duration = metrics["http_request_duration_seconds"]
    assert metrics["http_requests_total"].labels == ("route", "method", "status")
    assert (duration.labels, duration.buckets) == (("route", "method"), (0.05, 0.1, 0.25, 0.5, 1, 2, 5))
    assert metrics["http_response_size_bytes"].type is MetricType.SUMMARY
