"""Finding the engine: what the user's environment names, or else the sockets that engines usually listen on.

The SDK falls back to the default socket where a context cannot be found, and so may reach the wrong engine; here a
named engine is used or it is an error, and sockets are tried only where nothing is named.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from obsctl.errors import StartError
from obsctl.runtime.docker.connection import Answer, Candidate, Engine, ask, ask_by_sdk, client, is_plain
from obsctl.runtime.docker.faults import engine_faults

_CONNECT_TIMEOUT = 3.0
_ANSWER_TIMEOUT = 10.0
_ANY = "1.24"
"""A version for questions that have none: given one, the SDK does not ask for the engine's."""

_HINT = "start Docker (or Podman's socket), or name the engine in DOCKER_HOST; `--runtime embedded` needs none"


def find_engine(environment: Mapping[str, str], home: Path) -> Engine:
    """The engine that the environment names, or the first that answers. StartError says what was tried."""
    tried: list[str] = []
    for candidate in candidates(environment, home):
        reason = unreachable(candidate.url)
        try:
            if not reason:
                return _connect(candidate)
        except StartError as error:
            reason = error.message
        tried.append(f"{candidate.url} ({candidate.why}): {reason}")
    listed = "".join(f"\n    {line}" for line in tried)
    raise StartError(f"no container engine answers; tried:{listed}", hint=_HINT)


def candidates(environment: Mapping[str, str], home: Path) -> Iterator[Candidate]:
    """Where to look, in order: ``DOCKER_HOST``, the chosen context, or else every usual socket."""
    host = environment.get("DOCKER_HOST", "")
    if host:
        certificates = environment.get("DOCKER_CERT_PATH") or str(_config(environment, home))
        secure = bool(environment.get("DOCKER_TLS_VERIFY") or environment.get("DOCKER_TLS"))
        verify = bool(environment.get("DOCKER_TLS_VERIFY"))
        yield Candidate(host, "DOCKER_HOST", certificates if secure else "", verify)
        return
    named, why = _context(environment, home)
    if named and named != "default":
        yield _from_context(named, why, _config(environment, home))
        return
    yield from (Candidate(f"unix://{path}", why) for path, why in sockets(environment, home))


def sockets(environment: Mapping[str, str], home: Path) -> Iterator[tuple[Path, str]]:
    """The sockets that engines listen on unless told otherwise."""
    run = environment.get("XDG_RUNTIME_DIR", "")
    colima = Path(environment.get("COLIMA_HOME") or home / ".colima")
    yield Path("/var/run/docker.sock"), "the default"
    if run:
        yield Path(run) / "docker.sock", "rootless Docker"
    yield home / ".docker/run/docker.sock", "Docker Desktop"
    yield home / ".docker/desktop/docker.sock", "Docker Desktop on Linux"
    yield colima / "default/docker.sock", "Colima"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "colima/default/docker.sock", "Colima"
    yield home / ".orbstack/run/docker.sock", "OrbStack"
    yield home / ".rd/docker.sock", "Rancher Desktop"
    if run:
        yield Path(run) / "podman/podman.sock", "rootless Podman"
    yield Path("/run/podman/podman.sock"), "Podman"
    yield home / ".local/share/containers/podman/machine/podman.sock", "Podman machine"


def _config(environment: Mapping[str, str], home: Path) -> Path:
    return Path(environment.get("DOCKER_CONFIG") or home / ".docker")


def _context(environment: Mapping[str, str], home: Path) -> tuple[str, str]:
    """The name of the chosen context, and who chose it."""
    named = environment.get("DOCKER_CONTEXT", "")
    if named:
        return named, "DOCKER_CONTEXT"
    path = _config(environment, home) / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf8")).get("currentContext") or ""
    except FileNotFoundError:
        return "", ""
    except (OSError, ValueError, AttributeError) as error:
        raise StartError(f"{path} cannot be read: {error}", hint="repair it, or set DOCKER_HOST") from error
    return str(found), str(path)


def _from_context(name: str, why: str, config: Path) -> Candidate:
    """What the metadata of a context says. Docker's CLI keeps it under the hash of the name."""
    ident = hashlib.sha256(name.encode()).hexdigest()
    path = config / "contexts" / "meta" / ident / "meta.json"
    try:
        endpoint = json.loads(path.read_text(encoding="utf8"))["Endpoints"]["docker"]
        url = str(endpoint["Host"])
    except FileNotFoundError as error:
        hint = "`docker context ls` shows which there are; `docker context use default` goes back to the default"
        raise StartError(f"there is no Docker context {name!r}, which {why} names", hint=hint) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StartError(f"{path} of the Docker context {name!r} cannot be read: {error}", hint=_HINT) from error
    certificates = config / "contexts" / "tls" / ident / "docker"
    verify = not endpoint.get("SkipTLSVerify", False)
    return Candidate(url, f"context {name!r}", str(certificates) if certificates.is_dir() else "", verify)


def unreachable(url: str) -> str:
    """Why nothing can be listening there; empty when something is, or when only the SDK can tell."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(_CONNECT_TIMEOUT)
                probe.connect(parts.path)
        elif parts.scheme in ("tcp", "http", "https"):
            address = (parts.hostname or "", parts.port or 2375)
            socket.create_connection(address, _CONNECT_TIMEOUT).close()
        elif parts.scheme not in ("ssh", "npipe"):
            return "not an address of an engine"
    except FileNotFoundError:
        return "not there"
    except PermissionError:
        return "permission denied; is this user in the group `docker`?"
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def _connect(candidate: Candidate) -> Engine:
    """Ask who it is. Its own version of the API is used: a fixed one breaks with older and with newer engines."""
    with engine_faults("it does not answer like an engine"):
        found = _ping(candidate)
    api, server = found.headers.get("api-version", ""), found.headers.get("server", "")
    if found.status != 200 or not api:
        raise StartError(f"it does not answer like an engine: {found.status}, without a version of its API", hint=_HINT)
    podman = "libpod-api-version" in found.headers
    version = server.partition("/")[2].partition(" ")[0] or "?"
    return Engine(candidate, api, version, podman, _host(candidate.url))


def _ping(candidate: Candidate) -> Answer:
    if is_plain(candidate.url, candidate.certificates):
        return ask(candidate.url, "/_ping", {}, _ANSWER_TIMEOUT)
    with contextlib.closing(client(candidate, _ANY, timeout=_ANSWER_TIMEOUT)) as sdk:
        return ask_by_sdk(sdk, "/_ping", {}, _ANSWER_TIMEOUT)


def _host(url: str) -> str:
    """The machine of an engine, empty for this one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme in ("unix", "npipe") or host == "localhost":
        return ""
    try:
        return "" if ipaddress.ip_address(host).is_loopback else host
    except ValueError:
        return host
