"""A server for the conformance suite: python -m tests.conformance.runtimes.server <text> <port> <folder>."""

from __future__ import annotations

import os
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main() -> None:
    text, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(f"{text}\n", encoding="utf8")
    os.chdir(folder)
    print(text, flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), SimpleHTTPRequestHandler).serve_forever()


if __name__ == "__main__":
    main()
