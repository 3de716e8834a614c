"""``up`` in a process of its own, as a command would run it.

python -m tests.e2e.docker.driver <folder> <stack> <port> [image]

Each event is a line on stdout. The exit status is the command's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from obsctl.errors import ObsctlError
from obsctl.events import Event
from obsctl.render.containers import Composition
from obsctl.runtime.docker.engine import find_engine
from tests.e2e.docker.boxes import Lab, slow, web
from tests.e2e.engine import VARIABLE


def tell(event: Event) -> None:
    print(event.kind, event.subject, event.detail, flush=True)


def up(lab: Lab, made: Composition) -> None:
    """As the verb does it: what was started is taken back when it is interrupted afterwards, too."""
    print("begun", flush=True)
    started = lab.runtime.apply(made, tell)
    try:
        print("done", *started, flush=True)
    except KeyboardInterrupt:
        lab.runtime.undo(started, tell)
        raise


def main() -> int:
    folder, stack, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    lab = Lab(find_engine({"DOCKER_HOST": os.environ[VARIABLE]}, folder), folder, stack=stack)
    image = {"image": sys.argv[4]} if len(sys.argv) > 4 else {}
    containers = (slow("db"), web("front", port, depends_on={"db": "service_healthy"}, **image))
    made = lab.write(*containers)
    try:
        with lab.runtime.state.lock("up", patience=30, waiting=lambda holder: print("waiting", holder, flush=True)):
            up(lab, made)
    except ObsctlError as error:
        print("error", error.message, flush=True)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
