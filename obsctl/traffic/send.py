"""Sends the steps of a service as probe requests, and keeps what identifies them in every backend."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from obsctl.clients.exposition import fetch_page
from obsctl.clients.http import Http, Reply, excerpt
from obsctl.errors import BackendError, UsageError
from obsctl.probes import ProbeRequest, ProbeRun
from obsctl.spec.stack import Component, Service
from obsctl.spec.steps import Step
from obsctl.traffic.bodies import body_of, query_of
from obsctl.traffic.calls import GrpcCalls, calls_of
from obsctl.traffic.expectations import expectations, has_new_series, is_first
from obsctl.traffic.placeholders import StepError, meets, pick, render_headers, render_path, render_value
from obsctl.traffic.references import References, references
from obsctl.wait import Deadline

VENDOR = "obsctl"
"""Our key in ``tracestate`` and the start of every request id."""

POLL = 0.03
"""Seconds between two requests of a step that waits for an answer (``until``); it grows with the time waited."""

LONGEST_POLL = 0.5
TIMEOUT = 5.0
SCRAPE_TIMEOUT = 2.0
"""Seconds for one answer, and for one baseline."""


@dataclass(frozen=True)
class Identity:
    """The ids of one request. ``headers`` carry them (W3C Trace Context level 1, sampled)."""

    trace_id: str
    parent_id: str
    request_id: str
    trace_state: str

    def headers(self, request_id_header: str) -> Mapping[str, str]:
        """The headers that carry it."""
        carried = {request_id_header: self.request_id} if request_id_header else {}
        return {"traceparent": f"00-{self.trace_id}-{self.parent_id}-01", "tracestate": self.trace_state, **carried}


class Identities:
    """Makes the ids of one run; the same ``seed`` gives the same ids, none gives fresh ones."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - ids must be unique, not secret
        self.run = self._hex(12)
        self.canary = f"canary-{self._hex(16)}"
        self._made = 0

    def next(self) -> Identity:
        """The identity of the next request."""
        self._made += 1
        request_id = f"{VENDOR}-{self.run}-{self._made}"
        return Identity(self._hex(32), self._hex(16), request_id, f"{VENDOR}={self.run}")

    def _hex(self, digits: int) -> str:
        """Random lower-case hex, never all zero, which trace context forbids."""
        return f"{self._random.randrange(1, 16**digits):0{digits}x}"


def send_probes(
    service: Service,
    *,
    rounds: int,
    deadline: Deadline,
    seed: int | None = None,
    await_scrape: Callable[[], None] | None = None,
    folder: Path | None = None,
) -> ProbeRun:
    """Send the service's steps ``rounds`` times, one after the other, and say what was sent.

    Each request has a trace id, a parent span id and a request id of its own. A step that goes wrong is recorded in
    its request's ``error``, and the round ends there, since later steps build on earlier ones; nothing is raised for
    it. Before the first request the text of each component's ``/metrics`` is kept as baseline; a component that does
    not answer has none. ``await_scrape`` is called after a first round that raised a count for the first time, so that
    the next ones are a rise in what has been scraped. ``folder`` is where relative paths of steps
    begin. Raises UsageError when the service has no steps to drive, MissingPartError where a library is missing.
    """
    if not service.drive or not service.components:
        hint = "add a `drive` list to the service in obsctl.yaml: the requests that verify may send"
        raise UsageError(f"{service.name} has nothing to drive", hint=hint)
    sender = _Sender(service, deadline, Identities(seed), folder or Path(), calls=calls_of(service, folder or Path()))
    baseline = _baseline(service)
    started = time.time()
    http = Http(service.entry.url, timeout=TIMEOUT, name=service.entry.name, access=service.entry.access)
    with http, sender.calls:
        for number in range(rounds):
            if number and deadline.passed:
                break
            sender.round(http, number)
            if not number and await_scrape and _is_first(service, sender.requests, baseline):
                await_scrape()
    return ProbeRun(
        id=sender.ids.run,
        canary=sender.ids.canary,
        started_at=started,
        ended_at=time.time(),
        requests=tuple(sender.requests),
        expectations=expectations(service.contract, service.drive, sender.requests, sender.performed, sender.uncertain),
        baseline=baseline,
    )


def _is_first(service: Service, requests: Sequence[ProbeRequest], baseline: Mapping[str, str]) -> bool:
    if is_first(service.contract, requests, baseline):
        return True
    return has_new_series(service.contract, baseline, _baseline(service))


def _baseline(service: Service) -> dict[str, str]:
    """The exposition text of each component that answers. All are asked at once: one may hang."""
    exposing = [c for c in service.components if c.metrics]
    with ThreadPoolExecutor(max_workers=8) as pool:
        texts = pool.map(partial(_scrape, service), exposing)
    return {c.name: text for c, text in zip(exposing, texts, strict=True) if text}


def _scrape(service: Service, component: Component) -> str:
    """The exposition text; "" where there is none, which the checks will find out about."""
    try:
        return read_metrics_page(service, component)
    except BackendError:
        return ""


def read_metrics_page(service: Service, component: Component) -> str:
    """The text of a component's metrics page, over a connection of its own. Raises BackendError."""
    follow = service.scrape.follow_redirects
    return fetch_page(component.metrics_url, component.access, follow_redirects=follow, timeout=SCRAPE_TIMEOUT).text


@dataclass
class _Sender:
    """Sends the steps, and keeps what has been sent so far."""

    service: Service
    deadline: Deadline
    ids: Identities
    folder: Path
    calls: GrpcCalls
    requests: list[ProbeRequest] = field(default_factory=list)
    performed: Counter[str] = field(default_factory=Counter)
    uncertain: set[str] = field(default_factory=set)

    def round(self, http: Http, number: int) -> None:
        """Send every step once; stop at the first that goes wrong."""
        values: dict[str, object] = {"canary": self.ids.canary, "nonce": f"{self.ids.run}-{number}"}
        tried: list[str] = []
        for step in self.service.drive:
            before = len(self.requests)
            try:
                self._perform(http, step, values)
            except StepError as error:
                self._fail(step, str(error), sent=len(self.requests) > before)
            tried.append(step.id)
            if self.requests[-1].error:
                self.uncertain.update(tried)
                return
        self.performed.update(tried)

    def _perform(self, http: Http, step: Step, values: dict[str, object]) -> None:
        """Send a step, again and again while it waits for an answer; then capture from the last answer."""
        if self.requests and self.deadline.passed:
            raise StepError("was not sent: time was up")
        began, wait = time.monotonic(), POLL
        known = references(step, environment=os.environ, folder=self.folder)
        wanted = {path: render_value(value, values) for path, value in step.until.items()}
        while True:
            sent = self._send(http, step, {**values, **known.values}, known)
            self.requests.append(sent)
            if sent.error:
                return
            if meets(sent.answer, wanted):
                break
            if self.deadline.passed:
                seconds = time.monotonic() - began
                self._blame(
                    known.redacted(
                        f"did not come to {_stated(wanted)} in {seconds:.1f} s; last answer: {_shown(sent.answer)}"
                    )
                )
                return
            self.deadline.pause(wait)
            wait = min(LONGEST_POLL, wait * 1.2)
        values.update({name: pick(sent.answer, path) for name, path in step.capture.items()})

    def _send(self, http: Http, step: Step, values: Mapping[str, object], known: References) -> ProbeRequest:
        identity = self.ids.next()
        if step.grpc:
            headers = {**render_headers(step.headers, values), **identity.headers(self._request_id_header)}
            blank = _blank(step, identity, known.redacted(f"{self.calls.url_of(step)}{step.route}"), time.time())
            called = self.calls.send(step, blank, render_value(step.body, values), headers, self._patience)
            return replace(called, error=known.redacted(called.error))
        path = render_path(step.route, {**values, **_constants(step, values)}) + query_of(step, values)
        body = body_of(step, values, folder=self.folder, boundary=f"{VENDOR}-{identity.parent_id}")
        content = {"Content-Type": body.content_type} if body.content_type else {}
        headers = {**content, **render_headers(step.headers, values)}
        headers |= identity.headers(self._request_id_header)
        sent, began = time.time(), time.monotonic()
        blank = _blank(step, identity, known.redacted(f"{http.base_url}{path}"), sent)
        try:
            reply = http.send(step.method, path, headers=headers, body=body.content, timeout=self._patience)
        except BackendError as error:
            return replace(blank, seconds=time.monotonic() - began, error=known.redacted(error.message))
        answered = _answered(blank, step, reply)
        return replace(answered, error=known.redacted(answered.error))

    @property
    def _request_id_header(self) -> str:
        return self.service.contract.request_id_header

    @property
    def _patience(self) -> float:
        return min(TIMEOUT, max(1.0, self.deadline.left))

    def _blame(self, error: str) -> None:
        self.requests[-1] = replace(self.requests[-1], error=error)

    def _fail(self, step: Step, error: str, *, sent: bool) -> None:
        """Record what went wrong: on the step's last request if it was sent, else on one that never left."""
        if not sent:
            self.requests.append(_blank(step, self.ids.next(), f"{self.service.entry.url}{step.route}", time.time()))
        self._blame(error)


def _constants(step: Step, values: Mapping[str, object]) -> dict[str, object]:
    return {name: render_value(value, values) for name, value in step.params.items()}


def _blank(step: Step, identity: Identity, url: str, sent_at: float) -> ProbeRequest:
    return ProbeRequest(
        step=step.id,
        method=step.method,
        route=step.route,
        url=url,
        trace_id=identity.trace_id,
        parent_id=identity.parent_id,
        request_id=identity.request_id,
        trace_state=identity.trace_state,
        sent_at=sent_at,
        seconds=0.0,
        protocol="grpc" if step.grpc else "http",
    )


def _answered(blank: ProbeRequest, step: Step, reply: Reply) -> ProbeRequest:
    answer = _decoded(reply)
    wrong = reply.status != step.expect
    error = f"was answered {reply.status}, not {step.expect}: {excerpt(reply.text) or '(empty body)'}" if wrong else ""
    return replace(
        blank,
        seconds=reply.seconds,
        status=reply.status,
        answer_headers=dict(reply.headers),
        answer=answer,
        error=error,
        received_bytes=_size(reply),
    )


def _size(reply: Reply) -> int:
    """Bytes of the body on the wire, as far as the answer says."""
    stated = next((v for k, v in reply.headers.items() if k.lower() == "content-length"), "")
    return int(stated) if stated.isdigit() else len(reply.text.encode())


def _decoded(reply: Reply) -> object:
    try:
        return json.loads(reply.text)
    except (ValueError, RecursionError):
        return None


def _stated(wanted: Mapping[str, object]) -> str:
    return ", ".join(f"{path} = {value}" for path, value in wanted.items())


def _shown(answer: object) -> str:
    return excerpt(json.dumps(answer, default=str)) if answer is not None else "no JSON"
