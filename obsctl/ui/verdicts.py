"""The routes of ``verify``: start a run, watch it, read earlier ones."""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from obsctl.json_types import Json
from obsctl.ui.answers import answer, refusal
from obsctl.ui.body import JSON, bounded_body
from obsctl.ui.guard import PageToken
from obsctl.ui.runs import RunningError, VerifyRuns, events
from obsctl.ui.shown import StackSource

_NOTHING = 204
"""The status that keeps an ``EventSource`` from asking again."""


def verdict_routes(source: StackSource, runs: VerifyRuns, token: PageToken) -> list[BaseRoute]:
    """The routes below ``/api/verify``."""

    async def listed(_request: Request) -> Response:
        return answer(await run_in_threadpool(runs.document))

    async def start(request: Request) -> Response:
        if refused := token.refuses(request.headers):
            return refusal(refused.status, refused.error, refused.hint)
        body = await bounded_body(request, JSON)
        if isinstance(body, Response):
            return body
        return await run_in_threadpool(_started, source, runs, body)

    async def one(request: Request) -> Response:
        return answer(await run_in_threadpool(source.run, request.path_params["ident"]))

    async def watch(_request: Request) -> Response:
        run = runs.recent()
        if run is None:
            return Response(status_code=_NOTHING)
        return StreamingResponse(events(run), media_type="text/event-stream")

    return [
        Route("/api/verify", listed, methods=["GET"]),
        Route("/api/verify", start, methods=["POST"]),
        Route("/api/verify/events", watch, methods=["GET"]),
        Route("/api/verify/runs/{ident}", one, methods=["GET"]),
    ]


def _started(source: StackSource, runs: VerifyRuns, body: bytes) -> Response:
    try:
        wanted: Json = json.loads(body)
    except (ValueError, RecursionError):
        return refusal(400, "the body is no JSON", _SHAPE)
    service = wanted.get("service") if isinstance(wanted, dict) else ""
    known = [one.name for one in source.stack().services]
    if service is not None and service not in known:
        return refusal(400, "the body names no service of this stack", _SHAPE)
    try:
        run = runs.start(service)
    except RunningError as error:
        return refusal(409, error.message, error.hint)
    return answer({"id": run.id}, 202)


_SHAPE = 'send {"service": "name"} for one service, {"service": null} for all'
