"""curl --http2, which offers an upgrade to h2c with every body it sends. The contract is in ../README.md.

One curl for each signal: both halves in one run of it, with the pause between, so that it keeps its connection.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.clients.documents import COUNT, HALVES, PAUSE, document

SIGNALS = ("traces", "metrics", "logs")
PER_HOUR = f"{int(3600 / (PAUSE + 1))}/h"
"""Starts of transfers: each of them takes less than a second."""


def transfers(folder: Path, case: str, signal: str) -> list[str]:
    """The command: both halves, the second after the pause."""
    service, _, compression = case.split(",")
    command = ["curl", "--silent", "--rate", PER_HOUR]
    for first in HALVES:
        sent_at = time.time_ns() + (round(PAUSE * 1e9) if first else 0)
        body = document(service, signal, first, sent_at)
        file = folder / f"{service}-{signal}-{first}"
        file.write_bytes(gzip.compress(body) if compression == "gzip" else body)
        encoding = ["--header", "Content-Encoding: gzip"] if compression == "gzip" else []
        command += ["--next"] if first else []
        command += ["--http2", "--header", "Content-Type: application/json", *encoding, "--data-binary", f"@{file}"]
        command += ["--write-out", "\\n%{http_code} %{num_connects}\\n"]
        command += [f"{os.environ['MATRIX_HTTP']}/v1/{signal}"]
    return command


def main() -> None:
    cases = os.environ["MATRIX_CASES"].split()
    with tempfile.TemporaryDirectory() as folder:
        commands = [transfers(Path(folder), case, signal) for case in cases for signal in SIGNALS]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
        answers = [process.communicate()[0].splitlines() for process in running]
    # Nothing was rejected, each opens one connection, and still has it after the pause.
    if wrong := [answer for answer in answers if answer != ["{}", "200 1", "{}", "200 0"]]:
        sys.exit(f"answers, statuses and new connections of both halves: {wrong}")
    print(json.dumps({case.split(",")[0]: 2 * COUNT for case in cases}))


main()
