"""Logging: one JSON object a line on stdout, each with the ids that lead to its trace and its request."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from types import TracebackType
from typing import TextIO

from opentelemetry import trace

from sample_service import request_context

QUIET_PERIOD = 300.0
"""Seconds for which a library that repeats itself is heard only once."""

MAX_FILE_BYTES = 16 * 1024**2

_REPETITIVE = ("opentelemetry", "urllib3", "grpc")


class JsonFormatter(logging.Formatter):
    """A record as one JSON object. ``extra={"fields": {...}}`` adds fields.

    Of an exception, the type and the stack are kept but not the message: it may quote what a user sent.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its newline."""
        span = trace.get_current_span().get_span_context()
        context = request_context.current()
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "service": self._service,
            "message": record.getMessage(),
            "trace_id": trace.format_trace_id(span.trace_id) if span.is_valid else "",
            "span_id": trace.format_span_id(span.span_id) if span.is_valid else "",
            "request_id": context.request_id if context else "",
            "logger": record.name,
        }
        if context:
            line.update(context.ids)
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0]:
            line["error_type"] = record.exc_info[0].__name__
            line["stack"] = "".join(traceback.format_tb(record.exc_info[2]))
        return json.dumps(line, default=str)


class RepetitionFilter(logging.Filter):
    """Lets each of the repetitive loggers speak once per period, so that a dead collector does not flood the logs."""

    def __init__(self, period: float = QUIET_PERIOD) -> None:
        super().__init__()
        self._period = period
        self._heard: dict[str, float] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        library = record.name.partition(".")[0]
        if library not in _REPETITIVE:
            return True
        now = time.monotonic()
        with self._lock:
            if now - self._heard.get(library, -self._period) < self._period:
                return False
            self._heard[library] = now
        return True


def setup(
    service: str, stream: TextIO | None = None, *, log_file: str = "", also: logging.Handler | None = None
) -> None:
    """Send every log record, warning and uncaught exception of the process to stdout (or ``stream``) as JSON.

    ``log_file`` and ``also`` get the same lines. A file that cannot be written is reported and done without.
    """
    out = logging.StreamHandler(stream or sys.stdout)
    root = logging.getLogger()
    root.handlers = [out]
    root.setLevel(logging.INFO)
    out.setFormatter(JsonFormatter(service))
    out.addFilter(RepetitionFilter())
    if also:
        also.setFormatter(out.formatter)
        root.addHandler(also)
    if log_file:
        _also_to(log_file, out)
    for chatty in ("httpx", "httpcore", "urllib3", "fakeredis", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def shutdown() -> None:
    """Close every way out, so that what is left is sent."""
    for handler in logging.getLogger().handlers:
        handler.close()


def _also_to(path: str, out: logging.Handler) -> None:
    """Write to a file what goes to ``out``; when it gets too long it is put aside, and the one before it goes."""
    try:
        file = RotatingFileHandler(path, maxBytes=MAX_FILE_BYTES, backupCount=1, encoding="utf-8")
    except OSError as error:
        logging.getLogger(__name__).error("cannot write the log file %s: %s", path, error.strerror)
        return
    file.setFormatter(out.formatter)
    file.addFilter(RepetitionFilter())
    logging.getLogger().addHandler(file)


def _log_uncaught(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
    logging.getLogger("sample_service").critical("uncaught exception", exc_info=(kind, error, frames))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
