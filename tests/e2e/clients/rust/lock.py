"""Writes ``Cargo.lock`` from ``Cargo.pins``, which names no registry: cargo's own is put back before each checksum."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
LOCK = HERE / "Cargo.lock"

subprocess.run(["cargo", "generate-lockfile", "--quiet"], cwd=HERE, check=True)
source = next(line for line in LOCK.read_text().splitlines() if line.startswith("source = "))
LOCK.write_text((HERE / "Cargo.pins").read_text().replace("checksum = ", f"{source}\nchecksum = "))
