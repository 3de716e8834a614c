"""The two messages of remote write: ``prometheus.WriteRequest`` (1.0) and ``io.prometheus.write.v2.Request`` (2.0).

Sources: remote write specifications 1.0 and 2.0, and Prometheus' receiver where they are silent. What is valid in a
request is taken, whatever else is in it.

The messages are built from tables. Where a field says ``bytes`` and the specification has a message, the two look the
same on the wire: native histograms are only counted; labels of 1.0 are left packed because the same ones come with
every request and are looked up as they are. Those of 2.0 are numbers of symbols, each text being once in the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from obsctl.embedded.http.body import BodyError
from obsctl.embedded.http.decoded import DecodeResult, Rejections
from obsctl.embedded.http.proto_table import Table, messages
from obsctl.embedded.http.unicode import OnRepair, ignored, parsed
from obsctl.embedded.prometheus.series_labels import label_fault
from obsctl.embedded.records import Batch, ExemplarRecord, MetadataRecord, SampleRecord
from obsctl.languages.labels import Labels

_V1: Table = {
    "Label": ((1, "name", "string"), (2, "value", "string")),
    "Sample": ((1, "value", "double"), (2, "timestamp", "int64")),
    "Exemplar": ((1, "labels", "*Label"), (2, "value", "double"), (3, "timestamp", "int64")),
    "TimeSeries": (
        *((1, "labels", "*bytes"), (2, "samples", "*Sample")),
        *((3, "exemplars", "*Exemplar"), (4, "histograms", "*bytes")),
    ),
    "MetricMetadata": (
        *((1, "type", "int32"), (2, "metric_family_name", "string")),
        *((4, "help", "string"), (5, "unit", "string")),
    ),
    "WriteRequest": ((1, "timeseries", "*TimeSeries"), (3, "metadata", "*MetricMetadata")),
}
_V2: Table = {
    "Sample": ((1, "value", "double"), (2, "timestamp", "int64")),
    "Exemplar": ((1, "labels_refs", "*uint32"), (2, "value", "double"), (3, "timestamp", "int64")),
    "Metadata": ((1, "type", "int32"), (3, "help_ref", "uint32"), (4, "unit_ref", "uint32")),
    "TimeSeries": (
        *((1, "labels_refs", "*uint32"), (2, "samples", "*Sample"), (3, "histograms", "*bytes")),
        *((4, "exemplars", "*Exemplar"), (5, "metadata", "Metadata")),
    ),
    "Request": ((4, "symbols", "*string"), (5, "timeseries", "*TimeSeries")),
}

METRIC_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
"""The types of both messages by number."""

_CLASSES = messages("obsctl.remote_write", _V1)
WriteRequest: Any = _CLASSES["WriteRequest"]
Label: Any = _CLASSES["Label"]
Request: Any = messages("obsctl.remote_write.v2", _V2)["Request"]

FUTURE_MS = 600_000
"""Samples from further ahead than this are refused, as Prometheus 3 does."""

_KNOWN_SERIES = 20_000
_EXEMPLAR_CHARACTERS = 128
"""The most that names and values of an exemplar's labels may have together (OpenMetrics 1.0)."""
_NO_REFERENCE = "labels that refer to no symbol"
_SUFFIXES = {
    **dict.fromkeys(("histogram", "gaugehistogram"), ("_bucket", "_count", "_sum")),
    "summary": ("_count", "_sum"),
}
"""What the series of a family add to its name."""

_Key = tuple[bytes, ...]


class SeriesCache:
    """Labels of series by their packed form. One thread at a time."""

    def __init__(self) -> None:
        self._known: dict[_Key, tuple[Labels, str]] = {}

    def labels(self, packed: Sequence[bytes]) -> tuple[Labels, str]:
        """The labels of a series, and why it cannot be stored (empty when it can)."""
        key = tuple(packed)
        found = self._known.get(key)
        if found is None:
            found = _packed_labels(key)
            if len(self._known) >= _KNOWN_SERIES:
                self._known.clear()
            self._known[key] = found
        return found


def _packed_labels(packed: _Key) -> tuple[Labels, str]:
    try:
        found = [Label.FromString(one) for one in packed]
    except DecodeError:
        return (), "series with labels that are not valid protobuf or UTF-8"
    return _checked([(one.name, one.value) for one in found])


def _checked(pairs: Sequence[tuple[str, str]]) -> tuple[Labels, str]:
    labels = tuple(sorted(pair for pair in pairs if pair[1]))
    return labels, label_fault([name for name, _ in pairs], labels)


@dataclass(frozen=True)
class _Series:
    """A series of either message; ``fault`` says why nothing of it can be stored."""

    labels: Labels
    fault: str
    samples: Sequence[Any]
    histograms: int
    exemplars: Iterable[tuple[Any, Sequence[tuple[str, str]] | None]]
    """Each with its labels, None where they refer to nothing."""


Decode = Callable[[bytes, SeriesCache, int, OnRepair], DecodeResult]


def parse(body: bytes, cache: SeriesCache, now_ms: int, on_repair: OnRepair = ignored) -> DecodeResult:
    """Decode a ``prometheus.WriteRequest``. ``BodyError`` 400 when it is none.

    Labels of series that are not UTF-8 cost their series, as in Prometheus; metadata and exemplars are repaired.
    """
    request = _message(body, WriteRequest, "prometheus.WriteRequest", on_repair)
    series = (
        _Series(
            *cache.labels(one.labels), one.samples, len(one.histograms), ((e, _pairs(e.labels)) for e in one.exemplars)
        )
        for one in request.timeseries
    )
    metadata = [_metadata(m.metric_family_name, m.type, m.help, m.unit) for m in request.metadata]
    return _decoded(series, [one for one in metadata if one.family], now_ms)


def parse_v2(body: bytes, _cache: SeriesCache, now_ms: int, on_repair: OnRepair = ignored) -> DecodeResult:
    """Decode an ``io.prometheus.write.v2.Request``. ``BodyError`` 400 when it is none.

    A series without a sample, and one whose labels or metadata refer to no symbol, is rejected.
    """
    request = _message(body, Request, "io.prometheus.write.v2.Request", on_repair)
    symbols = list(request.symbols)
    series = [_series_v2(one, symbols) for one in request.timeseries]
    described = (
        _described(one.metadata, taken.labels, symbols)
        for one, taken in zip(request.timeseries, series, strict=True)
        if not taken.fault
    )
    metadata = {one.family: one for one in described if one}
    return _decoded(series, list(metadata.values()), now_ms)


def _message(body: bytes, kind: Any, name: str, on_repair: OnRepair) -> Any:
    try:
        return parsed(body, kind, on_repair)
    except DecodeError as error:
        raise BodyError(400, f"the body is not a protobuf {name}: {error}") from error


def _series_v2(series: Any, symbols: Sequence[str]) -> _Series:
    pairs, described = _referred(series.labels_refs, symbols), series.metadata
    labels, fault = ((), f"series with {_NO_REFERENCE}") if pairs is None else _checked(pairs)
    if not fault and max(described.help_ref, described.unit_ref, 0) >= max(len(symbols), 1):
        fault = "series with metadata that refers to no symbol"
    if not fault and not series.samples and not series.histograms:
        fault = "series without a sample"
    exemplars = ((one, _referred(one.labels_refs, symbols)) for one in series.exemplars)
    return _Series(labels, fault, series.samples, len(series.histograms), exemplars)


def _referred(numbers: Sequence[int], symbols: Sequence[str]) -> Sequence[tuple[str, str]] | None:
    """Names and values by the numbers of their symbols; None where there is no such symbol, or a value is missing."""
    if len(numbers) % 2 or max(numbers, default=-1) >= len(symbols):
        return None
    texts = [symbols[number] for number in numbers]
    return list(zip(texts[::2], texts[1::2], strict=True))


def _described(found: Any, labels: Labels, symbols: Sequence[str]) -> MetadataRecord | None:
    """What a series says of its family, if anything."""
    if not (found.type or found.help_ref or found.unit_ref):
        return None
    name = next(value for name, value in labels if name == "__name__")
    made = _metadata(name, found.type, symbols[found.help_ref], symbols[found.unit_ref])
    suffix = next((end for end in _SUFFIXES.get(made.type, ()) if name.endswith(end)), "")
    return MetadataRecord(name.removesuffix(suffix), made.type, made.help, made.unit)


def _decoded(found: Iterable[_Series], metadata: Sequence[MetadataRecord], now_ms: int) -> DecodeResult:
    rejections = Rejections()
    samples: list[SampleRecord] = []
    exemplars: list[ExemplarRecord] = []
    latest = now_ms + FUTURE_MS
    for series in found:
        if series.fault:
            rejections.add(series.fault, max(1, len(series.samples) + series.histograms))
            continue
        for sample in series.samples:
            moment = sample.timestamp
            if moment <= latest:
                samples.append(SampleRecord(series.labels, moment, sample.value))
            else:
                rejections.add("out of bounds: sample more than 10 minutes in the future")
        if series.histograms:
            rejections.add("native histogram, which is not supported", series.histograms)
        exemplars += _exemplars(series, latest, rejections)
    batch = Batch(samples=samples, exemplars=exemplars, metadata=metadata)
    return DecodeResult(batch, len(samples) + len(exemplars) + rejections.total, rejections.total, rejections.message)


def _exemplars(series: _Series, latest: int, rejections: Rejections) -> list[ExemplarRecord]:
    kept = []
    for one, found in series.exemplars:
        pairs = tuple(sorted(pair for pair in found or () if pair[1]))
        if found is None:
            rejections.add(f"exemplar with {_NO_REFERENCE}")
        elif sum(len(name) + len(value) for name, value in pairs) > _EXEMPLAR_CHARACTERS:
            rejections.add(f"exemplar with labels of more than {_EXEMPLAR_CHARACTERS} characters")
        elif one.timestamp > latest:
            rejections.add("exemplar more than 10 minutes in the future")
        else:
            kept.append(ExemplarRecord(series.labels, pairs, one.timestamp, one.value))
    return kept


def _pairs(labels: Iterable[Any]) -> list[tuple[str, str]]:
    return [(pair.name, pair.value) for pair in labels]


def _metadata(family: str, number: int, help_text: str, unit: str) -> MetadataRecord:
    kind = METRIC_TYPES[number] if 0 <= number < len(METRIC_TYPES) else METRIC_TYPES[0]
    return MetadataRecord(family, kind, help_text, unit)
