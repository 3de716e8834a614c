"""Query results and scrape targets as Prometheus prints them.

Results are written by hand: their numbers are not what a JSON encoder would print.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring
from urllib.parse import urlsplit

from starlette.responses import Response

from obsctl.embedded.http.calls import JSON, compact, encoded
from obsctl.embedded.query.vectors.values import RangeVector, Scalar, Steps, StringValue, Value, Vector
from obsctl.embedded.records import TargetStatus
from obsctl.languages.labels import Labels
from obsctl.languages.numbers import format_plain, format_short_time, format_time, format_value
from obsctl.languages.units import format_prom_duration, format_rfc3339

TRUNCATED = "results truncated due to limit"


def instant_data(value: Value, time: int) -> str:
    """``data`` of ``/api/v1/query``, as JSON text."""
    if isinstance(value, Vector):
        at = format_time(time)
        rows = zip(_metrics(value.labels), _texts(value.values[:, 0].tolist()), strict=True)
        return data("vector", array([f'{{"metric":{labels},"value":[{at},"{v}"]}}' for labels, v in rows]))
    if isinstance(value, RangeVector):
        series = zip(value.labels, value.points, strict=True)
        parts = (_matrix_row(metric(k), list(map(format_time, p.times.tolist())), p.values.tolist()) for k, p in series)
        return data("matrix", array(parts))
    if isinstance(value, Scalar):
        return data("scalar", f'[{format_short_time(time)},"{format_plain(float(value.values[0]))}"]')
    assert isinstance(value, StringValue)
    return data("string", f"[{format_short_time(time)},{compact(value.value)}]")


def range_data(value: Vector | Scalar, steps: Steps) -> str:
    """``data`` of ``/api/v1/query_range``, as JSON text: always a matrix; steps without a value are left out."""
    times = list(map(format_time, steps.times.tolist()))
    if isinstance(value, Scalar):
        return data("matrix", array([_matrix_row("{}", times, value.values.tolist())]))
    shapes = [f'[{time},"%s"]' for time in times]
    whole = ",".join(shapes)
    parts = []
    for labels, values, here in zip(_metrics(value.labels), value.values, value.present, strict=True):
        full = bool(here.all())
        shape = whole if full else ",".join(itertools.compress(shapes, here.tolist()))
        points = shape % tuple(_texts((values if full else values[here]).tolist()))
        parts.append(f'{{"metric":{labels},"values":[{points}]}}')
    return data("matrix", array(parts))


def data(kind: str, result: str) -> str:
    """A result of a kind, as JSON text."""
    return f'{{"resultType":"{kind}","result":{result}}}'


def array(parts: Iterable[str]) -> str:
    """A JSON array of JSON texts."""
    return f"[{','.join(parts)}]"


def _metrics(series: Iterable[Labels]) -> Iterator[str]:
    """The label sets of many series. Most of their pairs are the same, and written once."""
    pairs: dict[tuple[str, str], str] = {}
    known = pairs.get
    for labels in series:
        texts = []
        for pair in labels:
            text = known(pair)
            if text is None:
                text = pairs[pair] = f"{encode_basestring(pair[0])}:{encode_basestring(pair[1])}"
            texts.append(text)
        yield "{" + ",".join(texts) + "}"


def metric(labels: Labels) -> str:
    """A label set as a JSON object."""
    return "{" + ",".join([f"{encode_basestring(name)}:{encode_basestring(value)}" for name, value in labels]) + "}"


def _matrix_row(metric_text: str, times: Sequence[str], values: Sequence[float]) -> str:
    points = ",".join([f'[{time},"{text}"]' for time, text in zip(times, _texts(values), strict=True)])
    return f'{{"metric":{metric_text},"values":[{points}]}}'


def _texts(values: Sequence[float]) -> list[str]:
    """Every value as ``format_value`` prints it. Most are what Python prints too, of all at once and a lot faster."""
    printed = repr(values)[1:-1]
    if "e" not in printed and "n" not in printed:
        return f"{printed},".replace(".0,", ",")[:-1].split(", ") if printed else []
    return [
        format_value(value) if "e" in text or "n" in text else text.removesuffix(".0")
        for value, text in zip(values, printed.split(", "), strict=True)
    ]


def targets_data(targets: Sequence[TargetStatus], state: str, pool: str) -> dict[str, object]:
    """``data``: targets of a scrape pool ("" is all), when ``state`` asks for active ones. Nothing is ever dropped."""
    shown = [_target(t) for t in targets if pool in ("", t.job)] if state in ("any", "active") else []
    counts = None if state == "active" else {t.job: 0 for t in targets}
    return {"activeTargets": shown, "droppedTargets": [], "droppedTargetCounts": counts}


def _target(target: TargetStatus) -> dict[str, object]:
    url = urlsplit(target.url)
    interval, timeout = (format_prom_duration(round(s * 1000)) for s in (target.interval, target.timeout))
    return {
        "discoveredLabels": {
            "__address__": url.netloc,
            "__metrics_path__": url.path or "/",
            "__scheme__": url.scheme,
            "__scrape_interval__": interval,
            "__scrape_timeout__": timeout,
            "job": target.job,
        },
        "labels": {"instance": url.netloc, "job": target.job} | dict(target.labels),
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": target.last_error,
        "lastScrape": format_rfc3339(target.last_scrape),
        "lastScrapeDuration": target.last_duration,
        "health": target.health,
        "scrapeInterval": interval,
        "scrapeTimeout": timeout,
    }


def success(data: object, *, cut: bool = False) -> Response:
    """The envelope around a value; ``cut`` says that a limit left some of it out."""
    return success_text(compact(data), cut=cut)


def success_text(data: str, *, cut: bool = False, notes: tuple[list[str], list[str]] = ([], [])) -> Response:
    """The same around JSON text, with warnings and infos."""
    warnings, infos = notes
    notices = {"warnings": [*warnings, *([TRUNCATED] if cut else [])], "infos": infos}
    extra = "".join(f',"{kind}":{compact(texts)}' for kind, texts in notices.items() if texts)
    return Response(encoded(f'{{"status":"success","data":{data}{extra}}}'), media_type=JSON)
