"""Scraping a real HTTP target into a real store."""

from __future__ import annotations

import gzip
import math
import re
import struct
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from obsctl.embedded.config import ScrapeConfig, ScrapeTarget, TargetOptions
from obsctl.embedded.prometheus import fetch as fetching
from obsctl.embedded.prometheus.scrape import ScrapeOutcome, Scraping, TargetScraper, relabel, target_labels
from obsctl.embedded.records import STALE_BITS
from obsctl.embedded.self_metrics import SAMPLES_DROPPED, SCRAPES, SelfMetrics
from obsctl.embedded.store.base import StoreFullError
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.languages.labels import Labels, Matcher
from obsctl.wait import Deadline, until

from .conftest import Embedded, Page, ask, eventually, free_ports, http_target
from .promql_store import rows_of

NO_RULES = TargetOptions()
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Scraped:
    """One target, scraped by hand, with a look at what is stored."""

    def __init__(
        self, store: SqliteStore, url: str, timeout: float = 5.0, rules: TargetOptions = NO_RULES, **labels: str
    ) -> None:
        self.store = store
        self.metrics = SelfMetrics()
        self.target = ScrapeTarget(job="api", url=url, labels=labels, **asdict(rules))
        self.scraper = TargetScraper(self.target, ScrapeConfig(2.0, timeout, (self.target,)), store, self.metrics)

    def series(self, name: str) -> dict[Labels, list[float]]:
        """Values of every series of a name; the staleness marker shows as -1."""
        found = self.store.series([Matcher("__name__", "=", name)])
        rows = rows_of(self.store.samples(found, 0, 2**62))
        return {
            tuple(pair for pair in one.labels if pair[0] not in ("__name__", "job", "instance")): [
                -1.0 if _is_stale(value) else value for _, value in row
            ]
            for one, row in zip(found, rows, strict=True)
        }

    def one(self, name: str) -> list[float]:
        (values,) = self.series(name).values()
        return values

    def __call__(self, page: Page, body: str, **more: Any) -> None:
        """Let the target say something, and scrape it."""
        page.body = body.encode()
        for name, value in more.items():
            setattr(page, name, value)
        now = _milliseconds()
        self.scraper.scrape()
        assert until(lambda: _milliseconds() > now, Deadline.after(5), interval=0.001)  # else the next is a duplicate


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def _is_stale(value: float) -> bool:
    return bool(struct.unpack("<Q", struct.pack("<d", value))[0] == STALE_BITS)


@pytest.fixture
def scraped(store: SqliteStore, target: tuple[str, Page]) -> tuple[Scraped, Page]:
    url, page = target
    return Scraped(store, url), page


def test_samples_and_report_series_carry_job_and_instance(scraped: tuple[Scraped, Page]) -> None:
    scrape, page = scraped
    scrape(page, 'a{x="1"} 5\nb 6\n')
    (series,) = scrape.store.series([Matcher("__name__", "=", "a")])
    instance = scrape.target.instance
    assert dict(series.labels) == {"__name__": "a", "x": "1", "job": "api", "instance": instance}
    assert re.fullmatch(r"127\.0\.0\.1:\d+", instance)
    assert scrape.one("up") == [1.0]
    assert scrape.one("scrape_samples_scraped") == [2.0]
    assert scrape.one("scrape_samples_post_metric_relabeling") == [2.0]
    assert scrape.one("scrape_series_added") == [2.0]
    assert 0 < scrape.one("scrape_duration_seconds")[0] < 5
    scrape(page, "b 6\nc 7\n")
    assert scrape.one("scrape_series_added") == [2.0, 1.0]
    status = scrape.scraper.status
    assert (status.health, status.last_error, dict(status.labels)) == ("up", "", {"job": "api", "instance": instance})
    assert status.last_scrape > 0


def test_the_request_prefers_openmetrics_and_says_who_asks(scraped: tuple[Scraped, Page]) -> None:
    scrape, page = scraped
    scrape(page, "a 1\n")
    (request,) = page.requests
    assert request["accept"].startswith("application/openmetrics-text;version=1.0.0")
    assert request["accept-encoding"] == "gzip"
    assert request["x-prometheus-scrape-timeout-seconds"] == "5"
    page.body, page.encoding = gzip.compress(b"a 2\n"), "gzip"
    scrape.scraper.scrape()
    assert scrape.one("a") == [1.0, 2.0]


def test_a_series_that_is_gone_gets_a_marker_once_and_may_come_back(scraped: tuple[Scraped, Page]) -> None:
    scrape, page = scraped
    for body in ("a 1\nb 1\n", "b 2\n", "b 3\n", "a 4\nb 4\n"):
        scrape(page, body)
    assert scrape.one("a") == [1.0, -1.0, 4.0]
    assert scrape.one("b") == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("body", "answer", "error"),
    [
        ("a 1\n", {"status": 500}, "server returned HTTP status 500 Internal Server Error"),
        ("a 1\n", {"status": 302}, "server returned HTTP status 302 Found"),
        ("a 1\nbroken\n", {}, "line 2"),
        ("a 1\n", {"content_type": OPENMETRICS}, "data does not end with # EOF"),
        ("a 1\n", {"content_type": ""}, "non-compliant scrape target"),
        ("a 1\n", {"content_type": "text/html"}, "non-compliant scrape target"),
        ("a 1\n", {"encoding": "gzip"}, "cannot be decompressed"),
        ("a 1\n# \u00e9".encode("latin-1").decode("latin-1"), {"encoding": "gzip"}, "cannot be decompressed"),
    ],
)
def test_a_failed_scrape_is_void_and_everything_goes_stale(
    scraped: tuple[Scraped, Page], body: str, answer: dict[str, Any], error: str
) -> None:
    scrape, page = scraped
    scrape(page, "a 1\nb 1\n")
    scrape(page, body, **answer)
    assert scrape.one("up") == [1.0, 0.0]
    assert (scrape.one("a"), scrape.one("b")) == ([1.0, -1.0], [1.0, -1.0])
    assert scrape.one("scrape_samples_scraped") == [2.0, 0.0]
    assert scrape.scraper.status.health == "down"
    assert error in scrape.scraper.status.last_error
    scrape(page, "a 3\n", content_type="text/plain", status=200, encoding="")
    assert scrape.one("a") == [1.0, -1.0, 3.0]
    assert [scrape.metrics.value(SCRAPES, "api", outcome) for outcome in ("ok", "failed")] == [2, 1]


def test_a_body_that_is_not_utf8_is_a_failed_scrape(scraped: tuple[Scraped, Page]) -> None:
    scrape, page = scraped
    page.body = b'a{b="\xff"} 1\n'
    scrape.scraper.scrape()
    assert "not UTF-8" in scrape.scraper.status.last_error


def test_a_body_over_the_limit_is_a_failed_scrape(
    scraped: tuple[Scraped, Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    scrape, page = scraped
    monkeypatch.setattr(fetching, "BODY_BYTES", 1000)
    scrape(page, "# " + "x" * 2000)
    assert "body size limit" in scrape.scraper.status.last_error
    page.body, page.encoding = gzip.compress(b"# " + b"x" * 2000), "gzip"
    scrape.scraper.scrape()
    assert "body size limit" in scrape.scraper.status.last_error


def test_a_target_that_is_down_is_named(store: SqliteStore) -> None:
    (port,) = free_ports(1)
    scrape = Scraped(store, f"http://127.0.0.1:{port}/metrics")
    scrape.scraper.scrape()
    assert scrape.one("up") == [0.0]
    assert "refused" in scrape.scraper.status.last_error


def test_a_target_that_does_not_answer_is_given_up_at_the_deadline(store: SqliteStore) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        scrape = Scraped(store, f"http://127.0.0.1:{silent.getsockname()[1]}/metrics", timeout=0.1)
        scrape.scraper.scrape()
    assert scrape.scraper.status.last_error == "context deadline exceeded"
    assert scrape.one("up") == [0.0]


def test_explicit_times_are_honoured_and_get_no_markers(scraped: tuple[Scraped, Page]) -> None:
    scrape, page = scraped
    scrape(page, "a 1 1754000000000\nfuture 1 99999999999999\n")
    scrape(page, "b 1\n")
    found = scrape.store.samples(scrape.store.series([Matcher("__name__", "=", "a")]), 0, 2**62)
    assert rows_of(found) == [[(1_754_000_000_000, 1.0)]]
    assert scrape.store.series([Matcher("__name__", "=", "future")]) == []


def test_labels_of_the_target_or_of_the_page_win(store: SqliteStore, target: tuple[str, Page]) -> None:
    url, page = target
    body = 'a{zone="theirs",job="",x="1"} 1\n'
    Scraped(store, url, zone="ours")(page, body)
    Scraped(store, url, rules=TargetOptions(honor_labels=True), zone="ours")(page, body)
    instance = url.removeprefix("http://").removesuffix("/metrics")
    assert [dict(one.labels) for one in store.series([Matcher("__name__", "=", "a")])] == [
        {"__name__": "a", "exported_zone": "theirs", "instance": instance, "job": "api", "x": "1", "zone": "ours"},
        {"__name__": "a", "instance": instance, "x": "1", "zone": "theirs"},
    ]


def test_times_can_be_left_aside_or_followed(store: SqliteStore, target: tuple[str, Page]) -> None:
    url, page = target
    scrape = Scraped(store, url, rules=TargetOptions(honor_timestamps=False))
    scrape(page, "a 1 1754000000000\n")
    scrape(page, "b 1\n")
    assert scrape.one("a") == [1, -1]
    (row,) = rows_of(store.samples(store.series([Matcher("__name__", "=", "a")]), 0, 2**62))
    assert row[0][0] > 1_754_000_000_000
    followed = Scraped(store, url, rules=TargetOptions(track_timestamps_staleness=True), of="followed")
    followed(page, "c 1 1754000000000\n")
    followed(page, "b 1\n")
    assert list(followed.series("c").values()) == [[1, -1]]


@pytest.mark.parametrize(
    ("rules", "error"),
    [
        (TargetOptions(sample_limit=2), "sample limit exceeded"),
        (TargetOptions(label_limit=3), 'label_limit exceeded (metric: "m", number of labels: 4, limit: 3)'),
        (
            TargetOptions(label_name_length_limit=8),
            'label_name_length_limit exceeded (metric: "m", label name: name_of_9, length: 9, limit: 8)',
        ),
        (
            TargetOptions(label_value_length_limit=25),
            'label_value_length_limit exceeded (metric: "m", label name: NAME, value: "VALUE", length: 26, limit: 25)',
        ),
    ],
)
def test_a_scrape_over_a_limit_is_void_and_counted(
    store: SqliteStore, target: tuple[str, Page], rules: TargetOptions, error: str
) -> None:
    url, page = target
    scrape = Scraped(store, url, rules=rules)
    scrape(page, "a 1\n")
    scrape(page, f'a 1\nb 1\nm{{name_of_9="{"v" * 26}"}} 1\n')
    assert scrape.scraper.status.last_error == error.replace("NAME", "name_of_9").replace("VALUE", "v" * 26)
    assert scrape.one("up") == [1, 0]
    assert scrape.one("a") == [1, -1]
    assert scrape.one("scrape_samples_scraped") == [1, 3]
    assert scrape.one("scrape_series_added") == [1, 0]
    assert scrape.series("m") == {}
    scrape(page, "a 2\n")
    assert (scrape.scraper.status.last_error, scrape.one("a")) == ("", [1, -1, 2])


def test_a_label_beyond_all_measure_makes_a_scrape_void(scraped: tuple[Scraped, Page]) -> None:
    scrape, page = scraped
    scrape(page, f'm{{x="{"v" * 20_000}"}} 1\n')
    assert "a value of more than" in scrape.scraper.status.last_error


def test_another_value_at_the_same_time_is_dropped_and_counted(scraped: tuple[Scraped, Page]) -> None:
    scrape, page = scraped
    scrape(page, "a 1 1754000000000\n")
    scrape(page, "a 2 1754000000000\n")
    assert scrape.one("up") == [1, 1]
    assert scrape.one("a") == [1]
    assert scrape.metrics.value(SAMPLES_DROPPED, "api", "duplicate sample for timestamp") == 1


def test_exemplars_are_stored_when_they_change(scraped: tuple[Scraped, Page]) -> None:
    scrape, page = scraped

    def body(trace: str) -> str:
        return f'# TYPE h histogram\nh_bucket{{le="1"}} 1 # {{trace_id="{trace}"}} 0.5\n# EOF\n'

    for trace in ("a", "a", "b", "b", "a"):
        scrape(page, body(trace), content_type=OPENMETRICS)
    found = scrape.store.exemplars([Matcher("le", "=", "1.0")], 0, 2**62)
    assert [dict(one.labels)["trace_id"] for one in found] == ["a", "b", "a"]


def test_metadata_is_kept(scraped: tuple[Scraped, Page]) -> None:
    scrape, page = scraped
    scrape(page, "# TYPE a_total counter\n# HELP a_total Help.\na_total 1\n")
    (record,) = scrape.store.metadata()
    assert (record.family, record.type, record.help) == ("a_total", "counter", "Help.")


def test_labels_of_the_target_win_and_scraped_ones_are_exported() -> None:
    target = ScrapeTarget(job="api", url="http://127.0.0.1:1/metrics", labels={"zone": "a", "empty": ""})
    scraped = {"__name__": "m", "job": "own", "zone": "b", "exported_zone": "c", "x": ""}
    assert dict(relabel(scraped, target_labels(target))) == {
        "__name__": "m",
        "job": "api",
        "instance": "127.0.0.1:1",
        "exported_job": "own",
        "zone": "a",
        "exported_zone": "c",
        "exported_exported_zone": "b",
    }


def test_what_the_store_does_not_take_is_counted(store: SqliteStore, target: tuple[str, Page]) -> None:
    class Full:
        def submit(self, batch: object) -> object:
            raise StoreFullError("the write queue is full")

    url, page = target
    page.body = b"a 1\n"
    scrape = Scraped(store, url)
    scrape.scraper._sink = Full()  # type: ignore[assignment]
    scrape.scraper.scrape()
    assert scrape.metrics.value(SAMPLES_DROPPED, "api", "store full") == 6
    assert scrape.scraper.status.last_error == "the write queue is full"


def test_an_outcome_is_digested_without_a_clock_or_a_network() -> None:
    from obsctl.embedded.prometheus.scrape import Memory, digest

    live = frozenset([(("__name__", "a"),)])
    batch, memory = digest(ScrapeOutcome(7, 0.5, None, "refused"), {"job": "j"}, Memory(live=live), TargetOptions())
    assert {dict(s.labels)["__name__"]: (s.time_ms, s.value) for s in batch.samples if not math.isnan(s.value)} == {
        "up": (7, 0.0),
        "scrape_duration_seconds": (7, 0.5),
        "scrape_samples_scraped": (7, 0.0),
        "scrape_samples_post_metric_relabeling": (7, 0.0),
        "scrape_series_added": (7, 0.0),
    }
    assert [dict(s.labels)["__name__"] for s in batch.samples if math.isnan(s.value)] == ["a"]
    assert memory.live == frozenset()


def test_every_target_is_scraped_at_its_interval_and_looked_for_while_it_is_down(
    store: SqliteStore, target: tuple[str, Page]
) -> None:
    url, page = target
    page.body = b"a 1\n"
    (port,) = free_ports(1)
    down = f"http://127.0.0.1:{port}/metrics"
    targets = tuple(ScrapeTarget(job=job, url=at, labels={}) for job, at in (("up", url), ("down", down)))
    scraping = Scraping(ScrapeConfig(0.05, 1.0, targets), store, SelfMetrics())
    eventually(lambda: [one.health for one in scraping.statuses()] == ["up", "down"])
    with http_target(port) as (_, late):
        late.body = b"b 1\n"
        eventually(lambda: [one.health for one in scraping.statuses()] == ["up", "up"])
    scraping.close()
    assert len(page.requests) >= 2
    assert "b" in {dict(one.labels)["__name__"] for one in store.series([])}


def test_the_server_scrapes_and_serves_it(embedded: Callable[..., Embedded], target: tuple[str, Page]) -> None:
    url, page = target
    page.body = b"# TYPE jobs_total counter\njobs_total 41\n"
    timing = {"interval_seconds": 0.1, "timeout_seconds": 1.0}
    server = embedded(scrape=timing | {"targets": [{"job": "api", "url": url, "labels": {"env": "test"}}]})

    def value(query: str) -> str | None:
        result = server.get("prometheus", f"/api/v1/query?query={query}").json["data"]["result"]
        return result[0]["value"][1] if result else None

    eventually(lambda: value("jobs_total") == "41")
    assert value("up") == "1"
    (shown,) = server.get("prometheus", "/api/v1/targets").json["data"]["activeTargets"]
    assert (shown["health"], shown["labels"]["env"]) == ("up", "test")
    page.status = 503
    eventually(lambda: value("up") == "0")
    assert value("jobs_total") is None
    assert ask("GET", server.url("prometheus", "/metrics")).status == 200
