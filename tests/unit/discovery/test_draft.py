"""``init --from``: a first contract from a metrics page, and what is said where there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl import assets
from obsctl.access.options import ComponentAccess
from obsctl.clients.exposition import parse_exposition
from obsctl.discovery.draft import Origin, draft
from obsctl.discovery.model import ObservedMetric, ObservedRequest, ObservedTraffic
from obsctl.discovery.observe import answers
from obsctl.discovery.scraped import observed_metrics
from obsctl.endpoints import Endpoints
from obsctl.errors import BackendError, ObsctlError, UsageError
from obsctl.languages.exposition import parse_scrape
from obsctl.lint.scrape import scrape_findings
from obsctl.ops.check_inputs import ScrapeText, live_scrapes
from obsctl.ops.draft_origin import served as where_served
from obsctl.ops.init import DraftSources, init
from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.load import family_names, load_family, load_stack
from obsctl.spec.steps import Step
from obsctl.traffic.send import send_probes
from obsctl.wait import Deadline

ORIGIN = Origin("shop", "http://127.0.0.1:5000", "/metrics", "/healthz")
PAGE = """\
# HELP orders_total Orders, by "kind".
# TYPE orders_total counter
orders_total{kind="a b"} 1
orders_total{kind="c",job="x"} 2
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.5"} 1
wait_seconds_bucket{le="2.0"} 1
wait_seconds_bucket{le="+Inf"} 1
wait_seconds_count 1
wait_seconds_sum 0.1
# TYPE wait_seconds_created gauge
wait_seconds_created 1.7e9
# TYPE size_bytes summary
size_bytes{quantile="0.5",zone="a"} 3
size_bytes_count{zone="a"} 1
size_bytes_sum{zone="a"} 3
# TYPE idle gauge
# TYPE pages counter
pages_total 3
plain 4
plain_total 5
oddLabel{camelCase="x"} 1
"""


def family(name: str) -> tuple[Metric, ...]:
    return load_family(assets.templates() / "families" / f"{name}.yaml")


def seen(metric: Metric) -> ObservedMetric:
    return ObservedMetric(metric.name, metric.type, metric.brief, metric.labels, metric.buckets, 4)


def loaded(folder: Path, files: Any) -> tuple[Metric, ...]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return load_stack(folder).services[0].contract.metrics


def test_a_page_is_read_into_what_a_contract_states() -> None:
    found = {m.name: m for m in observed_metrics(parse_scrape(PAGE))}
    assert found["orders_total"] == ObservedMetric(
        "orders_total", MetricType.COUNTER, 'Orders, by "kind".', ("kind", "job"), (), 2, frozenset({"job"})
    )
    assert found["wait_seconds"] == ObservedMetric("wait_seconds", MetricType.HISTOGRAM, "", (), (0.5, 2.0), 5)
    assert found["size_bytes"] == ObservedMetric("size_bytes", MetricType.SUMMARY, "", ("zone",), (), 3)
    assert found["idle"].series == 0
    assert found["pages_total"].type is MetricType.COUNTER
    assert "may be a gauge" in found["plain"].unfit
    assert "may be a counter" in found["plain_total"].unfit
    assert "wait_seconds_created" not in found


def test_a_draft_is_a_contract_and_a_spec_that_load(tmp_path: Path) -> None:
    made = draft(tuple(observed_metrics(parse_scrape(PAGE))), ORIGIN)
    metrics = {m.name: m for m in loaded(tmp_path, made.files)}
    assert set(metrics) == set(made.own) == {
        "orders_total", "wait_seconds", "size_bytes", "pages_total"
    }  # fmt: skip
    assert metrics["orders_total"].labels == ("kind", "exported_job")
    assert metrics["orders_total"].optional == {"exported_job"}
    assert (metrics["wait_seconds"].buckets, metrics["wait_seconds"].unit) == ((0.5, 2.0), "s")
    assert metrics["orders_total"].brief == 'Orders, by "kind".'
    assert sorted(note.split(" is left out: ")[0] for note in made.notes) == [
        "idle",
        "oddLabel",
        "plain",
        "plain_total",
    ]
    (component,) = load_stack(tmp_path).services[0].components
    assert (component.url, component.metrics, component.ready) == (ORIGIN.url, "/metrics", "/healthz")


@pytest.mark.parametrize("name", family_names())
def test_a_family_is_recognised_by_its_metrics(tmp_path: Path, name: str) -> None:
    made = draft([seen(m) for m in family(name)], ORIGIN)
    assert (made.families, made.own, made.notes) == ((name,), (), ())
    assert {m.name for m in loaded(tmp_path, made.files)} == {m.name for m in family(name)}


def test_what_is_not_required_need_not_be_there() -> None:
    assert draft([seen(m) for m in family("process") if m.required], ORIGIN).families == ("process",)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda m: None, "there is no http_request_duration_seconds"),
        (lambda m: replace(m, type=MetricType.GAUGE, buckets=()), "is a gauge, not a histogram"),
        (lambda m: replace(m, labels=("method",)), "has the labels method, not the labels method, route"),
        (lambda m: replace(m, optional=frozenset({"route"})), "has not on every series the labels route"),
        (lambda m: replace(m, buckets=(1.0, 5.0)), "has other buckets: 1, 5"),
    ],
)
def test_a_family_with_one_thing_wrong_is_not_taken(
    tmp_path: Path, change: Callable[[ObservedMetric], ObservedMetric | None], note: str
) -> None:
    page = [seen(m) for m in family("http")]
    changed = [change(m) if m.name == "http_request_duration_seconds" else m for m in page]
    made = draft([m for m in changed if m], ORIGIN)
    assert made.families == ()
    (said,) = made.notes
    assert said.startswith(("family http does not fit: http_", "family http does not fit: there"))
    assert note in said
    assert {m.name for m in loaded(tmp_path, made.files)} == {m.name for m in changed if m}


NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,12}(_total|_seconds)?", fullmatch=True)
BOUNDS = st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)
LABELS = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), unique=True, max_size=3)
PLAIN = st.builds(
    ObservedMetric, NAMES, st.sampled_from([MetricType.COUNTER, MetricType.GAUGE, MetricType.SUMMARY]),
    st.text(max_size=300), LABELS.map(tuple), st.just(()), st.integers(1, 10**7),
)  # fmt: skip
HISTOGRAMS = st.builds(
    ObservedMetric, NAMES, st.just(MetricType.HISTOGRAM), st.text(max_size=20), LABELS.map(tuple),
    st.lists(BOUNDS, unique=True, max_size=5).map(lambda bounds: tuple(sorted(bounds))), st.integers(1, 100),
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(
    st.lists(PLAIN | HISTOGRAMS, max_size=8, unique_by=lambda m: m.name),
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True),
)
def test_whatever_is_exposed_the_draft_loads_and_says_just_that(
    tmp_path_factory: pytest.TempPathFactory, page: list[ObservedMetric], service: str
) -> None:
    made = draft(page, replace(ORIGIN, service=service))
    metrics = {m.name: m for m in loaded(tmp_path_factory.getbasetemp(), made.files)}
    targets = {name: f"exported_{name}" for name in ("job", "instance", "service_namespace")}
    for metric in (m for m in page if m.name in made.own):
        stated = metrics[metric.name]
        assert stated.labels == tuple(targets.get(label, label) for label in metric.labels)
        assert (stated.type, stated.buckets) == (metric.type, metric.buckets)
        assert metric.series <= stated.series_budget or stated.series_budget == 1_000_000
    assert len({m.registry for m in metrics.values()}) == len(metrics)


@pytest.fixture
def served() -> Iterator[tuple[str, dict[str, tuple[int, str]]]]:
    """A web server, and the pages that it has."""
    pages: dict[str, tuple[int, str]] = {"/metrics": (200, PAGE), "/healthz": (200, "ok")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = pages.get(self.path, (404, "no such page"))
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", pages
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_init_drafts_from_a_running_service(tmp_path: Path, served: tuple[str, Any]) -> None:
    url, pages = served
    pages["/internal/metrics"] = pages.pop("/metrics")
    result = init(tmp_path / "My Shop", force=False, sources=DraftSources((f"{url}/internal/metrics",)))
    (service,) = load_stack(tmp_path / "My Shop").services
    assert (service.name, service.components[0].metrics, service.components[0].ready) == (
        "my-shop",
        "/internal/metrics",
        "/healthz",
    )
    assert "orders_total" in result.data["metrics"]
    assert any("4 of its own" in note for note in result.notes)


def test_files_that_are_there_are_kept(tmp_path: Path, served: tuple[str, Any]) -> None:
    (tmp_path / "contract.yaml").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        init(tmp_path, force=False, sources=DraftSources((served[0],)))
    assert (tmp_path / "contract.yaml").read_text() == "mine"
    init(tmp_path, force=True, sources=DraftSources((served[0],)))
    assert load_stack(tmp_path).services


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ((200, "<html>"), "is no metrics page: line 1"),
        ((200, ""), "has no metrics"),
        ((200, "# TYPE a counter\n"), "has no metrics"),
        ((503, "later"), "answered 503: later"),
    ],
)
def test_a_page_that_is_none_leaves_nothing(
    tmp_path: Path, served: tuple[str, Any], page: tuple[int, str], message: str
) -> None:
    served[1]["/metrics"] = page
    with pytest.raises(BackendError) as caught:
        init(tmp_path, force=False, sources=DraftSources((served[0],)))
    assert message in caught.value.message
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "service"),
    [
        ("ftp://a", None), ("http://", None), ("http://[x", None), ("http://a:99999", None), ("http://a/m?x=1", None),
        ("http://user:secret@a", None), ("http://a b", None), ("", None),
        ("http://127.0.0.1:1", "No Good"),
    ],
)  # fmt: skip
def test_bad_usage_is_told_without_repeating_secrets(tmp_path: Path, source: str, service: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        init(tmp_path, force=False, sources=DraftSources((source,), (service,) if service else ()))
    assert "secret" not in caught.value.message
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(ObsctlError, match="refused the connection") as caught:
        init(tmp_path, force=False, sources=DraftSources(("http://127.0.0.1:1",)))
    assert caught.value.exit_status == 3


OPENMETRICS = """\
# HELP heap_bytes Bytes in use.
# TYPE heap_bytes gauge
# UNIT heap_bytes bytes
heap_bytes 1.0
# HELP heap_bytes Bytes ever asked for.
# TYPE heap_bytes counter
heap_bytes_total 2.0
# HELP pages Pages.
# TYPE pages counter
pages_total 2.0
# TYPE build info
build_info{version="1"} 1
# EOF
"""


@contextmanager
def serving(path: str) -> Iterator[str]:
    """A service of this process that answers one path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == path else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def negotiating() -> Iterator[str]:
    """A metrics page that is there in OpenMetrics only."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fits = "application/openmetrics-text" in self.headers.get("Accept", "") and self.path == "/metrics"
            self.send_response(200 if fits else 406)
            self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.end_headers()
            self.wfile.write(OPENMETRICS.encode() if fits else b"")

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_page_is_asked_for_as_the_scraper_asks(tmp_path: Path, negotiating: str) -> None:
    init(tmp_path, force=False, sources=DraftSources((negotiating,)))
    (service,) = load_stack(tmp_path).services
    types = {m.name: m.type for m in service.contract.metrics}
    assert types == {
        "heap_bytes": MetricType.GAUGE, "heap_bytes_total": MetricType.COUNTER, "pages_total": MetricType.COUNTER
    }  # fmt: skip
    assert "no word for its type, info" in (tmp_path / "contract.yaml").read_text()
    (_, read), *_ = live_scrapes([service], Endpoints())
    assert isinstance(read, ScrapeText)
    assert read.openmetrics
    assert not [
        f for f in scrape_findings(read.text, "page", read.metrics, openmetrics=True) if f.rule.id != "scrape.help"
    ]
    metrics = send_probes(
        replace(service, drive=(Step("a", "GET", "/"),)), rounds=1, deadline=Deadline.after(5)
    ).baseline
    assert parse_exposition(metrics[service.components[0].name]).total("heap_bytes_total") == 2


def test_requests_go_to_where_the_service_answers_though_its_page_is_elsewhere(negotiating: str) -> None:
    """Both are ports of this process: the page's does not know the request that was seen."""
    seen = ObservedRequest("GET", "/orders", 1, 200, ("shop",))
    with serving("/orders") as url:
        origin, note = where_served(
            Origin("shop", negotiating, "/metrics"), ObservedTraffic(("shop",), {}, (seen,)), ComponentAccess()
        )
    assert (origin.url, origin.metrics, note) == (url, f"{negotiating}/metrics", "")


def test_a_server_of_metrics_that_answers_everything_with_its_page_is_not_the_service(served: tuple[str, Any]) -> None:
    url, pages = served
    pages["/orders"] = pages["/metrics"]
    assert not answers(url, ObservedRequest("GET", "/orders", 1, 200, ("shop",)))
    assert answers(url, ObservedRequest("GET", "/healthz", 1, 200, ("shop",)))


def test_it_is_said_where_nobody_answers_as_it_was_seen(negotiating: str) -> None:
    seen = ObservedRequest("GET", "/nowhere", 1, 200, ("shop",))
    origin, note = where_served(
        Origin("shop", negotiating, "/metrics"), ObservedTraffic(("shop",), {}, (seen,)), ComponentAccess()
    )
    assert origin.url == negotiating
    assert "does not answer GET /nowhere" in note
