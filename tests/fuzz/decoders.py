"""Decoders and parsers, called directly: each takes an input, or refuses it in its own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from obsctl.clients.exposition import parse_exposition
from obsctl.embedded.alertmanager.bodies import document, posted_alerts, posted_silence
from obsctl.embedded.http.body import BodyError
from obsctl.embedded.loki.push import parse as parse_push
from obsctl.embedded.loki.push import parse_protobuf as parse_packed_push
from obsctl.embedded.otlp.codec import Encoding, MalformedError, decode
from obsctl.embedded.otlp.signals import SIGNALS, OtlpOptions, OtlpSignal
from obsctl.embedded.prometheus.exposition import Parser
from obsctl.embedded.prometheus.write_requests import SeriesCache, parse_v2
from obsctl.embedded.prometheus.write_requests import parse as parse_write
from obsctl.embedded.redaction import Redactor
from obsctl.embedded.self_metrics import SelfMetrics
from obsctl.errors import BackendError
from obsctl.languages.alert_matchers import parse_matcher
from obsctl.languages.errors import QueryError
from obsctl.languages.exposition_lines import ExpositionError, looks_like_openmetrics
from obsctl.languages.gotemplate.alert_templates import ALERT_FUNCTIONS, ALERT_VARIABLES
from obsctl.languages.gotemplate.parse import parse as parse_template
from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.languages.logql.parse import parse as parse_logql
from obsctl.languages.promql.parse import parse as parse_promql
from obsctl.languages.traceql.parse import parse as parse_traceql
from tests.fuzz import seeds
from tests.fuzz.mutate import Mutator

REFUSALS = (MalformedError, BodyError, ExpositionError, QueryError, BackendError, TemplateError)


@dataclass(frozen=True)
class Decoder:
    """``decode`` takes what ``change`` makes of the seeds."""

    name: str
    decode: Callable[[bytes], object]
    seeds: Sequence[bytes]
    structured: bool = False

    def input(self, mutator: Mutator) -> bytes:
        """The next input."""
        return (mutator.document if self.structured else mutator.data)(self.seeds)


def decoders() -> Iterator[Decoder]:
    """All of them."""
    redactor = Redactor(("*.password",), (), SelfMetrics())
    for signal in SIGNALS:
        yield Decoder(f"OTLP {signal.name}", _otlp(signal, "protobuf", redactor), [_packed(signal)])
        as_json = [seeds.otlp_json(signal.name)]
        yield Decoder(f"OTLP {signal.name} JSON", _otlp(signal, "json", redactor), as_json, structured=True)
    cache = SeriesCache()
    yield Decoder("Loki push", lambda data: parse_packed_push(data, now_ns=seeds.NOW_NS), [seeds.push()])
    yield Decoder(
        "Loki push JSON", lambda data: parse_push(data, now_ns=seeds.NOW_NS), [seeds.push_json()], structured=True
    )
    yield Decoder("remote write", lambda data: parse_write(data, cache, seeds.NOW_NS // 10**6), [seeds.remote_write()])
    yield Decoder(
        "remote write 2.0", lambda data: parse_v2(data, cache, seeds.NOW_NS // 10**6), [seeds.remote_write_2()]
    )
    yield Decoder("alerts", lambda data: posted_alerts(document(data), 0), seeds.ALERTS, structured=True)
    yield Decoder("silences", lambda data: posted_silence(document(data)), seeds.SILENCES, structured=True)
    yield from _texts()


def _texts() -> Iterator[Decoder]:
    parser = Parser(lambda labels: tuple(sorted(labels.items())))

    def scraped(text: str) -> object:
        return parser.parse(text, openmetrics=looks_like_openmetrics(text))

    table = (
        ("scraped page", scraped, seeds.PAGES),
        ("metrics page", parse_exposition, seeds.PAGES),
        ("PromQL", parse_promql, seeds.PROMQL),
        ("LogQL", parse_logql, seeds.LOGQL),
        ("TraceQL", parse_traceql, seeds.TRACEQL),
        ("alert template", lambda text: parse_template(text, ALERT_FUNCTIONS, ALERT_VARIABLES), seeds.TEMPLATES),
        ("matcher", parse_matcher, ('a=~"b.*"', "a!=b")),
    )
    for name, parse, texts in table:
        yield Decoder(name, _of_text(parse), [text.encode() for text in texts])


def _of_text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("utf-8", "replace"))


def _packed(signal: OtlpSignal) -> bytes:
    return bytes(seeds.OTLP[signal.name].SerializeToString())


def _otlp(signal: OtlpSignal, encoding: Encoding, redactor: Redactor) -> Callable[[bytes], object]:
    translate = signal.translator(OtlpOptions())
    return lambda data: translate(decode(data, signal.request, encoding), redactor)
