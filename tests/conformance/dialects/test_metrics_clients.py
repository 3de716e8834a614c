"""What our readers ask of a store of metrics, by the client that they ask with: every backend on offer passes this.

``test_promql.py`` holds a server to Prometheus' API to the letter; a store need not be that close to be of use.
"""

from __future__ import annotations

import re
import time

import pytest

from obsctl.clients.promql import PromqlClient
from obsctl.endpoints import Feature
from obsctl.errors import BackendError
from tests.conformance.dialects.servers import JOB
from tests.conformance.dialects.target import TRACE_ID

ROLES = ("prometheus",)
FOR_CLIENTS = True


@pytest.fixture(scope="module")
def client(servers, eventually):
    """A client of a server that has scraped the target three times."""
    made = PromqlClient(servers.prometheus)
    eventually(lambda: len(made.instant(f'demo_depth{{job="{JOB}"}}[5m]')) >= 3)
    return made


def values(samples):
    return {(s.labels.get("route"), s.labels.get("status")): s.value for s in samples}


def test_the_labels_of_a_scrape(client):
    (found,) = client.instant('demo_requests_total{route="/matches"}')
    assert found.labels.pop("instance").startswith("127.0.0.1:")
    assert found.labels == {
        "__name__": "demo_requests_total",
        "job": JOB,
        "route": "/matches",
        "status": "202",
        "zone": "test",
    }
    assert found.value == 3
    assert abs(found.time - time.time()) < 60


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("demo_depth", {(None, None): 1e-07}),
        ('up{job="conformance"}', {(None, None): 1}),
        ('demo_requests_total{route="/cvs"}', {("/cvs", "200"): 7, ("/cvs", "500"): 1}),
        ('demo_requests_total{status!~"2.*"}', {("/cvs", "500"): 1}),
        ('demo_requests_total{status=~"2"}', {}),
        ('{__name__=~"demo_requests_.*", route="/matches"}', {("/matches", "202"): 3}),
        ("sum by (route) (demo_requests_total)", {("/cvs", None): 8, ("/matches", None): 3}),
        ("count(demo_requests_total == 7)", {(None, None): 1}),
        ("demo_requests_total > 2 and on (route) demo_requests_total == 1", {("/cvs", "200"): 7}),
        ("histogram_quantile(0.5, demo_seconds_bucket)", {(None, None): pytest.approx(0.28)}),
        ("demo_depth offset 1h", {}),
        ("absent(demo_nothing)", {(None, None): 1}),
        ("demo_nothing or vector(0)", {(None, None): 0}),
        ("1.5", {(None, None): 1.5}),
    ],
)
def test_instant_queries(client, query, expected):
    assert values(client.instant(query)) == expected


def test_a_range_selector_gives_what_was_scraped(client):
    samples = client.instant("demo_depth[5m]")
    assert {s.value for s in samples} == {1e-07}
    assert [s.time for s in samples] == sorted({s.time for s in samples})


def test_a_range_query(client):
    now = time.time()
    samples = client.range('demo_requests_total{status="500"}', now - 60, now, 1.0)
    assert {s.value for s in samples} == {1}
    assert now - samples[-1].time < 5


def test_series_and_label_values(client):
    assert {s["__name__"] for s in client.series(["demo_depth", "demo_seconds_count"])} == {
        "demo_depth",
        "demo_seconds_count",
    }
    assert client.label_values("status", ["demo_requests_total"]) == ["200", "202", "500"]
    assert client.label_values("le", ["demo_seconds_bucket"]) == ["+Inf", "0.1", "1.0"]
    assert client.label_values("nope") == []


def test_types_and_help(client):
    stored = client.metadata()
    assert stored["demo_depth"] == ("gauge", "Jobs waiting.")
    assert stored["demo_seconds"] == ("histogram", "How long it took.")
    assert (stored.get("demo_requests") or stored["demo_requests_total"]) == ("counter", "Requests seen.")


def test_targets(client):
    (found,) = client.targets()
    assert (found.job, found.health, found.last_error) == (JOB, "up", "")
    assert abs(found.last_scrape - time.time()) < 60


def test_a_series_that_goes_away_is_stale_at_once(target, client, eventually):
    line = "# TYPE demo_leaving gauge\ndemo_leaving 1\n"
    target.extra.append(line)
    eventually(lambda: client.instant("demo_leaving"))
    target.extra.remove(line)
    eventually(lambda: not client.instant("demo_leaving"))


def test_a_query_that_is_wrong_is_an_error_in_words(client):
    with pytest.raises(BackendError, match=re.escape("answered 400: ")):
        client.instant("up{")


def test_the_version_is_known(client):
    assert client.buildinfo()["version"]


def test_exemplars_are_there_or_the_description_says_that_they_are_not(servers, client, eventually):
    def found():
        return client.exemplars("demo_seconds_bucket", time.time() - 600, time.time() + 600)

    if Feature.EXEMPLARS in servers.without:
        assert found() == []
        return
    (exemplar,) = eventually(found)
    assert (exemplar.series["le"], exemplar.labels, exemplar.value) == ("1.0", {"trace_id": TRACE_ID}, 0.25)
