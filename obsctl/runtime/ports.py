"""Whether a port is free, and who has it if not."""

from __future__ import annotations

import contextlib
import errno
import shlex
import socket
from pathlib import Path

import psutil

from obsctl.errors import StartError
from obsctl.runtime.processes import STACK_VARIABLE

MOVED = "--port-offset 1000"
"""How a second stack runs beside a first one: no port of either is one of the other's."""


def require_free(bind: str, ports: dict[str, int], *, offset: int = 0) -> None:
    """StartError naming each taken port, who holds it, and the option that moves it; or why none can be had at all.

    ``ports``: key -> number, of which ``offset`` is the part that was added to what the spec says.
    """
    refused = {key: error for key, port in ports.items() if (error := _refusal(bind, port))}
    taken = {key: ports[key] for key, error in refused.items() if error.errno == errno.EADDRINUSE}
    for key, error in refused.items():
        if key not in taken:
            message = f"port {ports[key]} ({key}) on {bind} cannot be used: {error.strerror}"
            raise StartError(message, hint="choose another in obsctl.yaml: `ports:` or `bind:`") from error
    if not taken:
        return
    holders = _holders(set(taken.values()))
    by_holder: dict[str, list[str]] = {}
    for key, port in taken.items():
        by_holder.setdefault(holders.get(port, "another process"), []).append(f"{port} ({key})")
    lines = [_taken(numbers, holder) for holder, numbers in by_holder.items()]
    key, port = next(iter(taken.items()))
    moved = f"ports: {{{key}: {port - offset + 1}}}"
    hint = f"stop it, or move all ports with `{MOVED}`, or this one in obsctl.yaml: `{moved}`"
    raise StartError("; ".join(lines), hint=hint)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on now."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


def listening_beside(port: int) -> tuple[int, ...]:
    """The other ports that the process which listens on ``port`` listens on, where this user may see them."""
    pids = _listeners()
    return tuple(sorted({other for ports in pids.values() if port in ports for other in ports} - {port}))


def _listeners() -> dict[int, set[int]]:
    """The ports that each process listens on, where this user may see them."""
    pids: dict[int, set[int]] = {}
    with contextlib.suppress(psutil.AccessDenied):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.pid:
                pids.setdefault(connection.pid, set()).add(connection.laddr.port)
    return pids


def files_written_behind(port: int) -> tuple[Path, ...]:
    """The plain files that the processes which listen on ``port`` have open to write, standard output among them.

    Empty where this user may not see them.
    """
    found: dict[Path, None] = {}
    for pid in (pid for pid, ports in _listeners().items() if port in ports):
        with contextlib.suppress(psutil.Error):
            for opened in psutil.Process(pid).open_files():
                if opened.mode in ("w", "a", "r+", "a+"):
                    found[Path(opened.path)] = None
    return tuple(path for path in found if path.is_file())


def _taken(numbers: list[str], holder: str) -> str:
    plural = len(numbers) > 1
    return f"port{'s' * plural} {', '.join(numbers)} {'are' if plural else 'is'} taken by {holder}"


def _refusal(bind: str, port: int) -> OSError | None:
    """Why nothing can listen there now; None when it can."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bind, port))
    except OSError as error:
        return error
    return None


def _holders(ports: set[int]) -> dict[int, str]:
    """Port -> a description of the process that listens on it, or has a connection from it, where this user may see."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return {}
    connections.sort(key=lambda c: c.status == psutil.CONN_LISTEN)  # who listens comes last, and so wins
    pids = {c.laddr.port: c.pid for c in connections if c.laddr and c.pid}
    return {port: _describe(pids[port]) for port in ports if port in pids}


def _describe(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        line = " ".join(" ".join(process.cmdline()).split()) or process.name()
        home = process.environ().get(STACK_VARIABLE, "")
    except psutil.Error:
        return f"pid {pid}"
    if home:
        folder = shlex.quote(str(Path(home).parent))
        return f"the obsctl stack in {folder} (`obsctl down -C {folder}` stops it)"
    return f"pid {pid} ({line if len(line) <= 80 else line[:77] + '...'})"
