"""Query results as Loki prints them: times in seconds with few decimals, values without exponents, streams of lines."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from starlette.responses import Response

from obsctl.embedded.http.calls import compact, encoded
from obsctl.embedded.prometheus.json import array, data, metric
from obsctl.embedded.query.logql.entry import QueriedLine
from obsctl.embedded.query.logql.metrics import Value
from obsctl.embedded.query.logql.ranges import LogSteps
from obsctl.embedded.query.logql.source import Scan
from obsctl.embedded.query.vectors.values import Scalar
from obsctl.languages.labels import Labels
from obsctl.languages.numbers import format_plain, format_short_time
from obsctl.languages.units import MS_NS

CONTENT_TYPE = "application/json; charset=UTF-8"
CATEGORIZE = "categorize-labels"


def answer(text: str, status: int = 200) -> Response:
    """JSON text, ended by a newline."""
    return Response(encoded(text + "\n"), status, headers={"content-type": CONTENT_TYPE})


def json_answer(value: object, status: int = 200) -> Response:
    """A value as JSON."""
    return answer(compact(value), status)


def listed(found: Iterable[object]) -> Response:
    """The envelope of lists: Loki leaves ``data`` out when there is nothing."""
    items = list(found)
    return json_answer({"status": "success", **({"data": items} if items else {})})


def query_answer(result: str, scan: Scan, begun: float, returned: int, *, categorize: bool = False) -> Response:
    """The envelope of queries around ``"resultType":…,"result":…``; ``begun`` is a time of ``time.perf_counter``."""
    flags = f'"encodingFlags":["{CATEGORIZE}"],' if categorize else ""
    stats = compact(_stats(scan, time.perf_counter() - begun, returned))
    return answer(f'{{"status":"success","data":{{{flags}{result[1:-1]},"stats":{stats}}}}}')


def _stats(scan: Scan, seconds: float, returned: int) -> dict[str, object]:
    """What Loki's clients show of a query's cost."""
    rate = 1 / max(seconds, 1e-6)
    summary = {
        "bytesProcessedPerSecond": int(scan.characters * rate),
        "linesProcessedPerSecond": int(scan.lines * rate),
        "totalBytesProcessed": scan.characters,
        "totalLinesProcessed": scan.lines,
        "execTime": round(seconds, 6),
        "queueTime": 0,
        "subqueries": 0,
        "totalEntriesReturned": returned,
        "splits": 0,
        "shards": 0,
        "totalPostFilterLines": returned,
        "totalStructuredMetadataBytesProcessed": 0,
    }
    return {"summary": summary, "querier": {}, "ingester": {}}


def vector_or_scalar(value: Value, moment: int) -> str:
    """The result of an instant query at a time in ns."""
    at = format_short_time(moment // MS_NS)
    if isinstance(value, Scalar):
        return data("scalar", f'[{at},"{format_plain(float(value.values[0]))}"]')
    rows = zip(value.labels, value.values[:, 0].tolist(), strict=True)
    return data("vector", array(f'{{"metric":{metric(k)},"value":[{at},"{format_plain(v)}"]}}' for k, v in rows))


def matrix(value: Value, steps: LogSteps) -> str:
    """The result of a query over a range."""
    times = [format_short_time(moment // MS_NS) for moment in steps.times.tolist()]
    if isinstance(value, Scalar):
        rows: list[tuple[Labels, list[float], list[bool]]] = [((), value.values.tolist(), [True] * len(times))]
    else:
        rows = list(zip(value.labels, value.values.tolist(), value.present.tolist(), strict=True))
    return data("matrix", array(_row(labels, times, values, present) for labels, values, present in rows))


def _row(labels: Labels, times: list[str], values: list[float], present: list[bool]) -> str:
    points = [f'[{t},"{format_plain(v)}"]' for t, v, here in zip(times, values, present, strict=True) if here]
    return f'{{"metric":{metric(labels)},"values":{array(points)}}}'


def streams(lines: Iterable[QueriedLine], *, categorize: bool) -> list[dict[str, object]]:
    """Lines grouped by label set, which includes metadata and extracted labels unless those are told apart."""
    found: dict[Labels, list[list[object]]] = {}
    for line in lines:
        value: list[object] = [str(line.time_ns), line.line]
        if categorize:
            value.append(_categories(line))
        found.setdefault(line.stream if categorize else line.labels, []).append(value)
    return [{"stream": dict(key), "values": values} for key, values in found.items()]


def _categories(line: QueriedLine) -> Mapping[str, Mapping[str, str]]:
    parts = {"structuredMetadata": dict(line.metadata), "parsed": dict(line.parsed)}
    return {name: labels for name, labels in parts.items() if labels}
