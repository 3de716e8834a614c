"""What the proxy variables of the environment reach: never the stack itself, but maybe the user's services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from obsctl.clients.http import proxy_of
from obsctl.spec.stack import Service

VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
"""Variables that name a proxy, in lower or upper case."""

_LOOPBACK = ("127.0.0.1", "localhost")


def proxy_notes(services: Sequence[Service], environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each way in which a proxy of the environment comes between the stack and these services."""
    observed = [service for service in services if not service.run]
    for component in (component for service in observed for component in service.components):
        if proxy := component.url and proxy_of(component.url):
            yield f"requests to {component.name} at {component.url} go through the proxy {proxy}, as NO_PROXY allows"
    named = sorted(name for name in environment if name.lower() in VARIABLES and environment[name])
    exempt = {entry.strip() for name in ("NO_PROXY", "no_proxy") for entry in environment.get(name, "").split(",")}
    if observed and named and not exempt & {*_LOOPBACK, "*"}:
        listed = " and ".join(named)
        yield f"{listed} without NO_PROXY={','.join(_LOOPBACK)}: services may send their telemetry to the proxy instead"
