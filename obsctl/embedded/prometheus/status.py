"""What Prometheus tells about itself: ``/api/v1/status/…``, scrape pools, metadata of targets, and ``/federate``."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from obsctl.embedded.http.calls import ApiCall, Handler, build_info, compact, route
from obsctl.embedded.http.errors import prometheus as on_error
from obsctl.embedded.prometheus.json import success
from obsctl.embedded.query.promql.context import LOOKBACK_MS
from obsctl.embedded.query.promql.engine import select_series
from obsctl.embedded.records import STALE_BITS, TargetStatus
from obsctl.embedded.store.base import SampleReader
from obsctl.languages.errors import ParameterError, QueryError
from obsctl.languages.labels import Labels, Matcher, matches_all
from obsctl.languages.numbers import format_value
from obsctl.languages.promql.parse import parse_match
from obsctl.languages.quoting import string_literal
from obsctl.languages.units import format_prom_duration, format_rfc3339

Targets = Callable[[], Sequence[TargetStatus]]

_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8; escaping=values"
_FLAGS = {
    "query.lookback-delta": format_prom_duration(LOOKBACK_MS),
    "web.enable-admin-api": "false",
    "web.enable-lifecycle": "false",
    "web.enable-otlp-receiver": "true",
    "web.enable-remote-write-receiver": "true",
}
"""Those of Prometheus' flags whose effect this server has."""
_TOP = 10


def routes(samples: SampleReader, targets: Targets) -> list[Route]:
    """Routes under ``/api/v1``, and two at the root."""
    started = time.time()
    table: dict[str, Handler] = {
        "status/buildinfo": lambda _: success(build_info()),
        "status/runtimeinfo": lambda _: success(_runtime_info(started)),
        "status/config": lambda _: success({"yaml": _config(targets())}),
        "status/flags": lambda _: success(_FLAGS),
        "status/tsdb": lambda call: success(_tsdb(samples, call)),
        "status/walreplay": lambda _: success({"min": 0, "max": 0, "current": 0, "state": "done"}),
        "scrape_pools": lambda _: success({"scrapePools": sorted({target.job for target in targets()})}),
        "targets/metadata": lambda call: success(_targets_metadata(samples, targets(), call)),
    }
    return [
        route("/federate", lambda call: _federate(samples, call), _plain),
        route("/config", lambda _: PlainTextResponse(_config(targets())), on_error),
        *(route(f"/api/v1/{path}", handler, on_error) for path, handler in table.items()),
    ]


def _plain(error: Exception) -> Response:
    """Outside the API, errors are plain text."""
    return PlainTextResponse(f"{error}\n", 400 if isinstance(error, QueryError) else 500)


def _runtime_info(started: float) -> dict[str, object]:
    return {
        "startTime": format_rfc3339(started),
        "serverTime": format_rfc3339(time.time()),
        "reloadConfigSuccess": True,
        "lastConfigTime": format_rfc3339(started),
        "corruptionCount": 0,
        "storageRetention": "",
    }


def _config(targets: Sequence[TargetStatus]) -> str:
    """What is scraped, as a configuration of Prometheus. Values are JSON, which is YAML, too."""
    jobs = [
        f"  - job_name: {compact(target.job)}\n"
        f"    scrape_interval: {_seconds(target.interval)}\n"
        f"    scrape_timeout: {_seconds(target.timeout)}\n"
        f"    scheme: {compact(url.scheme)}\n"
        f"    metrics_path: {compact(url.path or '/')}\n"
        f"    static_configs:\n"
        f"      - targets: {compact([url.netloc])}\n"
        f"        labels: {compact(dict(target.labels))}\n"
        for target, url in ((target, urlsplit(target.url)) for target in targets)
    ]
    return f"scrape_configs:\n{''.join(jobs)}" if jobs else "scrape_configs: []\n"


def _seconds(seconds: float) -> str:
    return format_prom_duration(round(seconds * 1000))


def _tsdb(samples: SampleReader, call: ApiCall) -> dict[str, object]:
    """Counts of series, the largest first; ``limit`` is how many of each."""
    most = call.parsed(_count, _TOP, "limit")
    series = [one.labels for one in samples.series(())]
    pairs = Counter(pair for labels in series for pair in labels)
    values = Counter(name for name, _ in pairs)
    sizes: Counter[str] = Counter()
    for name, value in pairs:
        sizes[name] += len(name.encode()) + len(value.encode())
    names = Counter(dict(labels).get("__name__", "") for labels in series)
    shown = Counter({f"{name}={value}": count for (name, value), count in pairs.items()})
    return {
        "headStats": dict.fromkeys(("chunkCount", "minTime", "maxTime"), 0)
        | {"numSeries": len(series), "numLabelPairs": len(pairs)},
        "seriesCountByMetricName": _largest(names, most),
        "labelValueCountByLabelName": _largest(values, most),
        "memoryInBytesByLabelName": _largest(sizes, most),
        "seriesCountByLabelValuePair": _largest(shown, most),
    }


def _largest(counts: Counter[str], most: int) -> list[dict[str, object]]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": name, "value": count} for name, count in ordered[:most]]


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= 10_000):
        raise ValueError("limit must be a positive number of at most 10000")
    return int(text)


def _selectors(call: ApiCall, name: str) -> list[tuple[Matcher, ...]]:
    try:
        return [parse_match(text) for text in call.all(name) if text]
    except QueryError as cause:
        raise ParameterError(name, cause) from cause


def _targets_metadata(samples: SampleReader, targets: Sequence[TargetStatus], call: ApiCall) -> list[dict[str, object]]:
    """Metadata of families with the targets whose series have them. ``metric`` names one, which is then left out."""
    wanted, matchers = call.first("metric"), _selectors(call, "match_target")
    most = call.parsed(_count, 10_000, "limit")
    families = [one for one in samples.metadata() if wanted in ("", one.family)]
    found: list[dict[str, object]] = []
    for target in targets:
        labels = {"instance": urlsplit(target.url).netloc, "job": target.job}
        if not all(matches_all(one, labels) for one in matchers):
            continue
        known = _names(samples, labels)
        found += [
            {
                "target": labels,
                **({} if wanted else {"metric": one.family}),
                "type": one.type,
                "help": one.help,
                "unit": one.unit,
            }
            for one in families
            if any(f"{one.family}{suffix}" in known for suffix in ("", "_total", "_bucket", "_count", "_info"))
        ]
    return found[:most]


def _names(samples: SampleReader, labels: dict[str, str]) -> frozenset[str]:
    matchers = [Matcher(name, "=", value) for name, value in labels.items()]
    return frozenset(dict(one.labels).get("__name__", "") for one in samples.series(matchers))


def _federate(samples: SampleReader, call: ApiCall) -> Response:
    """The newest sample of every selected series, as a page to scrape."""
    selectors, now = _selectors(call, "match[]"), time.time_ns() // 1_000_000
    with samples.snapshot() as stored:
        series = select_series(stored, selectors, now - LOOKBACK_MS, now) if selectors else []
        found = stored.samples(series, now - LOOKBACK_MS, now)
    rows: list[tuple[str, Labels, float, int]] = []
    for row, one in enumerate(series):
        begin, end = int(found.bounds[row]), int(found.bounds[row + 1])
        if begin < end and int(found.values[end - 1 : end].view("int64")[0]) != STALE_BITS:
            labels = dict(one.labels)
            name = labels.pop("__name__", "")
            rows.append((name, tuple(labels.items()), float(found.values[end - 1]), int(found.times[end - 1])))
    return Response("".join(_page(rows)), headers={"content-type": _EXPOSITION})


def _page(rows: Iterable[tuple[str, Labels, float, int]]) -> Iterable[str]:
    last = None
    for name, labels, value, at in sorted(rows, key=lambda row: row[:2]):
        if name != last:
            last = name
            yield f"# TYPE {_shown(name)} untyped\n"
        named = [*([] if _is_plain(name) else [string_literal(name)])]
        pairs = [f"{_shown(key)}={string_literal(text)}" for key, text in labels]
        inside = ",".join((*named, *pairs)) if labels or named else 'instance=""'
        number = "NaN" if math.isnan(value) else format_value(value)
        yield f"{name if _is_plain(name) else ''}{{{inside}}} {number} {at}\n"


def _is_plain(name: str) -> bool:
    return name.replace(":", "_").isidentifier() and name.isascii()


def _shown(name: str) -> str:
    return name if _is_plain(name) else string_literal(name)
