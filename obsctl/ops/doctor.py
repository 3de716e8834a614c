"""``doctor``: whether this machine and this folder can run a stack, and what to do where they cannot."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from obsctl import __version__
from obsctl.clients.intake import IntakeCounts
from obsctl.errors import ObsctlError
from obsctl.ops.hop_evidence import HopFinder, expects, stale_parts
from obsctl.ops.hops import Hop
from obsctl.ops.proxies import proxy_notes
from obsctl.ops.session import Session, open_session
from obsctl.ops.up import exposed
from obsctl.result import Result
from obsctl.runtime.docker.engine import find_engine
from obsctl.runtime.parts import require_parts
from obsctl.runtime.ports import require_free

DISK_WANTED = 1024**3
RECENT = 600.0
"""Seconds back within which a service that works has sent something."""


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at."""

    subject: str
    status: Literal["ok", "warning", "problem"]
    detail: str
    hint: str = ""


def doctor(folder: Path, *, port_offset: int | None) -> Result:
    """Look at everything; exit 1 when something keeps a stack from running."""
    findings = [*_machine(folder), *_stack(folder, port_offset)]
    problems = sum(f.status == "problem" for f in findings)
    sentence = f"{problems} problem{'s' * (problems != 1)} found" if problems else "nothing stands in the way"
    hints = (f"{f.subject}: {f.hint}" for f in findings if f.hint and f.status != "ok")
    data = {"findings": [asdict(f) for f in findings]}
    return Result("doctor", data, (sentence, *hints), exit_status=1 if problems else 0)


def _machine(folder: Path) -> Iterator[Diagnosis]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Diagnosis("python", "ok", f"{version} at {sys.executable}, obsctl {__version__}")
    yield _disk(folder)
    yield _docker()


def _disk(folder: Path) -> Diagnosis:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Diagnosis("disk", "problem", f"{folder}: {error.strerror}", "choose another folder with --directory")
    free_space = f"{free / 1024**3:.1f} GiB free"
    if free < DISK_WANTED:
        return Diagnosis(
            "disk", "warning", free_space, "the default retention keeps up to 2 GiB; lower `retention: {size: …}`"
        )
    return Diagnosis("disk", "ok", free_space)


def _docker() -> Diagnosis:
    try:
        return Diagnosis("docker", "ok", str(find_engine(os.environ, Path.home())))
    except ObsctlError as error:
        hint = f"not needed by the embedded runtime; {error.hint}"
        return Diagnosis("docker", "ok", error.message.splitlines()[0].removesuffix("; tried:"), hint)


def _stack(folder: Path, port_offset: int | None) -> Iterator[Diagnosis]:
    try:
        session = open_session(folder, port_offset=port_offset)
    except ObsctlError as error:
        yield Diagnosis("spec", "problem", error.message, error.hint)
        return
    yield Diagnosis("spec", "ok", str(session.stack.source or "built-in default: the sample service"))
    yield Diagnosis("runtime", "ok", session.reason)
    yield from _proxies(session)
    if warning := exposed(session):
        yield Diagnosis("bind", "warning", warning, "leave `bind` out of obsctl.yaml unless others need this stack")
    yield _attempt("parts", "all that this stack runs is installed", lambda: _parts(session))
    yield _folder(session.runtime.home)
    if not session.runtime.supervised:
        yield _processes(session)
    yield _attempt("ports", "all free, or held by this stack", lambda: _ports(session))
    yield from _telemetry(session)


def _telemetry(session: Session) -> Iterator[Diagnosis]:
    """Where the telemetry of each service gets lost on its way into the stack, if one runs."""
    try:
        if not session.runtime.is_there():
            return
        endpoints, stale = session.running(), stale_parts(session)
    except ObsctlError as error:
        yield Diagnosis("telemetry", "warning", error.message, error.hint)
        return
    if stale:
        changes = "; ".join(stale)
        yield Diagnosis("stack", "warning", f"it runs with an older obsctl.yaml ({changes})", "run `obsctl up`")
    finder = HopFinder(session, endpoints, IntakeCounts(), time.time() - RECENT)
    for service in session.stack.services:
        for signal in ("metrics", "traces", "logs"):
            if expects(service.contract, signal):
                yield _arrival(f"{service.name} {signal}", finder.hop(service, signal))


def _arrival(subject: str, hop: Hop | None) -> Diagnosis:
    if hop is None:
        return Diagnosis(subject, "ok", f"came in during the last {RECENT // 60:.0f} minutes")
    return Diagnosis(subject, "warning", f"{hop.name}: {hop.sentence}", f"`{hop.command}` shows more")


def _proxies(session: Session) -> Iterator[Diagnosis]:
    notes = list(proxy_notes(session.stack.services, os.environ))
    for note in notes:
        yield Diagnosis("proxy", "warning", note, "name in NO_PROXY what needs no proxy")
    if not notes:
        yield Diagnosis("proxy", "ok", "none between the stack and its services")


def _folder(home: Path) -> Diagnosis:
    """Looked at, not made: a doctor leaves nothing behind."""
    place = home if home.exists() else home.parent
    if os.access(place, os.W_OK | os.X_OK):
        return Diagnosis("state folder", "ok", f"{place} is writable")
    return Diagnosis("state folder", "problem", f"cannot write to {place}", "choose another folder with --directory")


def _attempt(subject: str, fine: str, action: Callable[[], None]) -> Diagnosis:
    try:
        action()
    except ObsctlError as error:
        return Diagnosis(subject, "problem", error.message, error.hint)
    return Diagnosis(subject, "ok", fine)


def _parts(session: Session) -> None:
    require_parts(set(session.target.desired.modules.values()))


def _ports(session: Session) -> None:
    ours = {o.name for o in session.runtime.observe() if o.state == "running"}
    desired = session.target.desired
    ports = {k: v for name, of_it in desired.ports.items() if name not in ours for k, v in of_it.items()}
    require_free(desired.bind, ports, offset=desired.port_offset)


def _processes(session: Session) -> Diagnosis:
    unknown = session.runtime.orphans()
    running = sum(o.state == "running" for o in session.runtime.observe())
    if unknown:
        listed = ", ".join(map(str, unknown))
        return Diagnosis("processes", "problem", f"left over and not recorded: pid {listed}", "`obsctl down` ends them")
    return Diagnosis("processes", "ok", f"{running} of this stack running" if running else "none of this stack running")
