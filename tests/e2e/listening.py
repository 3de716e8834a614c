"""``init --listen`` while a service is used: until enough was heard of it, and then Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable

from tests.e2e.conftest import Folder


def listened(
    folder: Folder,
    *arguments: str,
    seconds: int,
    enough: Callable[[str], bool],
    use: Callable[[], None],
    patience: float = 60,
) -> str:
    """What ``init`` writes to stdout. ``use`` is called again until its progress, a line for each more, is enough."""
    with folder.popen("init", *arguments, "--listen", str(seconds), "--port-offset", str(folder.offset)) as process:
        assert process.stderr
        assert f"listening for {seconds} s" in process.stderr.readline()
        heard = ""
        while not enough(heard):
            use()
            heard += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=patience)
    assert process.returncode == 0, err
    return str(out)
