"""The stack's own APIs behind one origin: a call that is allowed is made anew, with nothing of the browser's but data.

Bodies and times are bounded, credentials of the stack are added, redirects are answered and never followed. What comes
back is JSON or plain text, whatever the backend calls it.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from urllib.parse import parse_qs

from starlette.responses import Response

from obsctl.clients.http import Http, Reply, complaint
from obsctl.endpoints import Endpoint, Role
from obsctl.errors import BackendError, UsageError
from obsctl.ui.answers import answer, refusal
from obsctl.ui.shown import StackSource
from obsctl.ui.targets import AllowedCall

PATIENCE = 30.0
"""Seconds that a backend may take for an answer."""

_MOST_PARAMETERS = 200


class UpstreamProxy:
    """Makes allowed calls. Safe to use from several threads."""

    def __init__(self, source: StackSource, patience: float = PATIENCE) -> None:
        self._source = source
        self._patience = patience
        self._clients: dict[Role, tuple[Endpoint, Http]] = {}
        self._lock = Lock()

    def call(self, call: AllowedCall, query: str, body: bytes) -> Response:
        """Make a call and wait for its answer. Raises ObsctlError."""
        endpoint = self._source.stack().endpoint(call.role)
        try:
            params = parameters(query)
            headers = {"Accept": "application/json", **({"Content-Type": call.body} if call.body else {})}
            sent = body if call.body else None
            reply = self._client(endpoint).send(call.method, call.path, params=params, headers=headers, body=sent)
        except BackendError as error:
            hint = f"{error.hint or 'see whether it runs: obsctl status'}; {endpoint.name} is at {endpoint.url}"
            raise BackendError(error.message, hint=hint) from error
        return answered(reply)

    def _client(self, endpoint: Endpoint) -> Http:
        """The client of an endpoint; a stack that was started anew may have moved it."""
        with self._lock:
            known = self._clients.get(endpoint.role)
            if known is None or known[0] != endpoint:
                http = Http(
                    endpoint.url,
                    timeout=self._patience,
                    name=f"the {endpoint.role} backend",
                    access=endpoint.access,
                )
                known = self._clients[endpoint.role] = (endpoint, http)
            return known[1]


def parameters(query: str) -> Mapping[str, list[str]]:
    """The parameters of a query string, to be written anew. Raises UsageError for too many."""
    try:
        return parse_qs(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise UsageError(f"a query may have {_MOST_PARAMETERS} parameters", hint="ask in several requests") from error


def answered(reply: Reply) -> Response:
    """A backend's answer for a page: its status and its JSON, or a sentence where it says no with anything else."""
    if 300 <= reply.status < 400:
        return refusal(502, f"{reply.name} answered {reply.status}, a redirect", "put its final URL into obsctl.yaml")
    if reply.is_json and (reply.status < 400 or '"error"' in reply.text):
        return Response(reply.text, reply.status, media_type="application/json")
    if reply.status >= 400:
        return refusal(reply.status, f"{reply.name} answered {reply.status}: {complaint(reply)}", f"asked: {reply.url}")
    if not reply.text.strip():
        return answer(None, reply.status if reply.status != 204 else 200)
    return Response(reply.text, reply.status, media_type="text/plain")
