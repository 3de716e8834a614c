"""Settings of the processes, read once from the environment. OpenTelemetry's own ``OTEL_*`` are read by its SDK."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORTS = {"api": 8000, "worker": 8001, "ai": 8002}
DEFAULT_REDIS_PORT = 6379
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})


class ConfigError(Exception):
    """A setting that cannot be used. The message is a sentence for the person who set it."""


@dataclass(frozen=True)
class Settings:
    """Everything a process needs to know. Durations are in seconds.

    ``qdrant_url`` empty means Qdrant's local mode: in memory, or in the folder ``qdrant_path``.
    ``log_file`` gets the log lines, too, for a shipper that follows files; empty for none.
    ``job_attempts`` counts the first try; ``job_visibility`` is how long a silent worker keeps a job to itself.
    """

    process: str
    host: str
    port: int
    database_url: str
    redis_url: str
    qdrant_url: str
    qdrant_path: str
    ai_base_url: str
    ai_provider: str
    ai_api_key: str
    ai_chat_model: str
    ai_embedding_model: str
    ai_timeout: float
    job_attempts: int
    job_backoff: float
    job_visibility: float
    faults: bool
    log_file: str = ""


def load(process: str, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings of ``process`` (api, worker, ai, redis). Raises ConfigError."""
    env = Environment(os.environ if environ is None else environ)
    return Settings(
        process=process,
        host=env.text("HOST", "127.0.0.1"),
        port=_port(process, env),
        database_url=env.text("DATABASE_URL", "sqlite:///cv_job_matching.db"),
        redis_url=env.text("REDIS_URL", f"redis://127.0.0.1:{DEFAULT_REDIS_PORT}/0"),
        qdrant_url=env.text("QDRANT_URL", ""),
        qdrant_path=env.text("QDRANT_PATH", ""),
        ai_base_url=env.text("AI_BASE_URL", f"http://127.0.0.1:{DEFAULT_PORTS['ai']}").rstrip("/"),
        ai_provider=env.text("AI_PROVIDER", "local"),
        ai_api_key=env.text("AI_API_KEY", ""),
        ai_chat_model=env.text("AI_CHAT_MODEL", "local-chat-1"),
        ai_embedding_model=env.text("AI_EMBEDDING_MODEL", "local-embedding-1"),
        ai_timeout=env.number("AI_TIMEOUT", 2.0, low=0.05, high=300.0),
        job_attempts=int(env.number("JOB_ATTEMPTS", 3, low=1, high=20)),
        job_backoff=env.number("JOB_BACKOFF", 0.2, low=0.0, high=60.0),
        job_visibility=env.number("JOB_VISIBILITY", 60.0, low=1.0, high=86400.0),
        faults=env.flag("SAMPLE_FAULTS"),
        log_file=env.text("LOG_FILE", ""),
    )


def _port(process: str, env: Environment) -> int:
    if process == "redis":
        return urlsplit(env.text("REDIS_URL", "")).port or DEFAULT_REDIS_PORT
    return int(env.number(f"{process.upper()}_PORT", DEFAULT_PORTS[process], low=0, high=65535))


class Environment:
    """Typed access to environment variables; an empty one counts as unset."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str, default: str) -> str:
        """The variable's text, without blanks around it."""
        return self._values.get(name, "").strip() or default

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        """A number between ``low`` and ``high``."""
        raw = self.text(name, "")
        if not raw:
            return default
        try:
            value = float(raw)
        except ValueError:
            raise ConfigError(f"{name} must be a number, not {raw!r}") from None
        if not low <= value <= high:
            raise ConfigError(f"{name} must be between {low:g} and {high:g}, not {raw}")
        return value

    def flag(self, name: str) -> bool:
        """Whether the variable says yes."""
        return self.text(name, "").lower() in TRUE_WORDS
