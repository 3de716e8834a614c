"""The queue: retries with backoff, dead letters, and what the AI provider's failures look like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from obsctl.wait import Deadline, stays, until
from sample_service import queue
from tests.unit.sample_service.collector import Collector
from tests.unit.sample_service.processes import Stack


@pytest.fixture
def broker(sample: Stack) -> Iterator[redis.Redis]:
    with redis.Redis(port=sample.processes["redis"].port, protocol=2, decode_responses=True) as client:
        yield client


def counts(sample: Stack) -> dict[str, float]:
    names = ("completed", "failed", "retries", "dead_letters")
    return {name: sample.metric("worker", f'jobs_{name}_total{{type="match"}}') for name in names}


def rises(sample: Stack, before: dict[str, float]) -> dict[str, float]:
    after, _ = stays(lambda: counts(sample), 0.3, Deadline.after(10))
    return {name: after[name] - before[name] for name in before}


def test_a_job_that_keeps_failing_ends_as_a_dead_letter(
    sample: Stack, collector: Collector, broker: redis.Redis
) -> None:
    before = counts(sample)
    with sample.fault("worker", job_failure_rate=1):
        asked, job = sample.match()
    assert (job["status"], job["score"]) == ("failed", None)
    assert rises(sample, before) == {"completed": 0, "failed": 3, "retries": 2, "dead_letters": 1}
    ((_, letter),) = broker.xrevrange(queue.DEAD_LETTERS, count=1)
    assert letter["job_id"] == job["job_id"]
    assert (letter["retry_count"], letter["error_type"]) == ("2", "InjectedFaultError")

    def tries() -> list[int]:
        spans = [span for span in collector.trace(asked.trace_id) if span.kind == "consumer"]
        return sorted(span.attributes["retry_count"] for span in spans if span.failed)

    assert until(lambda: len(tries()) == 3, Deadline.after(10))
    assert tries() == [0, 1, 2]


def test_a_job_that_fails_once_is_tried_again_and_done(sample: Stack) -> None:
    before = counts(sample)
    cv_id, project_id = sample.add_pair("fails once")
    with sample.fault("worker", job_failure_rate=1):
        asked = sample.call("api", "POST", "/matches", {"cv_id": cv_id, "project_id": project_id})
        assert until(lambda: counts(sample)["failed"] > before["failed"], Deadline.after(10), interval=0.005)
    job = sample.ended(asked.json()["job_id"])
    after = rises(sample, before)
    assert after["failed"] == after["retries"] + after["dead_letters"]
    assert (job["status"], after["completed"]) == ("done", 1) if not after["dead_letters"] else ("failed", 0)


@pytest.mark.parametrize(
    ("fault", "reason"), [("ai_429_rate", "429"), ("ai_500_rate", "5xx"), ("ai_timeout_rate", "timeout")]
)
def test_what_the_provider_does_is_told_apart(sample: Stack, collector: Collector, fault: str, reason: str) -> None:
    series = f'ai_errors_total{{operation="embeddings",provider="local",reason="{reason}"}}'
    before = sample.metric("worker", series)
    cv_id, project_id = sample.add_pair(f"provider says {reason}")
    with sample.fault("ai", **{fault: 1}):
        asked = sample.call("api", "POST", "/matches", {"cv_id": cv_id, "project_id": project_id})
        assert until(lambda: sample.metric("worker", series) > before, Deadline.after(20), interval=0.01)
    sample.ended(asked.json()["job_id"])

    def reasons() -> set[str]:
        calls = [s for s in collector.trace(asked.trace_id) if s.failed and "gen_ai.operation.name" in s.attributes]
        return {span.attributes["error.type"] for span in calls}

    assert until(lambda: bool(reasons()), Deadline.after(10))
    assert reasons() == {reason}


def test_a_message_that_is_no_job_is_buried(sample: Stack, broker: redis.Redis) -> None:
    before = broker.xlen(queue.DEAD_LETTERS)
    broker.xadd(queue.STREAM, {"type": "unheard-of"})
    assert until(lambda: broker.xlen(queue.DEAD_LETTERS) == before + 1, Deadline.after(10))
    assert sample.match()[1]["status"] == "done"


def test_a_job_whose_cv_is_gone_is_not_tried_again(sample: Stack, broker: redis.Redis) -> None:
    before = counts(sample)
    ids = dict.fromkeys(("job_id", "cv_id", "project_id"), "00000000-0000-4000-8000-000000000000")
    broker.xadd(queue.STREAM, {"type": "match", **ids})
    assert until(lambda: counts(sample)["dead_letters"] == before["dead_letters"] + 1, Deadline.after(10))
    assert rises(sample, before) == {"completed": 0, "failed": 1, "retries": 0, "dead_letters": 1}


def test_a_job_that_is_delivered_twice_is_done_once(sample: Stack, broker: redis.Redis) -> None:
    asked, job = sample.match()
    calls = 'ai_requests_total{operation="chat",provider="local"}'
    before, called = counts(sample), sample.metric("worker", calls)
    fields = {"type": "match", **{key: job[key] for key in ("job_id", "cv_id", "project_id")}}
    broker.xadd(queue.STREAM, fields)
    assert until(lambda: counts(sample)["completed"] == before["completed"] + 1, Deadline.after(10))
    assert sample.metric("worker", calls) == called
    assert sample.ended(asked.json()["job_id"]) == job


def test_the_queue_is_empty_when_everything_is_done(sample: Stack, broker: redis.Redis) -> None:
    sample.match()
    assert until(lambda: sample.metric("worker", 'jobs_queue_depth{type="match"}') == 0, Deadline.after(10)) is True
    assert until(lambda: sample.metric("worker", 'jobs_processing{type="match"}') == 0, Deadline.after(10)) is True
    assert broker.xpending(queue.STREAM, queue.GROUP)["pending"] == 0
