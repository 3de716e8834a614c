"""What a job is, how it travels through the queue, and what follows when it fails. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

TYPE_MATCH = "match"
TYPES = (TYPE_MATCH,)

_TRACE_FIELDS = ("traceparent", "tracestate")


class MalformedJobError(Exception):
    """A message in the queue that is no job."""


class PermanentError(Exception):
    """A job that fails the same way however often it is tried."""


@dataclass(frozen=True)
class Job:
    """One job. ``retry_count`` is 0 on the first try. ``carrier`` holds the W3C trace context of who enqueued it."""

    type: str
    job_id: str
    cv_id: str
    project_id: str
    request_id: str = ""
    retry_count: int = 0
    carrier: Mapping[str, str] = field(default_factory=dict)

    @property
    def ids(self) -> dict[str, str | int]:
        """What spans and log lines say about the job."""
        return {
            "job_id": self.job_id,
            "cv_id": self.cv_id,
            "project_id": self.project_id,
            "retry_count": self.retry_count,
        }

    def again(self) -> Job:
        """The same job for its next try."""
        return replace(self, retry_count=self.retry_count + 1)

    def fields(self) -> dict[str, str]:
        """The job as the fields of a message."""
        own = {
            "type": self.type,
            "job_id": self.job_id,
            "cv_id": self.cv_id,
            "project_id": self.project_id,
            "request_id": self.request_id,
            "retry_count": str(self.retry_count),
        }
        return {**self.carrier, **own}


def parse(fields: Mapping[str, str]) -> Job:
    """The job in a message's fields. Raises MalformedJobError."""
    try:
        job = Job(
            type=fields["type"],
            job_id=fields["job_id"],
            cv_id=fields["cv_id"],
            project_id=fields["project_id"],
            request_id=fields.get("request_id", ""),
            retry_count=int(fields.get("retry_count", "0")),
            carrier={name: fields[name] for name in _TRACE_FIELDS if name in fields},
        )
    except (KeyError, ValueError) as error:
        raise MalformedJobError(f"field {error}") from error
    if job.type not in TYPES:
        raise MalformedJobError("unknown type")
    return job


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff: ``base`` seconds before the first retry, doubled each time, at most ``longest``."""

    attempts: int = 3
    base: float = 0.2
    longest: float = 60.0

    def delay(self, job: Job, error: Exception) -> float | None:
        """Seconds to wait before the next try of a job that failed, or None to give up on it."""
        if isinstance(error, PermanentError) or job.retry_count + 1 >= self.attempts:
            return None
        return min(self.base * 2.0**job.retry_count, self.longest)
