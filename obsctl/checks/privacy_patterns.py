"""Nothing that was stored of the run has the form of personal data or of a secret. Values are never shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from obsctl.checks._logs import LogsPoller
from obsctl.checks._metrics import MetricsPoller
from obsctl.checks._spans import named, values
from obsctl.checks._strays import StraysPoller
from obsctl.checks._traces import TracesPoller
from obsctl.checks._traces import nothing_arrived as no_traces
from obsctl.checks._verdicts import count, failed, few, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.telemetry import Span
from obsctl.errors import BackendError
from obsctl.spec.personal import PERSONAL, holds

MOST_TEXTS = 100_000
"""Texts that are searched in one run; what comes after them is named in a note."""

MOST_LINES = 5000
LONGEST = 20_000
"""Characters of one text that are searched."""

_HINT = (
    "take it out where it is recorded (span attributes, statement texts, exception messages, log arguments, labels); "
    "record an id instead. If it may be stored, take the pattern from `forbidden.patterns` of the contract"
)


@dataclass(frozen=True)
class StoredText:
    """A text that is stored, and where: the owner (a span, a line, a metric), and the place in it."""

    owner: str
    place: str
    text: str


class PrivacyPatterns:
    """See ``docs/checks/privacy-patterns.md``."""

    id = "privacy.patterns"
    signal = Signal.PRIVACY
    title = "nothing stored has the form of personal data or of a secret"

    def run(self, context: Context) -> Verdict:
        """Wait for the run's telemetry, then search every text of it."""
        if context.traces is None and context.logs is None and context.metrics is None:
            return skipped("this stack stores nothing that could be searched")
        if context.traces is not None:
            traces = TracesPoller.of(context, context.traces).traces(context.deadline)
            if verdict := no_traces(traces):
                return verdict
        notes: list[str] = []
        texts = list(islice(_texts(context, notes), MOST_TEXTS + 1))
        if len(texts) > MOST_TEXTS:
            notes.append(f"only the first {MOST_TEXTS:,} texts were searched")
        own = context.contract.forbidden.patterns
        forbidden = [*((n, p.regex) for n, p in PERSONAL.items() if p.secret), *own.items()]
        allowed = [(n, p.regex) for n, p in PERSONAL.items() if not p.secret and n not in own]
        if found := _found(texts, forbidden):
            looked = [Evidence(f"{t.owner}, {t.place}", f"holds {_called(name)}") for t, name in found]
            said = list(dict.fromkeys(f"{t.owner} holds {_called(name)} in its {t.place}" for t, name in found))
            return failed(summed(said) + noted(notes), looked, hint=_HINT)
        seen = {name: t for t, name in reversed(_found(texts, allowed))}
        notes += [
            f"{t.owner} holds {_called(name)} in its {t.place}; `{name}` is not among the contract's forbidden.patterns"
            for name, t in sorted(seen.items())
        ]
        looked = [
            Evidence(
                count(len(texts), "stored text"),
                f"none has the form of {few(dict.fromkeys(name for name, _ in forbidden), 12)}",
            )
        ]
        return passed(f"{count(len(texts), 'stored text')} hold none of {len(forbidden)} patterns", looked, notes=notes)


def _called(name: str) -> str:
    """What a pattern finds, in words."""
    return PERSONAL[name].what if name in PERSONAL else f"something like {name}"


def _found(texts: list[StoredText], patterns: Sequence[tuple[str, str]]) -> list[tuple[StoredText, str]]:
    """The first finding of each pattern in each place of an owner."""
    found: dict[tuple[str, str, str], tuple[StoredText, str]] = {}
    for text in texts:
        for name, regex in patterns:
            key = (text.owner, text.place, name)
            elsewhere = name == "email" and text.owner.startswith("metric ")  # metrics.cardinality is about these
            if key not in found and not elsewhere and holds(name, regex, text.text[:LONGEST]):
                found[key] = (text, name)
    return list(found.values())


def _texts(context: Context, notes: list[str]) -> Iterator[StoredText]:
    """Every text once. A backend that cannot be asked is named in a note: its own checks are red for it."""
    seen: set[tuple[str, str, str]] = set()
    for source, read in (("traces", _of_spans), ("log lines", _of_lines), ("metric labels", _of_metrics)):
        try:
            for text in read(context):
                key = (text.owner, text.place, text.text)
                if text.text and key not in seen:
                    seen.add(key)
                    yield text
        except BackendError as error:
            notes.append(f"{source} were not searched: {error.message}")


def _of_spans(context: Context) -> Iterator[StoredText]:
    if context.traces is None:
        return
    driven = [s for t in TracesPoller.of(context, context.traces).traces(context.deadline) for s in t.spans]
    strays = StraysPoller.of(context)
    strays.settle(context.deadline)
    begun = int((context.run.started_at - 1.0) * 1e9)
    others = [s for s in strays.spans if s.start_ns >= begun]
    for span in _once([*driven, *others]):
        for place, text in values(span):
            yield StoredText(f"span {named(span)}", place, text)


def _once(spans: list[Span]) -> Iterator[Span]:
    return iter({(s.trace_id, s.span_id): s for s in spans}.values())


def _of_lines(context: Context) -> Iterator[StoredText]:
    if context.logs is None:
        return
    poller = LogsPoller.of(context, context.logs)
    if context.contract.logs is not None:
        poller.lines(context.deadline)
    for line in poller.everything(poller.window_start, MOST_LINES):
        owner = f"log line of {line.component or 'unknown'}"
        if not line.fields:
            yield StoredText(owner, "text", line.line.line)
        for name, value in line.fields.items():
            yield StoredText(owner, f"field {name}", value if isinstance(value, str) else str(value))
        for name, value in {**line.line.labels, **line.line.metadata}.items():
            yield StoredText(owner, f"label {name}", value)


def _of_metrics(context: Context) -> Iterator[StoredText]:
    if context.metrics is None:
        return
    for component in MetricsPoller.of(context, context.metrics).scraped(context.deadline):
        for sample in component.series:
            metric = sample.labels.get("__name__", "")
            for name, value in sample.labels.items():
                if name not in component.target_labels:
                    yield StoredText(f"metric {metric} of {component.name}", f"label {name}", value)
