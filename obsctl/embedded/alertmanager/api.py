"""Alertmanager's API v2: alerts in and out, groups, silences, receivers, status."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from obsctl.embedded.alerting.alert_store import AlertStatus, AlertStore
from obsctl.embedded.alerting.model import Silence
from obsctl.embedded.alerting.notifier import rfc3339
from obsctl.embedded.alerting.routing import Route as Path
from obsctl.embedded.alerting.silences import now_ms
from obsctl.embedded.alertmanager.bodies import SchemaError, document, posted_alerts, posted_silence
from obsctl.embedded.http.body import Bodies, BodyError
from obsctl.embedded.http.calls import JSON, ApiCall, Handler, build_info, compact, encoded, route
from obsctl.embedded.self_metrics import ACCEPTED, RECEIVED, REJECTED, SelfMetrics
from obsctl.languages.alert_matchers import parse_matcher
from obsctl.languages.errors import MissingError, QueryError
from obsctl.languages.labels import Matcher, matches_all
from obsctl.languages.quoting import excerpt
from obsctl.languages.regex import compiled_regex

_log = logging.getLogger("obsctl.embedded.api")
_LABELS = ("alerts", "alertmanager")
_TRUE = ("", "1", "t", "true")


def routes(alerts: AlertStore, bodies: Bodies, metrics: SelfMetrics) -> list[Route]:
    """Routes under ``/api/v2``. Alerts that come in are counted."""
    for family in (RECEIVED, ACCEPTED, REJECTED):
        metrics.add(family, 0, *_LABELS)
    started = now_ms()

    async def post_alerts(request: Request) -> Response:
        return await answered(request, bodies, lambda value: _put_alerts(alerts, value, metrics))

    async def post_silence(request: Request) -> Response:
        return await answered(request, bodies, lambda value: _put_silence(alerts, value))

    reads: list[tuple[str, Handler]] = [
        ("alerts", lambda call: _json(_alerts(alerts, call))),
        ("alerts/groups", lambda call: _json(_groups(alerts, call))),
        ("receivers", lambda _: _json([{"name": one.name} for one in alerts.routing.receivers])),
        ("silences", lambda call: _json(_silences(alerts, call))),
        ("silence/{id}", lambda call: _found(alerts, call)),
        ("status", lambda _: _json(_status(alerts, started))),
    ]
    return [
        *(route(f"/api/v2/{path}", handler, _on_error) for path, handler in reads),
        route("/api/v2/silence/{id}", lambda call: _expire(alerts, call), _on_error, ("DELETE",)),
        Route("/api/v2/alerts", post_alerts, methods=["POST"]),
        Route("/api/v2/silences", post_silence, methods=["POST"]),
    ]


def _json(value: object, status: int = 200) -> Response:
    return Response(encoded(compact(value)), status, media_type=JSON)


def _on_error(error: Exception) -> Response:
    """A sentence as a JSON string, or an object with a code where the shape of a request is wrong."""
    match error:
        case SchemaError():
            return _json({"code": error.code, "message": str(error)}, error.status)
        case MissingError():
            return _json(str(error), 404)
        case QueryError():
            return _json(str(error), 400)
        case _:
            return _json("internal error; see the log of the embedded server", 500)


async def answered(request: Request, bodies: Bodies, handle: Callable[[object], Response]) -> Response:
    """What ``handle`` makes of the JSON of a request, or the API's own error."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        message = f"unsupported media type {excerpt(media_type)}, only [application/json] are allowed"
        return _json({"code": 415, "message": message}, 415)
    try:
        async with bodies.read(request) as body:
            return await run_in_threadpool(lambda: handle(document(body)))
    except BodyError as error:
        return _json({"code": error.status, "message": error.message}, error.status)
    except QueryError as error:
        return _on_error(error)
    except ClientDisconnect:
        return Response(status_code=499)
    except Exception as error:  # noqa: BLE001 - the boundary: a client gets the API's envelope, never a traceback
        _log.exception("POST %s failed", request.url.path)
        return _on_error(error)


# alerts


def _put_alerts(alerts: AlertStore, value: object, metrics: SelfMetrics) -> Response:
    """Valid alerts are stored although others are not valid."""
    valid, faults = posted_alerts(value, now_ms())
    metrics.add(RECEIVED, len(valid) + len(faults), *_LABELS)
    metrics.add(REJECTED, len(faults), *_LABELS)
    alerts.put(valid)
    metrics.add(ACCEPTED, len(valid), *_LABELS)
    if faults:
        raise QueryError("; ".join(dict.fromkeys(faults)))
    return Response(status_code=200)


def _alerts(alerts: AlertStore, call: ApiCall) -> list[dict[str, object]]:
    wanted = _wanted(call)
    return [_alert(status, status.routes) for status in alerts.statuses() if wanted(status)]


def _groups(alerts: AlertStore, call: ApiCall) -> list[dict[str, object]]:
    wanted, receiver = _wanted(call), _receiver(call)
    groups: list[dict[str, object]] = []
    for group in alerts.groups():
        some = [status for status in group.alerts if wanted(status)] if receiver(group.route.receiver) else []
        shown = [_alert(status, [path for path in status.routes if receiver(path.receiver)]) for status in some]
        if shown:
            labels = dict(group.labels)
            groups.append({"alerts": shown, "labels": labels, "receiver": {"name": group.route.receiver}})
    return groups


def _wanted(call: ApiCall) -> Callable[[AlertStatus], bool]:
    """What the parameters ask for. A boolean that is none counts as false."""
    active, silenced, inhibited = (call.first(name).lower() in _TRUE for name in ("active", "silenced", "inhibited"))
    matchers, receiver = _filter(call), _receiver(call)

    def wanted(status: AlertStatus) -> bool:
        return (
            (active or status.suppressed)
            and (silenced or not status.silenced_by)
            and (inhibited or not status.inhibited_by)
            and matches_all(matchers, status.alert.labels)
            and any(receiver(route.receiver) for route in status.routes)
        )

    return wanted


def _filter(call: ApiCall) -> list[Matcher]:
    return [parse_matcher(text) for text in call.all("filter")]


def _receiver(call: ApiCall) -> Callable[[str], bool]:
    text = call.first("receiver")
    if not text:
        return lambda _: True
    try:
        regex = compiled_regex(text, dot_all=True)
    except ValueError as error:
        raise QueryError(f"failed to parse receiver param: {error}") from error
    return lambda name: regex.fullmatch(name) is not None


def _alert(status: AlertStatus, routes: Sequence[Path]) -> dict[str, object]:
    alert = status.alert
    return {
        "annotations": dict(alert.annotations),
        "endsAt": rfc3339(alert.ends_at),
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": route.receiver} for route in routes],
        "startsAt": rfc3339(alert.starts_at),
        "status": {
            "inhibitedBy": list(status.inhibited_by),
            "mutedBy": [],
            "silencedBy": list(status.silenced_by),
            "state": "suppressed" if status.suppressed else "active",
        },
        "updatedAt": rfc3339(alert.updated_at),
        **({"generatorURL": alert.generator_url} if alert.generator_url else {}),
        "labels": dict(alert.labels),
    }


# silences


def _put_silence(alerts: AlertStore, value: object) -> Response:
    number = alerts.silences.put(posted_silence(value))
    return _json({"silenceID": number})


def _silences(alerts: AlertStore, call: ApiCall) -> list[dict[str, object]]:
    """A silence matches a filter when one of its own matchers has that name and satisfies it."""
    filters, now = _filter(call), now_ms()
    wanted = [state for state in ("active", "pending", "expired") if call.first(state).lower() in _TRUE]
    return [_silence(one, now) for one in alerts.silences.all() if one.state(now) in wanted and _is_about(one, filters)]


def _is_about(silence: Silence, filters: Sequence[Matcher]) -> bool:
    return matches_all(filters, {one.name: one.value for one in silence.matchers})


def _silence(silence: Silence, now: int) -> dict[str, object]:
    return {
        "id": silence.id,
        "status": {"state": silence.state(now)},
        "updatedAt": rfc3339(silence.updated_at),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": rfc3339(silence.ends_at),
        "matchers": [
            {
                "isEqual": one.op in ("=", "=~"),
                "isRegex": one.op in ("=~", "!~"),
                "name": one.name,
                "value": one.value,
            }
            for one in silence.matchers
        ],
        "startsAt": rfc3339(silence.starts_at),
    }


def _found(alerts: AlertStore, call: ApiCall) -> Response:
    number = _uuid(call)
    try:
        return _json(_silence(alerts.silences.find(number), now_ms()))
    except MissingError:
        return Response(status_code=404)


def _expire(alerts: AlertStore, call: ApiCall) -> Response:
    alerts.silences.expire(_uuid(call))
    return Response(status_code=200)


def _uuid(call: ApiCall) -> str:
    text = call.path["id"]
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        message = f"silenceID in path must be of type uuid: {excerpt(text)}"
        raise SchemaError(message, 422, 601) from error


# status


def _status(alerts: AlertStore, started: int) -> dict[str, object]:
    return {
        "cluster": {"peers": [], "status": "disabled"},
        "config": {"original": alerts.routing.original},
        "uptime": rfc3339(started),
        "versionInfo": build_info(),
    }
