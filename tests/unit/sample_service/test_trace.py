"""One request is one trace: from the caller over queue, worker, database, cache and vectors to the AI provider."""

from __future__ import annotations

import uuid
from fnmatch import fnmatchcase

import pytest

from obsctl.spec.contract import SpanRule, TraceRule
from obsctl.spec.load import load_contract
from obsctl.wait import Deadline, stays, until
from tests.unit.sample_service.collector import Collector, Span
from tests.unit.sample_service.processes import PARENT, ROOT, Answer, Stack

CONTRACT = load_contract(ROOT / "sample_service" / "contract.yaml")
CANARY = f"canary-{uuid.uuid4().hex}"


def settled(collector: Collector, *trace_ids: str) -> list[list[Span]]:
    """The spans of some traces once they have stopped coming."""

    def sizes() -> list[int]:
        return [len(collector.trace(trace_id)) for trace_id in trace_ids]

    assert until(lambda: all(sizes()), Deadline.after(20))
    _, quiet = stays(sizes, 0.5, Deadline.after(20))
    assert quiet
    return [collector.trace(trace_id) for trace_id in trace_ids]


@pytest.fixture(scope="module")
def requests(sample: Stack, collector: Collector) -> dict[str, Answer]:
    """One request of each kind, with personal data in everything that a user can write."""
    cv = sample.call(
        "api",
        "POST",
        "/cvs?note=" + CANARY,
        {"name": CANARY, "email": f"{CANARY}@example.com", "text": f"{CANARY} knows python"},
    )
    project = sample.call("api", "POST", "/projects", {"title": CANARY, "text": f"{CANARY} wants python"})
    match = sample.call(
        "api", "POST", "/matches", {"cv_id": cv.json()["cv_id"], "project_id": project.json()["project_id"]}
    )
    job_id = match.json()["job_id"]
    assert sample.ended(job_id)["status"] == "done"
    result = sample.call("api", "GET", f"/matches/{job_id}")
    return {"POST /cvs": cv, "POST /projects": project, "POST /matches": match, "GET /matches/{job_id}": result}


@pytest.fixture(scope="module")
def traces(requests: dict[str, Answer], collector: Collector) -> dict[str, list[Span]]:
    spans = settled(collector, *(answer.trace_id for answer in requests.values()))
    return dict(zip(requests, spans, strict=True))


def satisfies(span: Span, rule: SpanRule) -> bool:
    return (
        span.component == rule.component
        and rule.kind in ("", span.kind)
        and fnmatchcase(span.name, rule.name)
        and all(
            any(fnmatchcase(str(span.attributes.get(key, "")), value) for value in values)
            for key, values in rule.match.items()
        )
        and all(key in span.attributes for key in rule.attributes)
    )


@pytest.mark.parametrize("rule", CONTRACT.traces, ids=lambda rule: rule.request)
def test_the_trace_is_what_the_contract_says(rule: TraceRule, traces: dict[str, list[Span]]) -> None:
    spans = traces[rule.request]
    assert {span.component for span in spans} == set(rule.components)
    missing = [wanted.id for wanted in rule.spans if not any(satisfies(span, wanted) for span in spans)]
    assert missing == []


@pytest.mark.parametrize("rule", CONTRACT.traces, ids=lambda rule: rule.request)
def test_one_root_under_the_caller_and_no_orphans(rule: TraceRule, traces: dict[str, list[Span]]) -> None:
    spans = traces[rule.request]
    known = {span.span_id for span in spans}
    assert [span.name for span in spans if span.parent_id not in known] == [rule.request]
    assert [span.parent_id for span in spans if span.parent_id not in known] == [PARENT]


def test_the_consumer_continues_the_producer(traces: dict[str, list[Span]]) -> None:
    spans = traces["POST /matches"]
    (producer,) = [span for span in spans if span.kind == "producer"]
    (consumer,) = [span for span in spans if span.kind == "consumer"]
    assert consumer.parent_id == producer.span_id
    assert consumer.attributes["messaging.message.id"] == producer.attributes["messaging.message.id"]
    assert consumer.attributes["retry_count"] == 0


def test_tracestate_reaches_every_span(traces: dict[str, list[Span]]) -> None:
    assert {span.trace_state for spans in traces.values() for span in spans} == {"obsctl=run1"}


def test_each_embedding_and_the_chat_is_one_call(traces: dict[str, list[Span]]) -> None:
    operations = [s.attributes["gen_ai.operation.name"] for s in traces["POST /matches"] if s.name.endswith("-1")]
    assert sorted(operations) == ["chat", "embeddings", "embeddings"]
    servers = sorted(s.attributes["route"] for s in traces["POST /matches"] if s.component == "ai")
    assert servers == ["/v1/chat/completions", "/v1/embeddings", "/v1/embeddings"]


def test_personal_data_is_in_no_span(traces: dict[str, list[Span]], collector: Collector) -> None:
    assert len(traces) == len(CONTRACT.traces)
    assert [span.name for span in collector.spans if CANARY.encode() in span.raw] == []
    forbidden = [
        (span.name, key)
        for span in collector.spans
        for key in span.attributes
        if any(fnmatchcase(key, glob) for glob in CONTRACT.forbidden.attributes)
    ]
    assert forbidden == []


def test_personal_data_is_in_no_log_line_and_no_metric(requests: dict[str, Answer], sample: Stack) -> None:
    assert requests
    for name, process in sample.processes.items():
        assert process.lines(), name
        assert CANARY not in process.log.read_text()
    for name in ("api", "worker", "ai"):
        assert CANARY not in sample.http.get(sample.url(name, "/metrics")).text


def test_every_line_of_the_trace_has_all_fields(requests: dict[str, Answer], sample: Stack) -> None:
    asked = requests["POST /matches"]
    assert CONTRACT.logs is not None
    for component in CONTRACT.logs.components:
        lines = [line for line in sample.processes[component].lines() if line["trace_id"] == asked.trace_id]
        assert lines, component
        for line in lines:
            assert all(line.get(name) for name in CONTRACT.logs.fields)
            assert line["service"] == component
            assert line["request_id"] == asked.request_id
    (done,) = [line for line in sample.processes["worker"].lines() if line["trace_id"] == asked.trace_id]
    assert done["job_id"] == asked.json()["job_id"]
    assert {"cv_id", "project_id", "retry_count"} <= done.keys()


def test_probes_and_polls_leave_no_traces(sample: Stack, collector: Collector) -> None:
    probes = [sample.call(name, "GET", path) for name in ("api", "worker", "ai") for path in ("/readyz", "/metrics")]
    asked, _ = sample.match()
    settled(collector, asked.trace_id)
    assert [collector.trace(probe.trace_id) for probe in probes] == [[]] * len(probes)
    roots = {span.kind for span in collector.spans if not span.parent_id or span.parent_id == PARENT}
    assert roots <= {"server", "consumer"}
