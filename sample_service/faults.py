"""Faults for drills: a process misbehaves on request. Off unless ``SAMPLE_FAULTS=1``, and set from loopback only."""

from __future__ import annotations

import ipaddress
import json
import random
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.applications import Starlette

PATH = "/faults"
LIMITS: Mapping[str, float] = {
    "http_error_rate": 1.0,  # share of requests answered with 503
    "latency_ms": 60_000.0,  # added to every request
    "ai_429_rate": 1.0,  # shares of calls to the AI provider that end so
    "ai_500_rate": 1.0,
    "ai_timeout_rate": 1.0,
    "job_failure_rate": 1.0,  # share of tries that fail
}
"""Every fault, with its highest value; the lowest is 0, which means off."""

API_FAULTS = ("http_error_rate", "latency_ms")
WORKER_FAULTS = ("job_failure_rate",)
AI_FAULTS = ("http_error_rate", "latency_ms", "ai_429_rate", "ai_500_rate", "ai_timeout_rate")


class InjectedFaultError(Exception):
    """A failure that was asked for."""


class Faults:
    """The faults of one process, by name. All are off at the start."""

    def __init__(self, names: tuple[str, ...], *, enabled: bool, seed: int | None = None) -> None:
        self.enabled = enabled
        self._values = dict.fromkeys(names, 0.0)
        self._random = random.Random(seed)  # noqa: S311 - chance, not secrecy
        self._lock = threading.Lock()

    def values(self) -> dict[str, float]:
        """What is set now."""
        return dict(self._values)

    def set(self, changes: object) -> None:
        """Change some faults: a mapping of names to values. Raises ValueError, and then changes nothing."""
        if not isinstance(changes, Mapping):
            raise ValueError("faults must be an object of names and values")  # noqa: TRY004 - it is a bad value to us
        checked = {name: self._check(name, value) for name, value in changes.items()}
        with self._lock:
            self._values = {**self._values, **checked}

    def strikes(self, name: str) -> bool:
        """Whether this time the fault, a rate, happens."""
        rate = self._values[name]
        return rate > 0 and self._random.random() < rate

    def seconds(self) -> float:
        """Latency to add."""
        return self._values["latency_ms"] / 1000

    def _check(self, name: str, value: object) -> float:
        if name not in self._values:
            raise ValueError(f"unknown fault {name!r}; this process has: {', '.join(self._values)}")
        limit = LIMITS[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= limit:
            raise ValueError(f"{name} must be a number from 0 to {limit:g}")
        return float(value)


def add_fault_routes(app: Starlette, faults: Faults) -> None:
    """Add GET and PUT /faults, if faults are enabled at all."""
    if not faults.enabled:
        return

    async def get(request: Request) -> Response:
        _require_loopback(request)
        return JSONResponse(faults.values())

    async def put(request: Request) -> Response:
        _require_loopback(request)
        try:
            faults.set(json.loads(await request.body()))
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return JSONResponse(faults.values())

    app.add_route(PATH, get, methods=["GET"])
    app.add_route(PATH, put, methods=["PUT"])


def _require_loopback(request: Request) -> None:
    host = request.client.host if request.client else ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise HTTPException(403, "Faults can be set from this machine only.")
