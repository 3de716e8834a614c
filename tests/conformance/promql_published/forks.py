"""Embedded servers at the price of a fork: the program is loaded once.

Reads paths of configuration files from standard input, starts a server for each as its command line does, and writes
its process id. When the input ends, so do all servers.
"""

from __future__ import annotations

import os
import signal
import sys

from obsctl.embedded import app  # noqa: F401 - what takes long to load
from obsctl.embedded.__main__ import main


def serve() -> None:
    """Until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who starts a server does not ask what became of it
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(main(["--config", line.strip()]))
        print(number, flush=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    serve()
