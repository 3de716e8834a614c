"""A receiver for Alertmanager's webhook (version 4): a drill sees here of which alerts a receiver would be notified.

``POST /api/v1/notifications`` accepts a notification; ``GET`` lists the last ones, the latest first. They are kept in
memory, and as log lines of ``alertmanager`` in the store.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from obsctl.embedded.alertmanager.api import answered
from obsctl.embedded.alertmanager.bodies import SchemaError
from obsctl.embedded.http.body import Bodies
from obsctl.embedded.http.calls import JSON, compact, encoded
from obsctl.embedded.records import Batch, LogRecord
from obsctl.embedded.store.base import Sink, StoreFullError
from obsctl.languages.labels import Labels

PATH = "/api/v1/notifications"
STREAM: Labels = (("service_name", "alertmanager"),)
KEPT = 100
LARGEST = 256 * 1024
"""Notifications that are kept, and characters of each: what is larger is refused."""

_TEXTS = ("receiver", "status", "groupKey")
_OBJECTS = ("groupLabels", "commonLabels", "commonAnnotations")


def routes(bodies: Bodies, sink: Sink) -> list[Route]:
    """The routes, and the notifications behind them. Each becomes a log line, too."""
    kept: deque[Mapping[str, object]] = deque(maxlen=KEPT)

    def receive(value: object) -> Response:
        kept.appendleft({"receivedAt": time.time(), **_notification(value)})
        line = LogRecord(STREAM, time.time_ns(), compact(value))
        with contextlib.suppress(StoreFullError):  # Alertmanager must not wait for a full store
            sink.submit(Batch(logs=[line]))
        return Response(status_code=200)

    async def post(request: Request) -> Response:
        return await answered(request, bodies, receive)

    async def listed(_request: Request) -> Response:
        return Response(encoded(compact(list(kept))), media_type=JSON)

    return [Route(PATH, post, methods=["POST"]), Route(PATH, listed, methods=["GET"])]


def _notification(value: object) -> Mapping[str, object]:
    """The parts that are kept. ``SchemaError`` for what is no notification."""
    if not isinstance(value, dict) or value.get("version") != "4":
        raise SchemaError('a notification is an object with "version": "4"', 400, 400)
    alerts = value.get("alerts")
    if not isinstance(alerts, list) or not all(
        isinstance(a, dict) and isinstance(a.get("labels"), dict) for a in alerts
    ):
        raise SchemaError("alerts must be a list of objects with labels", 400, 400)
    if wrong := [k for k in _TEXTS if not isinstance(value.get(k), str)]:
        raise SchemaError(f"{wrong[0]} must be a string", 400, 400)
    if wrong := [k for k in _OBJECTS if not isinstance(value.get(k, {}), dict)]:
        raise SchemaError(f"{wrong[0]} must be an object", 400, 400)
    kept = {name: value.get(name, {}) for name in (*_TEXTS, *_OBJECTS)} | {"alerts": alerts}
    if len(json.dumps(kept)) > LARGEST:
        raise SchemaError(f"a notification has at most {LARGEST} characters", 413, 413)
    return kept
