"""Property tests search anew on each run; where a change is judged (``CI``), the same search gives the same verdict.

Whole stacks come first: they take longest, mostly waiting, and the many short tests fill what they leave.

``--quick`` leaves only what is pure: no test that starts a program. Such a test, or a fixture of it, requests the
fixture ``starts_programs``; one that does not, fails under ``--quick``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("tests.e2e", "tests.conformance")  # what tests share says what it saw

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # started in the background of a shell: what is started here would inherit a deaf ear for Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

STARTS = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.system")
"""Audit events of the interpreter."""

QUICK = pytest.StashKey[list[str]]()
"""The test that runs now, as the only item; empty between tests."""

# An example that takes long on a busy machine is no fault of what is tested.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
settings.register_profile("judged", derandomize=True)
settings.register_profile("quick", max_examples=10)
if os.environ.get("CI"):
    settings.load_profile("judged")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out every test that starts a program")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[QUICK] = running = []
    if not config.getoption("quick"):
        return
    settings.load_profile("quick")

    def start_no_program(event: str, _arguments: tuple[object, ...]) -> None:
        if running and event in STARTS:
            raise RuntimeError(f"{running[0]} starts a program: it must request the fixture `starts_programs`")

    sys.addaudithook(start_no_program)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    running = item.config.stash[QUICK]
    running.append(item.nodeid)
    try:
        return (yield)
    finally:
        running.clear()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("quick"):
        left_out = [item for item in items if _starts_programs(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


def _starts_programs(item: pytest.Item) -> bool:
    return item.get_closest_marker("e2e") is not None or "starts_programs" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def starts_programs() -> None:
    """Requested by every test and fixture that starts a program: a server of its own, a product's validator."""
