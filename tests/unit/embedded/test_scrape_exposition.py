from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary
from prometheus_client import exposition as text_format
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as reference_openmetrics
from prometheus_client.parser import text_string_to_metric_families as reference_text

from obsctl.embedded.prometheus.exposition import ParsedExposition, Parser, ScrapedSample
from obsctl.embedded.prometheus.series_labels import label_number
from obsctl.embedded.records import MetadataRecord
from obsctl.languages.exposition_lines import ExpositionError
from obsctl.languages.labels import Labels


def plain(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def parse(text: str, *, openmetrics: bool = False) -> ParsedExposition:
    return Parser(plain).parse(text, openmetrics=openmetrics)


def values(found: ParsedExposition) -> dict[str, float]:
    """Value by series as text."""
    return {_shown(labels): sample.value for labels, sample in found.samples.items()}


def _shown(labels: Labels) -> str:
    pairs = dict(labels)
    return pairs.pop("__name__") + "".join(f" {name}={value}" for name, value in pairs.items())


def test_the_text_format() -> None:
    found = parse(
        "# HELP http_requests_total Total\\nrequests \\\\.\n"
        "# TYPE http_requests_total counter\n"
        'http_requests_total{method="post",path="C:\\\\x",msg="a \\"b\\"\\n",} 1027 1754000000000\n'
        "\n# just a comment\n#\n"
        'lat_seconds_bucket{le="1"} 3\n'
        'nothing NaN\n  spaced\t{ a = "b" , c="d" }\t+Inf\nhex_like 1e3\n'
        "# TYPE lat histogram\n"
        'lat_bucket{le="1"} 3\nlat_bucket{le="+Inf"} 5\n'
    )
    shown = values(found)
    assert math.isnan(shown.pop("nothing"))
    assert shown == {
        'http_requests_total method=post msg=a "b"\n path=C:\\x': 1027,
        "lat_seconds_bucket le=1": 3,
        "spaced a=b c=d": math.inf,
        "hex_like": 1000,
        "lat_bucket le=1.0": 3,
        "lat_bucket le=+Inf": 5,
    }
    assert next(iter(found.samples.values())).time_ms == 1_754_000_000_000
    assert found.families["http_requests_total"] == MetadataRecord(
        "http_requests_total", "counter", "Total\nrequests \\."
    )


def test_openmetrics() -> None:
    found = parse(
        "# TYPE lat_seconds histogram\n# UNIT lat_seconds seconds\n# HELP lat_seconds Latency.\n"
        'lat_seconds_bucket{le="0.5"} 1 # {trace_id="ab",span_id="cd"} 0.3 1754000000.1234\n'
        'lat_seconds_bucket{le="1"} 2 1754000001.5 # {trace_id="ef"} 0.7\n'
        'lat_seconds_bucket{le="+Inf"} 2\nlat_seconds_count 2\nlat_seconds_sum 1.0\nlat_seconds_created 1754.5\n'
        "# TYPE jobs counter\njobs_total 3 # {} 1\njobs_created 5\n"
        "# TYPE g gauge\ng_created 7\n"
        "# EOF\n",
        openmetrics=True,
    )
    assert values(found) == {
        "lat_seconds_bucket le=0.5": 1,
        "lat_seconds_bucket le=1.0": 2,
        "lat_seconds_bucket le=+Inf": 2,
        "lat_seconds_count": 2,
        "lat_seconds_sum": 1,
        "jobs_total": 3,
        "g_created": 7,
    }
    first, second, *_ = found.samples.values()
    assert first.exemplar is not None
    assert second.exemplar is not None
    assert (first.exemplar.labels, first.exemplar.value) == ((("span_id", "cd"), ("trace_id", "ab")), 0.3)
    assert (first.exemplar.time_ms, second.exemplar.time_ms, second.time_ms) == (1754000000123, None, 1754000001500)
    assert found.families["lat_seconds"] == MetadataRecord("lat_seconds", "histogram", "Latency.", "seconds")
    assert found.families["jobs"].type == "counter"


def test_names_in_utf8_are_quoted() -> None:
    found = parse('# TYPE "my.metric" gauge\n{"my.metric","a.b"="x",c="y"} 1\n# EOF', openmetrics=True)
    assert values(found) == {"my.metric a.b=x c=y": 1}
    assert found.families["my.metric"].type == "gauge"


def test_of_a_series_that_appears_twice_the_first_sample_is_kept() -> None:
    assert values(parse('a{x="1",y="2"} 1\na{y="2",x="1"} 2\n')) == {"a x=1 y=2": 1}


@pytest.mark.parametrize(
    ("text", "open_metrics", "says"),
    [
        ("a 1\n", True, "does not end with # EOF"),
        ("", True, "does not end with # EOF"),
        ("# EOF\na 1\n# EOF\n", True, "data after # EOF"),
        ("a\n", False, "line 1"),
        ("ok 1\na b\n", False, "line 2"),
        ("a 1 2 3\n", False, "expected a value"),
        ("a 1 1.5\n", False, "line 1"),
        ("a 1_000\n", False, "not a number"),
        ("a \u0661\n", False, "not a number"),
        ('a{b="c" 1\n', False, "line 1"),
        ("a{b=c} 1\n", False, "line 1"),
        ('a{b="1",b="2"} 1\n', False, "given twice"),
        ('a{1b="1"} 1\n', False, "the labels are not"),
        ('{b="1"} 1\n', False, "no name"),
        ('a{"c",b="1"} 1\n', False, "given twice"),
        ("1a 1\n", False, "line 1"),
        ("a1\n", False, "line 1"),
        ("# TYPE a countre\n", False, "invalid metric type"),
        ('a 1 # {x="y"}\n# EOF', True, "an exemplar must have"),
        ("a 1 # x 1\n# EOF", True, "expected a space, a value"),
        ("a 1 inf\n# EOF", True, "invalid time"),
    ],
)
def test_what_is_not_the_format_is_refused_with_its_line(text: str, open_metrics: bool, says: str) -> None:
    with pytest.raises(ExpositionError, match=re.escape(says)):
        parse(text, openmetrics=open_metrics)


@given(st.text(alphabet='ab{}="\\, \n#1.e_+EOFTYPE', max_size=40), st.booleans())
def test_whatever_arrives_is_parsed_or_refused(text: str, open_metrics: bool) -> None:
    try:
        found = parse(text, openmetrics=open_metrics)
    except ExpositionError:
        return
    assert all(dict(labels)["__name__"] for labels in found.samples)


_label_values = st.text(max_size=8)
_numbers = st.floats(0, 1e9)


@st.composite
def registries(draw: st.DrawFn) -> CollectorRegistry:
    registry = CollectorRegistry()
    for value in draw(st.lists(_label_values, max_size=3, unique=True)):
        registry_counter(registry).labels(value).inc(draw(_numbers))
    Gauge("depth", "Depth of\na \\ queue.", registry=registry).set(draw(st.floats()))
    bounds = draw(st.sets(_numbers, min_size=1, max_size=4).map(sorted))
    histogram = Histogram("lat_seconds", "", ["route"], buckets=bounds, registry=registry)
    for value in draw(st.lists(_numbers, max_size=3)):
        histogram.labels("/x").observe(value, {"trace_id": draw(st.text("abc123", min_size=1, max_size=8))})
    Summary("size_bytes", "Sizes.", registry=registry).observe(draw(_numbers))
    Info("build", "", registry=registry).info({"version": draw(_label_values)})
    return registry


def registry_counter(registry: CollectorRegistry) -> Counter:
    known = registry._names_to_collectors.get("hits_total")
    return known or Counter("hits", "Hits.", ["who"], registry=registry)


@given(registries(), st.booleans())
def test_it_reads_what_the_client_library_writes_like_the_client_library(
    registry: CollectorRegistry, open_metrics: bool
) -> None:
    module, reference = (openmetrics, reference_openmetrics) if open_metrics else (text_format, reference_text)
    text = module.generate_latest(registry).decode()
    found = parse(text, openmetrics=open_metrics)
    expected: dict[Labels, ScrapedSample] = {}
    for family in reference(text):
        for sample in family.samples:
            if not (open_metrics and sample.name.endswith("_created")):
                labels = dict(sample.labels) | {"__name__": sample.name}
                if family.type == "histogram" and "le" in labels:
                    labels["le"] = label_number(float(labels["le"]))
                expected[plain(labels)] = sample
        assert (
            found.families[family.name if family.type != "counter" or open_metrics else f"{family.name}_total"].help
            == family.documentation
        )
    assert found.samples.keys() == expected.keys()
    for labels, sample in expected.items():
        mine = found.samples[labels]
        assert mine.value == sample.value or (math.isnan(mine.value) and math.isnan(sample.value))
        assert (mine.exemplar is None) == (sample.exemplar is None)
        if mine.exemplar and sample.exemplar:
            assert (dict(mine.exemplar.labels), mine.exemplar.value) == (sample.exemplar.labels, sample.exemplar.value)


def test_a_second_scrape_gives_the_same_and_remembers_only_what_was_there() -> None:
    parser = Parser(plain)
    first = parser.parse('a{x="1"} 1\nb 2 # not an exemplar\n'.replace(" # not an exemplar", ""), openmetrics=False)
    again = parser.parse('a{x="1"} 1\nb 2\n', openmetrics=False)
    assert first == again
    with_exemplar = parser.parse('a{x="1"} 3 # {t="1"} 4\nb 2 5\n# EOF', openmetrics=True)
    assert values(with_exemplar) == {"a x=1": 3, "b": 2}
    parser.parse("c 1\n", openmetrics=False)
    assert list(parser._known) == ["c"]
