"""Gathers what the running stack knows of a signal that did not arrive, and puts the hop into the finding about it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from obsctl.checks.base import CheckStatus, Evidence, Outcome
from obsctl.clients.indexing import index_lags
from obsctl.clients.intake import IntakeCounts, intake_counts
from obsctl.clients.logql import LogqlClient, string_literal
from obsctl.clients.promql import PromqlClient
from obsctl.clients.traces import traces_client
from obsctl.endpoints import Endpoints, Role
from obsctl.errors import ObsctlError
from obsctl.languages.globs import matching_files
from obsctl.ops.hops import SIGNALS, Hop, HopEvidence, WatchedLogs, lost_at
from obsctl.ops.session import Session
from obsctl.spec.contract import Contract
from obsctl.spec.stack import Component, Service

_NEIGHBOURS = 50
"""Most files of a folder that are looked at."""


@dataclass(frozen=True)
class HopFinder:
    """Finds out where signals got lost. ``before`` is what had been counted when it began, ``since`` that moment."""

    session: Session
    endpoints: Endpoints
    before: IntakeCounts
    since: float

    @classmethod
    def begin(cls, session: Session, endpoints: Endpoints) -> HopFinder:
        """From now on."""
        return cls(session, endpoints, counted(endpoints), time.time())

    def explain(self, service: Service, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
        """The outcomes; a finding about a signal that did not arrive says where it got lost, and what mends that."""
        return tuple(self._explained(service, outcome) for outcome in outcomes)

    def _explained(self, service: Service, outcome: Outcome) -> Outcome:
        signal = SIGNALS.get(outcome.check, "")
        if not signal or outcome.verdict.status is not CheckStatus.FAIL or outcome.cause:
            return outcome
        hop = self.hop(service, signal)
        if hop is None:
            return outcome
        seen = Evidence(f"where {signal} got lost", f"{hop.name}: {hop.sentence}")
        verdict = replace(outcome.verdict, hint=str(hop), evidence=(seen, *outcome.verdict.evidence))
        return replace(outcome, verdict=verdict)

    def hop(self, service: Service, signal: str) -> Hop | None:
        """Where the signal got lost on its way from the components that have none of it; None where all of them do."""
        absent = self._absent(service, signal)
        if not absent:
            return None
        files = [c for c in service.components if c.name in absent and c.logs] if signal == "logs" else []
        otlp, grpc = (self.endpoints.first(role) for role in (Role.OTLP_HTTP, Role.OTLP_GRPC))
        return lost_at(
            HopEvidence(
                signal=signal,
                components=absent,
                counts=counted(self.endpoints).since(self.before),
                otlp=otlp.url if otlp else "",
                grpc=grpc.url if grpc else "",
                strangers=self._strangers(signal),
                stale=self._stale(),
                sources=tuple(self._source(c) for c in files),
                indexing=self._indexing(signal),
            )
        )

    def _absent(self, service: Service, signal: str) -> tuple[str, ...]:
        """The components of which the backend has nothing in this time."""
        try:
            return tuple(name for name in service.contract.components if not self._has(service, name, signal))
        except ObsctlError:
            return ()

    def _has(self, service: Service, name: str, signal: str) -> bool:
        start, end = int((self.since - 1.0) * 1e9), int((time.time() + 1.0) * 1e9)
        if signal == "traces" and (traces := self.endpoints.first(Role.TRACES)):
            return bool(traces_client(traces).search(name, start_ns=start, end_ns=end, limit=1).traces)
        if signal == "logs" and (logs := self.endpoints.first(Role.LOGS)):
            selector = f"{{service_name={string_literal(name)}}}"
            return bool(LogqlClient(logs.url, access=logs.access).lines(selector, start, end, 1))
        if signal == "metrics" and (metrics := self.endpoints.first(Role.METRICS)):
            component = next((c for c in service.components if c.name == name), None)
            if component is None:
                return True
            stored = PromqlClient(metrics.url, access=metrics.access).instant(f"count({{job={string_literal(name)}}})")
            return bool(stored) or bool(component.metrics and not self._stale())
        return True

    def _strangers(self, signal: str) -> tuple[str, ...]:
        """Services that sent traces in this time and are in no spec."""
        backend = self.endpoints.first(Role.TRACES)
        if signal != "traces" or backend is None:
            return ()
        known = {name for service in self.session.stack.services for name in service.contract.components}
        start, end = int((self.since - 1.0) * 1e9), int((time.time() + 1.0) * 1e9)
        client = traces_client(backend)
        try:
            others = [name for name in client.services() if name not in known][:_NEIGHBOURS]
            return tuple(n for n in others if client.search(n, start_ns=start, end_ns=end, limit=1).traces)
        except ObsctlError:
            return ()

    def _stale(self) -> tuple[str, ...]:
        try:
            return stale_parts(self.session)
        except ObsctlError:
            return ()

    def _source(self, component: Component) -> WatchedLogs:
        return log_source(component.name, component.logs, self.session.stack.log_glob(component), self.since)

    def _indexing(self, signal: str) -> str:
        store = self.endpoints.first(Role.TRACES) or self.endpoints.first(Role.LOGS)
        lags = index_lags(store) if store else []
        return next((lag.note for lag in lags if lag.signal == signal and lag.note), "")


def expects(contract: Contract, signal: str) -> bool:
    """Whether the contract says anything of a signal."""
    return bool({"metrics": contract.metrics, "traces": contract.traces, "logs": contract.logs}[signal])


def counted(endpoints: Endpoints) -> IntakeCounts:
    """What the receivers of a stack have counted by now; a stack without one of its own is not asked for its pages."""
    metrics = endpoints.first(Role.METRICS)
    return intake_counts(
        endpoints.first(Role.OTLP_HTTP), PromqlClient(metrics.url, access=metrics.access) if metrics else None
    )


def stale_parts(session: Session) -> tuple[str, ...]:
    """What ``up`` would change now, since the spec is another one than the stack was started with."""
    return tuple(str(one) for one in session.target.plan() if one.kind not in ("keep", "orphan"))


def log_source(component: str, shown: str, pattern: str, since: float) -> WatchedLogs:
    """The log files of a component as they are now; they should have grown ``since`` (epoch seconds)."""
    files = matching_files(pattern)
    folder = Path(files[0]).parent if files else Path(pattern.partition("*")[0]).parent
    return WatchedLogs(
        component=component,
        pattern=shown,
        files=tuple(files),
        unreadable=tuple(f for f in files if not os.access(f, os.R_OK)),
        grown=tuple(f for f in files if _changed(Path(f)) >= since),
        elsewhere=tuple(str(f) for f in _beside(folder) if str(f) not in files and _changed(f) >= since),
        folder=str(folder) if folder.is_dir() else "",
    )


def _beside(folder: Path) -> list[Path]:
    try:
        found = [f for f in sorted(folder.iterdir())[:_NEIGHBOURS] if f.suffix in (".log", ".json", ".out", ".txt")]
    except OSError:
        return []
    return [f for f in found if f.is_file()]


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
