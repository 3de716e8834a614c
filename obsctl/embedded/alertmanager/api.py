"""Alertmanager's API v2: alerts in and out, groups, silences, receivers, status."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from obsctl.embedded.alerting.board import Board, Shown
from obsctl.embedded.alerting.model import Silence
from obsctl.embedded.alerting.post import rfc3339
from obsctl.embedded.alerting.routing import Route as Path
from obsctl.embedded.alerting.silences import now_ms
from obsctl.embedded.alertmanager.bodies import SchemaError, document, posted_alerts, posted_silence
from obsctl.embedded.http.body import Bodies, BodyError
from obsctl.embedded.http.calls import JSON, Call, Handler, compact, encoded, route
from obsctl.embedded.http.version import build_info
from obsctl.languages.alert_matchers import parse_matcher
from obsctl.languages.errors import MissingError, QueryError
from obsctl.languages.labels import Matcher, matches_all
from obsctl.languages.quoting import excerpt
from obsctl.languages.regex import compiled_regex

_log = logging.getLogger("obsctl.embedded.api")
_TRUE = ("", "1", "t", "true")


def routes(board: Board, bodies: Bodies) -> list[Route]:
    """Routes under ``/api/v2``."""
    started = now_ms()

    async def post_alerts(request: Request) -> Response:
        return await answered(request, bodies, lambda value: _take(board, value))

    async def post_silence(request: Request) -> Response:
        return await answered(request, bodies, lambda value: _put_silence(board, value))

    reads: list[tuple[str, Handler]] = [
        ("alerts", lambda call: _json(_alerts(board, call))),
        ("alerts/groups", lambda call: _json(_groups(board, call))),
        ("receivers", lambda _: _json([{"name": one.name} for one in board.routing.receivers])),
        ("silences", lambda call: _json(_silences(board, call))),
        ("silence/{id}", lambda call: _found(board, call)),
        ("status", lambda _: _json(_status(board, started))),
    ]
    return [
        *(route(f"/api/v2/{path}", handler, _on_error) for path, handler in reads),
        route("/api/v2/silence/{id}", lambda call: _expire(board, call), _on_error, ("DELETE",)),
        Route("/api/v2/alerts", post_alerts, methods=["POST"]),
        Route("/api/v2/silences", post_silence, methods=["POST"]),
    ]


def _json(value: Any, status: int = 200) -> Response:
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


async def answered(request: Request, bodies: Bodies, handle: Callable[[Any], Response]) -> Response:
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


def _take(board: Board, value: Any) -> Response:
    """Valid alerts are taken although others are not."""
    taken, wrong = posted_alerts(value, now_ms())
    board.take(taken)
    if wrong:
        raise QueryError("; ".join(dict.fromkeys(wrong)))
    return Response(status_code=200)


def _alerts(board: Board, call: Call) -> list[dict[str, Any]]:
    wanted = _wanted(call)
    return [_alert(shown, shown.routes) for shown in board.shown() if wanted(shown)]


def _groups(board: Board, call: Call) -> list[dict[str, Any]]:
    wanted, receiver = _wanted(call), _receiver(call)
    found = []
    for group in board.groups():
        some = [shown for shown in group.alerts if wanted(shown)] if receiver(group.route.receiver) else []
        alerts = [_alert(shown, [path for path in shown.routes if receiver(path.receiver)]) for shown in some]
        if alerts:
            labels = dict(group.labels)
            found.append({"alerts": alerts, "labels": labels, "receiver": {"name": group.route.receiver}})
    return found


def _wanted(call: Call) -> Callable[[Shown], bool]:
    """What the parameters ask for. A boolean that is none counts as false."""
    active, silenced, inhibited = (call.first(name).lower() in _TRUE for name in ("active", "silenced", "inhibited"))
    matchers, receiver = _filter(call), _receiver(call)

    def wanted(shown: Shown) -> bool:
        return (
            (active or shown.suppressed)
            and (silenced or not shown.silenced_by)
            and (inhibited or not shown.inhibited_by)
            and matches_all(matchers, shown.alert.labels)
            and any(receiver(route.receiver) for route in shown.routes)
        )

    return wanted


def _filter(call: Call) -> list[Matcher]:
    return [parse_matcher(text) for text in call.all("filter")]


def _receiver(call: Call) -> Callable[[str], bool]:
    text = call.first("receiver")
    if not text:
        return lambda _: True
    try:
        regex = compiled_regex(text, dot_all=True)
    except ValueError as error:
        raise QueryError(f"failed to parse receiver param: {error}") from error
    return lambda name: regex.fullmatch(name) is not None


def _alert(shown: Shown, routes: Sequence[Path]) -> dict[str, Any]:
    alert = shown.alert
    return {
        "annotations": dict(alert.annotations),
        "endsAt": rfc3339(alert.ends_at),
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": route.receiver} for route in routes],
        "startsAt": rfc3339(alert.starts_at),
        "status": {
            "inhibitedBy": list(shown.inhibited_by),
            "mutedBy": [],
            "silencedBy": list(shown.silenced_by),
            "state": "suppressed" if shown.suppressed else "active",
        },
        "updatedAt": rfc3339(alert.updated_at),
        **({"generatorURL": alert.generator_url} if alert.generator_url else {}),
        "labels": dict(alert.labels),
    }


# silences


def _put_silence(board: Board, value: Any) -> Response:
    number = board.silences.put(posted_silence(value))
    return _json({"silenceID": number})


def _silences(board: Board, call: Call) -> list[dict[str, Any]]:
    """A silence is shown for a filter when it has a matcher with the same name that is as asked for."""
    filters, now = _filter(call), now_ms()
    wanted = [state for state in ("active", "pending", "expired") if call.first(state).lower() in _TRUE]
    return [_silence(one, now) for one in board.silences.all() if one.state(now) in wanted and _is_about(one, filters)]


def _is_about(silence: Silence, filters: Sequence[Matcher]) -> bool:
    return matches_all(filters, {one.name: one.value for one in silence.matchers})


def _silence(silence: Silence, now: int) -> dict[str, Any]:
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


def _found(board: Board, call: Call) -> Response:
    number = _uuid(call)
    try:
        return _json(_silence(board.silences.find(number), now_ms()))
    except MissingError:
        return Response(status_code=404)


def _expire(board: Board, call: Call) -> Response:
    board.silences.expire(_uuid(call))
    return Response(status_code=200)


def _uuid(call: Call) -> str:
    text = call.path["id"]
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        message = f"silenceID in path must be of type uuid: {excerpt(text)}"
        raise SchemaError(message, 422, 601) from error


# status


def _status(board: Board, started: int) -> dict[str, Any]:
    return {
        "cluster": {"peers": [], "status": "disabled"},
        "config": {"original": board.routing.original},
        "uptime": rfc3339(started),
        "versionInfo": build_info(),
    }
