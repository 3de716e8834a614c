"""The tests on a real Docker engine, with all that they need: ``make e2e``.

    python -m tests.e2e                        # an engine, the images, the tests; then the engine is stopped
    python -m tests.e2e tests/e2e/docker -k up # these only

It uses the engine that ``OBSCTL_TEST_ENGINE`` names, or the tests' own where one runs (``python -m tests.e2e.engine``),
or else starts its own, which needs root and Debian's ``docker.io``. Images are made from package registries;
``--images official`` leaves them to a registry of images. Exit status: pytest's; 3 when the tests could not be run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from obsctl.errors import StartError
from obsctl.runtime.docker.engine import find_engine
from tests import required
from tests.e2e.engine import VARIABLE, Engine, EngineError, other_engine
from tests.e2e.images import build

TESTS = (
    ("tests/e2e/clients",),
    ("tests/e2e/test_strangers.py",),
    ("tests/e2e/docker", "tests/conformance/runtimes"),
)
"""What runs together. Chromium drops its connections when an engine adds or removes a network interface."""

IMAGES = "OBSCTL_E2E_IMAGES"
"""``local`` for images that are made here, ``official`` for those of a registry."""


@contextlib.contextmanager
def engine(*, any_engine: bool) -> Iterator[str]:
    """The URL of an engine. One that is started here is stopped again; what it keeps is there for the next time."""
    named = os.environ.get(VARIABLE) or (_of_the_machine() if any_engine else "")
    own = Engine()
    if named or own.answers():
        print(f"uses the engine at {named or own.url}, and leaves it running", flush=True)
        yield named or own.url
        return
    try:
        _start(own)
        yield own.url
    finally:
        own.stop()


def _of_the_machine() -> str:
    """Where an engine answers that is not the tests' own; "" where none runs here."""
    if Engine().pid or not other_engine():
        return ""
    try:
        return find_engine(os.environ, Path.home()).candidate.url
    except StartError as error:
        raise EngineError(error.message) from error


def _start(own: Engine) -> None:
    """Start it; with nothing of an earlier run where it does not start with that."""
    try:
        own.start()
    except EngineError as error:
        if not (own.home / "data").exists():
            raise
        print(f"{error}\nagain, without what an earlier run left in {own.home}", file=sys.stderr, flush=True)
        own.stop(wipe=True)
        own.start()
    print(f"started an engine at {own.url}", flush=True)


def run(url: str, images: str, arguments: Sequence[str]) -> int:
    """The images, then the tests; the exit status."""
    wanted = {*os.environ.get(required.VARIABLE, "").split(","), "engine"} - {""}
    env = {**os.environ, VARIABLE: url, "DOCKER_HOST": url, IMAGES: images, required.VARIABLE: ",".join(sorted(wanted))}
    command = [sys.executable, "-m"]
    if images == "local" and subprocess.run([*command, build.__name__], env=env, check=False).returncode:
        return 3
    del env["DOCKER_HOST"]  # each test says where it looks
    options = ("-n", "2", "--dist", "loadfile")
    rounds = (tuple(arguments),) if arguments else TESTS
    statuses = [
        subprocess.run([*command, "pytest", *options, *tests], env=env, check=False).returncode for tests in rounds
    ]
    if images == "local":
        print("what these images are, and what was done without:", flush=True)
        subprocess.run([*command, build.__name__, "--list"], env=env, check=False)
    return max(statuses)


def main() -> int:
    """Exit as pytest does; 3 when there is no engine."""
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m tests.e2e", description=summary, epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--any-engine", action="store_true", help="use whatever engine runs on this machine")
    parser.add_argument("--images", choices=("local", "official"), default=os.environ.get(IMAGES, "local"))
    options, arguments = parser.parse_known_args()
    # A shell that starts this in the background has it ignore Ctrl-C, and so would everything that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with engine(any_engine=options.any_engine) as url:
            return run(url, options.images, arguments)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
