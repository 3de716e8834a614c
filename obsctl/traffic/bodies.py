"""What a request carries: a query string, and a body as JSON, as a form, or in parts (RFC 7578)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from obsctl.spec.steps import Step
from obsctl.traffic.placeholders import StepError, render_value

MAX_FILE = 8 << 20
"""Bytes of a file that a request may carry."""


@dataclass(frozen=True)
class RequestBody:
    """A body and its Content-Type; None and "" for no body."""

    content: bytes | None = None
    content_type: str = ""


def query_of(step: Step, values: Mapping[str, object]) -> str:
    """The query string with its ``?``; "" for none. A list repeats its parameter."""
    return f"?{urlencode(_pairs(step.query, values))}" if step.query else ""


def body_of(step: Step, values: Mapping[str, object], *, folder: Path, boundary: str) -> RequestBody:
    """The body of a step. Raises StepError for a file that cannot be read."""
    if step.form:
        return RequestBody(urlencode(_pairs(step.form, values)).encode(), "application/x-www-form-urlencoded")
    if step.multipart:
        parts = b"".join(_part(name, part, values, folder, boundary) for name, part in step.multipart.items())
        return RequestBody(parts + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}")
    if step.body is None:
        return RequestBody()
    return RequestBody(json.dumps(render_value(step.body, values)).encode(), "application/json")


def _pairs(fields: Mapping[str, object], values: Mapping[str, object]) -> list[tuple[str, str]]:
    rendered = ((name, render_value(value, values)) for name, value in fields.items())
    return [
        (name, _text(one))
        for name, value in rendered
        for one in (value if isinstance(value, Sequence) and not isinstance(value, str) else [value])
    ]


def _text(value: object) -> str:
    """A value as forms write it: truth in lower case, no value as nothing."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _part(name: str, part: object, values: Mapping[str, object], folder: Path, boundary: str) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
    if not isinstance(part, Mapping):
        return f"{head}\r\n\r\n{_text(render_value(part, values))}\r\n".encode()
    path = str(part.get("file", ""))
    shown = str(part.get("filename") or Path(path).name or "upload")
    content = _file(folder / path) if path else _text(render_value(part.get("content", ""), values)).encode()
    kind = str(part.get("type") or "application/octet-stream")
    return f'{head}; filename="{_quoted(shown)}"\r\nContent-Type: {kind}\r\n\r\n'.encode() + content + b"\r\n"


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise StepError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > MAX_FILE:
        raise StepError(f"{path} is larger than {MAX_FILE >> 20} MiB")
    return content


def _quoted(name: str) -> str:
    """A name in a header of a part, as browsers write it."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
