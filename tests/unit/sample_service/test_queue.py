"""The queue itself, against the bundled Redis-protocol server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis
from prometheus_client import CollectorRegistry

from obsctl.wait import Deadline, until
from sample_service import jobs, metrics, queue, redis_client, request_context
from sample_service.redis_server import RedisServer

JOB = jobs.Job("match", "job-1", "cv-1", "project-1")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with RedisServer("127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running.server_address[1]
        running.shutdown()
        thread.join()


@pytest.fixture
def client(port: int) -> Iterator[redis.Redis]:
    with redis_client.connect(f"redis://127.0.0.1:{port}/0") as connected:
        connected.flushall()
        yield connected


def calls() -> metrics.ClientMetrics:
    return metrics.ClientMetrics(CollectorRegistry(), "redis", redis_client.OPERATIONS)


def consumer(client: redis.Redis, name: str, visibility: float = 60.0) -> queue.Consumer:
    made = queue.Consumer(client, calls(), name, visibility)
    made.prepare()
    return made


@pytest.fixture
def producer(client: redis.Redis) -> queue.Producer:
    return queue.Producer(client, calls(), metrics.ProducerMetrics(CollectorRegistry(), jobs.TYPES))


def take(consumer: queue.Consumer) -> queue.Delivery:
    delivery = until(lambda: consumer.next(0.1), Deadline.after(10), interval=0)
    assert delivery is not None
    return delivery


def test_a_job_arrives_as_it_was_sent(client: redis.Redis, producer: queue.Producer) -> None:
    worker = consumer(client, "a")
    with request_context.begin("r-1"):
        producer.enqueue(JOB)
    delivery = take(worker)
    arrived = replace(queue.job_of(delivery), carrier={})  # of a trace, where another test of this process traces
    assert arrived == jobs.Job("match", "job-1", "cv-1", "project-1", request_id="r-1")
    assert worker.depth() == 1
    worker.ack(delivery)
    assert (worker.depth(), worker.next(0.001)) == (0, None)


def test_jobs_sent_before_there_was_a_worker_are_not_lost(client: redis.Redis, producer: queue.Producer) -> None:
    producer.enqueue(JOB)
    assert queue.job_of(take(consumer(client, "late"))).job_id == "job-1"


def test_a_dead_workers_job_goes_to_another(client: redis.Redis, producer: queue.Producer) -> None:
    producer.enqueue(JOB)
    left = take(consumer(client, "dies"))
    assert consumer(client, "patient", visibility=60).next(0.001) is None
    heir = consumer(client, "heir", visibility=0.01)
    assert take(heir) == left
    heir.ack(left)
    assert heir.depth() == 0


def test_a_retry_waits_its_time_and_counts(client: redis.Redis, producer: queue.Producer) -> None:
    producer.enqueue(JOB)
    worker = consumer(client, "a")
    first = take(worker)
    worker.retry(first, queue.job_of(first), delay=3600)
    assert (worker.next(0.001), worker.depth()) == (None, 1)
    client.zadd(queue.DELAYED, dict.fromkeys(client.zrange(queue.DELAYED, 0, -1), 0))
    again = take(worker)
    assert queue.job_of(again).retry_count == 1
    assert again.message_id != first.message_id
    assert worker.depth() == 1


def test_retries_are_promoted_once_however_many_workers_look(client: redis.Redis, port: int) -> None:
    number = 60
    consumer(client, "setup")
    for index in range(number):
        producer_side = queue.Delivery("0-1", {})
        consumer(client, "setup").retry(producer_side, jobs.Job("match", f"job-{index}", "c", "p"), delay=0)
    seen: list[str] = []

    def drain(name: str) -> None:
        with redis_client.connect(f"redis://127.0.0.1:{port}/0") as mine:
            worker = consumer(mine, name)
            while worker.depth():
                delivery = worker.next(0.01)
                if delivery:
                    seen.append(queue.job_of(delivery).job_id)
                    worker.ack(delivery)

    workers = [threading.Thread(target=drain, args=(f"w{n}",)) for n in range(3)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join(30)
    assert sorted(seen) == sorted(f"job-{index}" for index in range(number))


def test_only_the_last_dead_letters_are_kept(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "DEAD_LETTERS_KEPT", 3)
    worker = consumer(client, "a")
    for index in range(5):
        worker.bury(queue.Delivery("0-1", {"job_id": str(index)}), "ValueError")
    letters = [fields for _, fields in client.xrange(queue.DEAD_LETTERS)]
    assert letters == [{"job_id": str(index), "error_type": "ValueError"} for index in (2, 3, 4)]


def test_a_server_that_forgot_everything_says_so(client: redis.Redis) -> None:
    worker = consumer(client, "a")
    client.flushall()
    with pytest.raises(redis.ResponseError, match="NOGROUP"):
        worker.next(0.001)
    worker.prepare()
    assert worker.next(0.001) is None
