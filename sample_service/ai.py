"""The ai process: a local provider that speaks the OpenAI-compatible chat and embeddings routes."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, StringConstraints
from pydantic import Field as Limit
from starlette.exceptions import HTTPException

from sample_service import local_model
from sample_service.config import Settings
from sample_service.faults import AI_FAULTS, Faults, add_fault_routes
from sample_service.http import ObservedApp, add_probes, expect_routes
from sample_service.metrics import HttpMetrics, new_registry
from sample_service.telemetry import instrument_fastapi

HANG_SECONDS = 30.0
LOOK_SECONDS = 0.1

Model = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Text = Annotated[str, StringConstraints(max_length=50_000)]


class EmbeddingsRequest(BaseModel):
    """Body of POST /v1/embeddings; fields that we do not use are ignored."""

    model: Model
    input: Text | Annotated[list[Text], Limit(min_length=1, max_length=100)]


class ChatMessage(BaseModel):
    """One message of a conversation."""

    role: Annotated[str, StringConstraints(max_length=20)]
    content: Text


class ChatRequest(BaseModel):
    """Body of POST /v1/chat/completions; fields that we do not use are ignored."""

    model: Model
    messages: Annotated[list[ChatMessage], Limit(min_length=1, max_length=100)]


async def embeddings(request: EmbeddingsRequest) -> dict[str, object]:
    """The embeddings of one text or of several."""
    texts = [request.input] if isinstance(request.input, str) else request.input
    data = [
        {"object": "embedding", "index": index, "embedding": local_model.embedding(text)}
        for index, text in enumerate(texts)
    ]
    used = sum(local_model.tokens(text) for text in texts)
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "model": request.model, "data": data, "usage": usage}


async def chat(request: ChatRequest) -> dict[str, object]:
    """One answer to a conversation."""
    contents = [message.content for message in request.messages]
    answer = local_model.chat(contents)
    prompt, completion = sum(local_model.tokens(text) for text in contents), local_model.tokens(answer)
    message = {"role": "assistant", "content": answer}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    }


def create_app(settings: Settings) -> ObservedApp:
    """The provider as an ASGI app."""
    registry = new_registry()
    faults = Faults(AI_FAULTS, enabled=settings.faults)
    app = FastAPI(title="Local AI provider", docs_url=None, redoc_url=None)
    drills = [Depends(_injector(faults))]
    app.add_api_route("/v1/embeddings", embeddings, methods=["POST"], dependencies=drills)
    app.add_api_route("/v1/chat/completions", chat, methods=["POST"], dependencies=drills)
    app.add_exception_handler(HTTPException, _error)
    app.add_exception_handler(RequestValidationError, _invalid)
    add_probes(app, registry, needs={})
    add_fault_routes(app, faults)
    http_metrics = HttpMetrics(registry)
    expect_routes(app.routes, http_metrics)
    instrument_fastapi(app)
    return ObservedApp(app, http_metrics)


def _injector(faults: Faults) -> Callable[[Request], Awaitable[None]]:
    """A dependency of routes: what a provider does on a bad day."""

    async def inject(request: Request) -> None:
        await asyncio.sleep(faults.seconds())
        if faults.strikes("ai_timeout_rate"):
            await _hang(request)
        if faults.strikes("ai_429_rate"):
            raise HTTPException(429, "Rate limit reached.", headers={"Retry-After": "1"})
        if faults.strikes("ai_500_rate"):
            raise HTTPException(500, "The model failed.")
        if faults.strikes("http_error_rate"):
            raise HTTPException(503, "The model is overloaded.")

    return inject


async def _hang(request: Request) -> None:
    """Do not answer until the caller has had enough."""
    for _ in range(round(HANG_SECONDS / LOOK_SECONDS)):
        if await request.is_disconnected():
            break
        await asyncio.sleep(LOOK_SECONDS)
    raise HTTPException(504, "The model took too long.")


async def _error(_: Request, error: Exception) -> JSONResponse:
    """An error in the shape that OpenAI's clients expect."""
    assert isinstance(error, HTTPException)
    kind = "rate_limit_error" if error.status_code == 429 else "server_error" if error.status_code >= 500 else "error"
    body = {"error": {"message": error.detail, "type": kind, "code": error.status_code}}
    return JSONResponse(body, error.status_code, headers=error.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """422 that names the fields without quoting them."""
    problems = error.errors() if isinstance(error, RequestValidationError) else ()
    message = "; ".join(f"{'.'.join(str(part) for part in p['loc'])}: {p['msg']}" for p in problems)
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error", "code": 422}}, 422)
