"""The parts that can be judged without processes."""

from __future__ import annotations

import io
import json
import logging
import math
import sys
import threading
from collections.abc import Iterator

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request

from sample_service import config, faults, jobs, local_model, logs, matching, metrics, request_context, telemetry
from sample_service.redis_server import RedisServer
from tests.unit.sample_service.processes import ROOT

job_texts = st.text(st.characters(codec="utf-8"), max_size=40)


@given(
    job_texts, job_texts, job_texts, st.integers(0, 50), st.dictionaries(st.sampled_from(["traceparent"]), job_texts)
)
def test_a_job_survives_its_journey(
    job_id: str, cv_id: str, request_id: str, retries: int, carrier: dict[str, str]
) -> None:
    job = jobs.Job("match", job_id, cv_id, "p", request_id, retries, carrier)
    assert jobs.parse(json.loads(json.dumps(job.fields()))) == job
    assert job.again().retry_count == retries + 1


@given(st.dictionaries(st.sampled_from(["type", "job_id", "cv_id", "project_id", "retry_count"]), job_texts))
def test_other_messages_are_refused(fields: dict[str, str]) -> None:
    try:
        job = jobs.parse(fields)
    except jobs.MalformedJobError:
        return
    assert job.type in jobs.TYPES


@given(st.integers(1, 20), st.integers(0, 25), st.floats(0, 10))
def test_backoff_doubles_is_bounded_and_ends(attempts: int, retry: int, base: float) -> None:
    policy = jobs.RetryPolicy(attempts, base, longest=30.0)
    delay = policy.delay(jobs.Job("match", "j", "c", "p", retry_count=retry), ValueError())
    if retry + 1 >= attempts:
        assert delay is None
    else:
        assert delay == min(base * 2**retry, 30.0)
    assert policy.delay(jobs.Job("match", "j", "c", "p"), jobs.PermanentError()) is None


@given(st.text(max_size=300))
def test_only_well_formed_request_ids_are_accepted(text: str) -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    well_formed = 1 <= len(text) <= 128 and set(text) <= allowed
    assert (request_context.accept(text) == text) is well_formed


@given(st.text(max_size=500))
def test_embeddings_have_length_one(text: str) -> None:
    vector = local_model.embedding(text)
    assert len(vector) == local_model.DIMENSIONS
    assert math.isclose(math.hypot(*vector), 1.0)


@given(st.text(max_size=200))
def test_an_answer_is_a_score_or_is_refused(text: str) -> None:
    try:
        score = matching.parse_score(text)
    except matching.UnusableAnswerError:
        return
    assert 0 <= score.value <= 100


def test_a_score_out_of_range_is_brought_in() -> None:
    answers = ('{"score": 250}', '{"score": -3, "reason": 1}', '{"score": "70", "reason": null}')
    assert [matching.parse_score(answer).value for answer in answers] == [100, 0, 70]
    for unusable in ("", "[]", "7", '{"score": null}', '{"reason": "x"}', '{"score": "high"}', '{"score": 1e999}'):
        with pytest.raises(matching.UnusableAnswerError):
            matching.parse_score(unusable)


def test_the_local_model_is_understood() -> None:
    prompt = matching.user_prompt("python and sql", "python and go", 0.5)
    assert matching.parse_score(local_model.chat([prompt])) == matching.Score(
        67, "2 of 3 terms of the project are in the CV."
    )


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"API_PORT": "x"}, "API_PORT must be a number, not 'x'"),
        ({"API_PORT": "70000"}, "API_PORT must be between 0 and 65535, not 70000"),
        ({"AI_TIMEOUT": "nan"}, "AI_TIMEOUT must be between 0.05 and 300, not nan"),
        ({"JOB_ATTEMPTS": "0"}, "JOB_ATTEMPTS must be between 1 and 20, not 0"),
    ],
)
def test_a_bad_setting_is_named(env: dict[str, str], sentence: str) -> None:
    with pytest.raises(config.ConfigError) as caught:
        config.load("api", env)
    assert str(caught.value) == sentence


def test_defaults_and_blanks() -> None:
    assert config.load("api", {"API_PORT": " "}).port == 8000
    assert config.load("redis", {"REDIS_URL": "redis://h:7000/1"}).port == 7000
    assert config.load("redis", {}).port == 6379
    assert config.load("worker", {"AI_BASE_URL": "http://x/"}).ai_base_url == "http://x"
    assert [config.load("ai", {"SAMPLE_FAULTS": v}).faults for v in ("1", "true", "0", "")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(("host", "allowed"), [("127.0.0.1", True), ("::1", True), ("10.0.0.7", False), ("x", False)])
def test_faults_are_for_loopback(host: str, allowed: bool) -> None:
    request = Request({"type": "http", "client": (host, 1), "headers": []})
    if allowed:
        faults._require_loopback(request)
        return
    with pytest.raises(HTTPException) as caught:
        faults._require_loopback(request)
    assert caught.value.status_code == 403


def test_a_rate_is_a_share() -> None:
    some = faults.Faults(("http_error_rate",), enabled=True, seed=7)
    assert not any(some.strikes("http_error_rate") for _ in range(100))
    some.set({"http_error_rate": 0.25})
    assert 150 < sum(some.strikes("http_error_rate") for _ in range(1000)) < 350
    some.set({"http_error_rate": 1})
    assert all(some.strikes("http_error_rate") for _ in range(100))


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, ("api", "cv-job-matching")),
        ({"OTEL_SERVICE_NAME": "front"}, ("front", "cv-job-matching")),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=x,service.namespace=n"}, ("x", "n")),
    ],
)
def test_the_environment_may_name_us(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], expected: tuple[str, str]
) -> None:
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    attributes = telemetry.resource("api").attributes
    assert (attributes["service.name"], attributes["service.namespace"]) == expected


def test_export_needs_an_endpoint() -> None:
    assert not telemetry.exports({})
    assert telemetry.exports({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"})
    assert telemetry.exports({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"})
    assert not telemetry.exports({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"})


def line_of(record: logging.LogRecord) -> dict[str, object]:
    line: dict[str, object] = json.loads(logs.JsonFormatter("api").format(record))
    return line


def test_a_line_outside_of_a_request_has_empty_ids() -> None:
    line = line_of(logging.LogRecord("x", logging.INFO, "f", 1, "two\nlines %s", ("\x1b[31m",), None))
    assert (line["trace_id"], line["span_id"], line["request_id"]) == ("", "", "")
    assert line["message"] == "two\nlines \x1b[31m"


def test_an_exception_is_logged_without_its_message() -> None:
    try:
        raise ValueError("ada@example.com")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
    text = logs.JsonFormatter("api").format(record)
    assert json.loads(text)["error_type"] == "ValueError"
    assert "test_an_exception_is_logged" in json.loads(text)["stack"]
    assert "ValueError: " not in text


def test_ids_of_the_request_are_on_the_line() -> None:
    with request_context.begin("r-1"):
        request_context.bind(job_id="j-1")
        line = line_of(logging.LogRecord("x", logging.INFO, "f", 1, "m", (), None))
    assert (line["request_id"], line["job_id"]) == ("r-1", "j-1")
    assert request_context.current() is None


def test_a_library_that_repeats_itself_is_heard_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(logs.RepetitionFilter(period=3600))
    noisy, ours = logging.getLogger("opentelemetry.test"), logging.getLogger("sample_service.test")
    for logger in (noisy, ours):
        monkeypatch.setattr(logger, "handlers", [handler])
        monkeypatch.setattr(logger, "propagate", False)
    for _ in range(3):
        noisy.warning("lost")
        ours.warning("ours")
    assert stream.getvalue().split() == ["lost", "ours", "ours", "ours"]


@pytest.fixture(scope="module")
def server() -> Iterator[redis.Redis]:
    with RedisServer("127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        with redis.Redis(port=running.server_address[1], protocol=2, decode_responses=True) as client:
            yield client
        running.shutdown()
        thread.join()


def test_an_error_leaves_the_connection_open(server: redis.Redis) -> None:
    before = server.client_id()
    server.xgroup_create("s", "g", id="0", mkstream=True)
    with pytest.raises(redis.ResponseError, match="BUSYGROUP"):
        server.xgroup_create("s", "g", id="0", mkstream=True)
    assert server.client_id() == before


def test_a_blocking_read_waits_for_an_entry(server: redis.Redis) -> None:
    server.xgroup_create("waiting", "g", id="0", mkstream=True)
    read: list[object] = []
    reader = threading.Thread(
        target=lambda: read.append(server.xreadgroup("g", "c", {"waiting": ">"}, count=1, block=10_000))
    )
    reader.start()
    entry = server.xadd("waiting", {"a": "1"})
    reader.join(5)
    assert read == [[["waiting", [(entry, {"a": "1"})]]]]
    assert server.xreadgroup("g", "c", {"waiting": ">"}, count=1, block=1) in (None, [])
    assert server.xpending("waiting", "g")["pending"] == 1


def test_the_service_and_obsctl_do_not_import_each_other() -> None:
    for source in (ROOT / "sample_service").glob("*.py"):
        text = source.read_text().replace("obsctl_", "").replace("pip install 'obsctl[sample]'", "")
        assert "obsctl" not in text, source.name


def test_the_process_has_its_metrics_without_proc() -> None:
    families = {family.name: family for family in metrics.PortableProcessCollector().collect()}
    assert families["process_cpu_seconds"].type == "counter"
    names = ("process_resident_memory_bytes", "process_virtual_memory_bytes", "process_start_time_seconds")
    assert all(families[name].samples[0].value > 0 for name in names)
