"""What the pages show of a stack, as values; and where the server of the pages gets it from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from obsctl.endpoints import Endpoint, Endpoints, Role
from obsctl.errors import StartError
from obsctl.json_types import JsonObject


@dataclass(frozen=True)
class ShownComponent:
    """One process of a service."""

    name: str
    url: str


@dataclass(frozen=True)
class ShownService:
    """A service of the spec. ``driven`` says whether ``verify`` sends requests of its own."""

    name: str
    components: tuple[ShownComponent, ...]
    driven: bool


@dataclass(frozen=True)
class CheckJudged:
    """What a check said of a service, as it ended. ``because`` names checks that may be the cause."""

    service: str
    check: str
    signal: str
    verdict: str
    message: str
    hint: str
    because: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class ShownStack:
    """A running stack. ``scrape_interval`` is in seconds."""

    name: str
    runtime: str
    version: str
    scrape_interval: float
    services: tuple[ShownService, ...]
    endpoints: Endpoints

    def endpoint(self, role: Role) -> Endpoint:
        """Who answers for a role. StartError where the stack has nobody for it."""
        found = self.endpoints.first(role)
        if found is None:
            raise StartError(f"this stack has nothing that answers for {role}", hint="name one in obsctl.yaml")
        return found

    def document(self) -> JsonObject:
        """It as the pages read it: roles by name, services with their components."""
        return {
            "name": self.name,
            "runtime": self.runtime,
            "version": self.version,
            "scrape_interval": self.scrape_interval,
            "services": [_service(service) for service in self.services],
            "roles": {e.role.value: _role(e) for e in reversed(self.endpoints.all) if e.role is not Role.SERVICE},
        }


def _service(service: ShownService) -> JsonObject:
    components = [
        {"name": c.name, "service_name": c.name, "job": c.name, "url": c.url or None} for c in service.components
    ]
    return {"name": service.name, "components": components, "driven": service.driven}


def _role(endpoint: Endpoint) -> JsonObject:
    return {
        "name": endpoint.name,
        "url": endpoint.url,
        "dialect": endpoint.dialect.value,
        "without": [feature.value for feature in endpoint.without],
        "lag": endpoint.lag,
    }


class StackSource(Protocol):
    """Where the pages' data comes from. Every method may take a while, and raises ObsctlError."""

    def stack(self) -> ShownStack:
        """The stack as it runs now."""
        ...

    def dashboards(self) -> Sequence[JsonObject]:
        """The dashboards that the stack provisions, as Grafana's JSON, each with a ``uid``."""
        ...

    def last_trace(self) -> str:
        """The trace that ``last`` means."""
        ...

    def runbook(self, alert: str) -> str:
        """The page about an alert, as Markdown. NotFoundError."""
        ...

    def runs(self) -> Sequence[JsonObject]:
        """What a list shows of each run of ``verify`` that is kept, newest first, each with an ``id``."""
        ...

    def run(self, ident: str) -> JsonObject:
        """A run with its whole result. NotFoundError."""
        ...

    def new_run_id(self) -> str:
        """An id for a run that begins now."""
        ...

    def verify(self, ident: str, service: str | None, judged: Callable[[CheckJudged], None], cancelled: Event) -> None:
        """Run ``verify`` for one service or all, and keep the result; ``judged`` is told of each check as it ends."""
        ...
