"""Posts JSON to webhooks, and alerts to other alert managers (Alertmanager's API v2)."""

from __future__ import annotations

import http.client
import json
import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from obsctl.embedded.rules.status import Notice
from obsctl.embedded.self_metrics import NOTIFIED, NOTIFY_DROPPED, NOTIFY_ERRORS, SelfMetrics

PATH = "/api/v2/alerts"
_BATCH = 256
_WAITING = 10_000
_TIMEOUT = 10.0
_ANSWER_BYTES = 1 << 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = logging.getLogger("obsctl.embedded.alerting")


class PostError(Exception):
    """The server did not accept the request; the message says why."""


def rfc3339(ms: int) -> str:
    """``2025-08-01T10:00:00.000Z``: milliseconds since the epoch, always with three decimals."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def post(url: str, value: object, extra: Mapping[str, str] | None = None, timeout: float = _TIMEOUT) -> None:
    """Send a value as JSON, with ``extra`` headers. ``PostError`` unless the answer is one of the 2xx."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"Content-Type": "application/json", "User-Agent": "obsctl-embedded", **(extra or {})}
    try:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=timeout)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read(_ANSWER_BYTES)
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise PostError(f'Post "{url}": {error or type(error).__name__}') from error
    if not 200 <= answer.status < 300:
        raise PostError(f'Post "{url}": {answer.status} {text.decode("utf-8", "replace").strip()[:200]}')


class Notifier:
    """Sends alerts on in a thread of its own, in order. What waits is bounded: the oldest are dropped first."""

    def __init__(self, alertmanagers: Sequence[str], metrics: SelfMetrics) -> None:
        self._urls = [url + PATH for url in alertmanagers]
        self._metrics = metrics
        self._waiting: deque[Notice] = deque()
        self._wake = threading.Condition()
        self._closing = False
        metrics.add(NOTIFY_DROPPED, 0)
        for url in self._urls:
            metrics.add(NOTIFIED, 0, url)
            metrics.add(NOTIFY_ERRORS, 0, url)
        self._thread = threading.Thread(target=self._work, name="notifier", daemon=True)
        self._thread.start()

    def send(self, notices: Sequence[Notice]) -> None:
        """Queue alerts. Returns at once."""
        with self._wake:
            self._waiting.extend(notices)
            dropped = max(len(self._waiting) - _WAITING, 0)
            for _ in range(dropped):
                self._waiting.popleft()
            self._wake.notify()
        self._metrics.add(NOTIFY_DROPPED, dropped)

    def close(self) -> None:
        """Stop; what waits is not sent any more: rules send it again after the next start."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                if self._closing:
                    return
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            for url in self._urls:
                self._post(url, batch)

    def _post(self, url: str, batch: Sequence[Notice]) -> None:
        try:
            post(url, [posted(notice) for notice in batch])
        except PostError as error:
            _log.warning("%d alerts were not accepted: %s", len(batch), error)
            self._metrics.add(NOTIFY_ERRORS, len(batch), url)
        else:
            self._metrics.add(NOTIFIED, len(batch), url)


def posted(notice: Notice) -> dict[str, object]:
    """An alert in the shape that the API accepts."""
    return {
        "labels": dict(notice.labels),
        "annotations": dict(notice.annotations),
        "startsAt": rfc3339(notice.starts_at),
        "endsAt": rfc3339(notice.ends_at),
        "generatorURL": notice.generator_url,
    }
