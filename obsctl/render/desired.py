"""The output of rendering: what should be there. Values only; a runtime makes them so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from obsctl.access.secret_text import SecretText
from obsctl.endpoints import Endpoints

STATE_FOLDER = ".obsctl"
"""Beside the spec: what is remembered of its stack."""

TOKEN_FILE = "token"  # noqa: S105 - a file's name
"""In the state folder: what every request to the server must carry where other machines can ask."""

OUTPUT = "deploy"
"""Beside the spec: the files of a stack of containers, of which this is the first."""

COMPOSE_FILE = "compose.yaml"


@dataclass(frozen=True)
class File:
    """A file to write; ``path`` is relative to the stack's state folder."""

    path: str
    text: str


@dataclass(frozen=True)
class Process:
    """A local process: ``python -m <module> <args>``.

    ``ports`` maps the spec's port key to the number it listens on; ``files`` are what it reads at start, so that a
    change of their text means a restart. ``secrets`` are the references that it reads itself; of the user's
    environment it gets the variables that they name. ``secret_env`` are variables that hold secrets, which are
    percent-encoded; what is before them is not.
    """

    name: str
    module: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    secrets: tuple[SecretText, ...] = ()
    secret_env: Mapping[str, SecretText] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """A hash of everything that makes this process what it is."""
        carried = sorted((name, str(text)) for name, text in self.secret_env.items())
        content = [self.module, self.args, sorted(self.env.items()), [(f.path, f.text) for f in self.files], *carried]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Desired:
    """A whole stack of local processes, in the order in which they are started.

    ``generated_token`` is the file of the state folder that is to hold a random token, or "".
    """

    name: str
    home: Path
    bind: str
    port_offset: int
    processes: tuple[Process, ...]
    endpoints: Endpoints
    generated_token: str = ""

    @property
    def ports(self) -> Mapping[str, Mapping[str, int]]:
        """Process -> the ports that it listens on, by the spec's keys; in start order."""
        return {process.name: process.ports for process in self.processes}

    @property
    def modules(self) -> Mapping[str, str]:
        """Process -> the Python module that it runs."""
        return {process.name: process.module for process in self.processes}
