"""The ledger's process, for tests that observe it."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from obsctl.wait import Deadline, until
from tests.e2e.conftest import Folder

HERE = Path(__file__).parent
DRIVE = [
    {
        "id": "enter",
        "method": "POST",
        "route": "/entries",
        "body": {"mail": "{canary}"},
        "expect": 201,
        "rises": [{"metric": "ledger_entries_total"}],
    },
    {"id": "list", "method": "GET", "route": "/entries"},
]


@dataclass
class Ledger:
    """One ledger beside a stack; ``env`` is what it is started with, besides where to listen and where to send."""

    stack: Folder
    name: str = "ledger"
    place: int = 0
    env: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """One of the ports of the sample, which this stack does not have."""
        return 8000 + self.place + self.stack.offset

    @property
    def log(self) -> Path:
        """Where its lines are."""
        return self.stack.path / f"{self.name}.log"

    def service(self, drive: list[dict[str, object]] | None = None) -> dict[str, object]:
        """It as a service of ``obsctl.yaml``; its contract is written."""
        contract = (HERE / "contract.yaml").read_text().replace("@name@", self.name)
        (self.stack.path / f"{self.name}.yaml").write_text(contract)
        component = {"name": self.name, "url": f"http://127.0.0.1:{self.port}", "ready": "/health"}
        return {
            "name": self.name,
            "contract": f"{self.name}.yaml",
            "components": [{**component, "logs": self.log.name}],
            **({"drive": drive} if drive else {}),
        }

    def start(self, closing: ExitStack) -> None:
        """Start it, and wait until it answers."""
        env = {
            "OTEL_SERVICE_NAME": self.name,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{4318 + self.stack.offset}",
            "LEDGER_PORT": str(self.port),
            "LEDGER_LOG": str(self.log),
            **self.env,
        }
        process = subprocess.Popen(
            [sys.executable, str(HERE / "app.py")], env={**os.environ, **env}, stderr=subprocess.DEVNULL
        )
        closing.callback(process.wait, 10)
        closing.callback(process.terminate)
        assert until(lambda: self.get("/health"), Deadline.after(30))

    def get(self, path: str) -> str:
        """What it answers; "" for nothing."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as reply:
                return str(reply.read(), "utf8")
        except (urllib.error.URLError, OSError):
            return ""


def write_spec(stack: Folder, *services: dict[str, object]) -> None:
    """The spec of the stack that observes these services."""
    spec = {"version": 1, "name": "books", "scrape_interval": "250ms", "services": list(services)}
    (stack.path / "obsctl.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
