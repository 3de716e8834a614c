"""Sends the steps that are unary calls of gRPC. The library is loaded only where there is such a step."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from obsctl.clients.http import excerpt
from obsctl.errors import BackendError, MissingPartError
from obsctl.probes import ProbeRequest
from obsctl.spec.stack import Service
from obsctl.spec.steps import Step

if TYPE_CHECKING:
    from obsctl.rpc.unary import GrpcCaller


@dataclass
class GrpcCalls:
    """The servers that the steps of a service call, each connected to once; closed at the end of the block."""

    service: Service
    folder: Path
    _callers: dict[tuple[str, str], GrpcCaller] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._open.close()

    def url_of(self, step: Step) -> str:
        """Where the server of a step answers."""
        return (step.grpc.url if step.grpc else "") or self.service.entry.url

    def send(
        self, step: Step, blank: ProbeRequest, message: object, headers: Mapping[str, str], timeout: float
    ) -> ProbeRequest:
        """Call the method of a step; ``blank`` is the request as it is sent, ``headers`` become metadata."""
        wanted = step.grpc.code if step.grpc else "OK"
        try:
            caller = self._caller(step)
            known = self.service.entry.auth.request_headers() if self.url_of(step) == self.service.entry.url else {}
            reply = caller.call(step.route, message, {**known, **headers}, timeout)
        except BackendError as error:
            return replace(blank, error=error.message + (f" ({error.hint})" if error.hint else ""))
        said = excerpt(reply.details) or "(no details)"
        return replace(
            blank,
            seconds=reply.seconds,
            status=200 if reply.reached or reply.code == wanted else 0,
            answer_headers=dict(reply.metadata),
            answer=reply.answer,
            error="" if reply.code == wanted else f"was answered {reply.code}, not {wanted}: {said}",
            received_bytes=reply.size,
        )

    def _caller(self, step: Step) -> GrpcCaller:
        from obsctl.rpc.unary import GrpcCaller

        url, descriptor = self.url_of(step), step.grpc.descriptor if step.grpc else ""
        if (url, descriptor) not in self._callers:
            file = self.folder / descriptor if descriptor else None
            caller = GrpcCaller(url, file, self.service.entry.access)
            self._callers[url, descriptor] = self._open.enter_context(caller)
        return self._callers[url, descriptor]


def calls_of(service: Service, folder: Path) -> GrpcCalls:
    """What sends the calls of a service. Raises MissingPartError where it has some and their library is missing."""
    if any(step.grpc for step in service.drive):
        try:
            import obsctl.rpc.unary  # noqa: F401 - whether it can be loaded
        except ImportError as error:
            raise MissingPartError({"grpc": "the library for calls of gRPC"}, error.name or "grpc") from error
    return GrpcCalls(service, folder)
