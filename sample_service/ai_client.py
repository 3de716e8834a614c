"""The client of an OpenAI-compatible AI provider, with the spans and metrics of each call.

Prompts and answers go into neither: only sizes, models and outcomes do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from sample_service import request_context, telemetry
from sample_service.metrics import TOKEN_TYPES, AiMetrics

CHAT = "chat"
EMBEDDINGS = "embeddings"
OPERATIONS = (CHAT, EMBEDDINGS)
T = TypeVar("T")
_PATHS = {CHAT: "/v1/chat/completions", EMBEDDINGS: "/v1/embeddings"}


class AiError(Exception):
    """A call that failed. ``reason`` is 429, 5xx, timeout or other; ``status`` is 0 if there was no answer."""

    def __init__(self, operation: str, reason: str, status: int = 0) -> None:
        super().__init__(f"AI provider: {operation} failed ({reason})")
        self.operation = operation
        self.reason = reason
        self.status = status


class AiClient:
    """Calls one provider. It does not retry: the job it works for is retried as a whole."""

    def __init__(self, base_url: str, provider: str, api_key: str, timeout: float, metrics: AiMetrics) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout, trust_env=False)
        telemetry.instrument_httpx(self._http)
        self._provider = provider
        self._metrics = metrics
        self._tracer = trace.get_tracer(__name__)

    def embed(self, model: str, text: str) -> list[float]:
        """The embedding of one text. Raises AiError."""

        def read(answer: Any) -> list[float]:
            return [float(x) for x in answer["data"][0]["embedding"]]

        return self._call(EMBEDDINGS, {"model": model, "input": text}, read)

    def chat(self, model: str, system: str, user: str) -> str:
        """The provider's answer to a system and a user message. Raises AiError."""
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        body = {"model": model, "messages": messages, "response_format": {"type": "json_object"}}

        def read(answer: Any) -> str:
            return str(answer["choices"][0]["message"]["content"])

        return self._call(CHAT, body, read)

    def close(self) -> None:
        """Close the pooled connections."""
        self._http.close()

    def _call(self, operation: str, body: Mapping[str, object], read: Callable[[Any], T]) -> T:
        """One call with its span, metrics and log line; ``read`` takes the result out of the decoded answer."""
        context = request_context.current()
        attributes: dict[str, str | int] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": self._provider,
            "gen_ai.request.model": str(body["model"]),
            "retry_count": context.ids.get("retry_count", 0) if context else 0,
        }
        name = f"{operation} {body['model']}"
        with self._tracer.start_as_current_span(
            name, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            started = time.perf_counter()
            try:
                answer = self._post(operation, body, span)
                self._note_usage(span, answer.get("usage") or {})
                return read(answer)
            except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
                raise self._failure(span, AiError(operation, "other", HTTPStatus.OK)) from error
            except AiError as error:
                raise self._failure(span, error) from None
            finally:
                self._metrics.observe(operation, time.perf_counter() - started)

    def _post(self, operation: str, body: Mapping[str, object], span: Span) -> Any:
        """The decoded answer. Raises AiError, or ValueError for an answer that is not JSON."""
        headers = {request_context.HEADER: request_context.request_id()}
        try:
            response = self._http.post(_PATHS[operation], json=body, headers=headers)
        except httpx.TimeoutException:
            raise AiError(operation, "timeout") from None
        except httpx.HTTPError:
            raise AiError(operation, "other") from None
        span.set_attribute("upstream_status", response.status_code)
        if response.is_success:
            return response.json()
        raise AiError(operation, reason_of(response.status_code), response.status_code)

    def _note_usage(self, span: Span, usage: Mapping[str, int | None]) -> None:
        tokens = {kind: int(usage.get(f"{kind}_tokens") or 0) for kind in TOKEN_TYPES}
        span.set_attribute("gen_ai.usage.input_tokens", tokens["prompt"])
        span.set_attribute("gen_ai.usage.output_tokens", tokens["completion"])
        self._metrics.used(tokens)

    def _failure(self, span: Span, error: AiError) -> AiError:
        self._metrics.failed(error.operation, error.reason)
        span.set_attribute("error.type", error.reason)
        span.set_status(Status(StatusCode.ERROR, str(error)))
        return error


def reason_of(status: int) -> str:
    """The error reason of an HTTP status that is no success."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "429"
    return "5xx" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "other"
