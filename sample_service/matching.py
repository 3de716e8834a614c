"""The work of a match job: embed CV and project, compare them, let the AI provider score, keep the result."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from sample_service import vectors
from sample_service.ai_client import AiClient
from sample_service.cache import Cache
from sample_service.db import SampleDatabase
from sample_service.jobs import Job, PermanentError
from sample_service.vectors import VectorStore

log = logging.getLogger(__name__)

MAX_REASON = 500
SYSTEM_PROMPT = (
    "You compare a CV with a project. Answer with one JSON object: "
    '{"score": <whole number from 0 to 100>, "reason": "<one sentence without names>"}.'
)


class UnusableAnswerError(Exception):
    """The AI provider answered, but not with a score. Another try may do better."""


@dataclass(frozen=True)
class Score:
    """How well a CV fits a project: 0 to 100, and why."""

    value: int
    reason: str


@dataclass(frozen=True)
class JobMatcher:
    """Runs match jobs. A job that was done already is left alone, so that a second delivery does no harm."""

    database: SampleDatabase
    cache: Cache
    vectors: VectorStore
    ai: AiClient
    chat_model: str
    embedding_model: str

    def run(self, job: Job) -> None:
        """Do the job. Raises PermanentError if it can never succeed, anything else if another try may help."""
        match = self.database.match(job.job_id)
        if match is None:
            raise PermanentError("the match is not in the database")
        if match.status == "done":
            return
        cv, project = self.database.cv_text(job.cv_id), self.database.project_text(job.project_id)
        if cv is None or project is None:
            raise PermanentError("the CV or the project is not in the database")
        similarity = self._similarity(job, cv, project)
        score = parse_score(self.ai.chat(self.chat_model, SYSTEM_PROMPT, user_prompt(cv, project, similarity)))
        self.cache.keep_result(job.job_id, result(job, score))
        self.database.finish_match(job.job_id, score.value, score.reason)

    def _similarity(self, job: Job, cv: str, project: str) -> float:
        cv_vector, project_vector = self._embed(cv), self._embed(project)
        self.vectors.upsert(vectors.CVS, job.cv_id, cv_vector)
        self.vectors.upsert(vectors.PROJECTS, job.project_id, project_vector)
        return self.vectors.similarity(vectors.PROJECTS, job.project_id, cv_vector)

    def _embed(self, text: str) -> list[float]:
        kept = self.cache.embedding(self.embedding_model, text)
        if kept is not None:
            return kept
        vector = self.ai.embed(self.embedding_model, text)
        self.cache.keep_embedding(self.embedding_model, text, vector)
        return vector


def result(job: Job, score: Score) -> dict[str, str | int]:
    """A finished match as the API answers it."""
    return {
        "job_id": job.job_id,
        "cv_id": job.cv_id,
        "project_id": job.project_id,
        "status": "done",
        "score": score.value,
        "reason": score.reason,
    }


def user_prompt(cv: str, project: str, similarity: float) -> str:
    """The question to the provider. The candidate's name and address are no part of it."""
    return f"Similarity: {similarity:.3f}\n\nCV:\n{cv}\n\nProject:\n{project}"


def parse_score(answer: str) -> Score:
    """The score in a provider's answer. Raises UnusableAnswerError."""
    try:
        fields = json.loads(answer)
        value = int(fields["score"])
        reason = str(fields.get("reason", ""))[:MAX_REASON]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise UnusableAnswerError(type(error).__name__) from None
    return Score(max(0, min(100, value)), reason)
