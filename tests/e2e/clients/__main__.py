"""Runs the client matrix against an embedded stack, and writes ``docs/clients.md``: ``make clients``.

    python -m tests.e2e.clients              # every client; writes the page and its data file
    python -m tests.e2e.clients node curl    # only these; writes nothing
    python -m tests.e2e.clients --install    # only puts the clients, and the services of ../strangers, into the cache

Clients are kept in ``$OBSCTL_CACHE`` (``~/.cache/obsctl-e2e``). Exit status: 0 when everything that was sent arrived;
1 when not; 3 when a client's tools are not on this machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.clients.catalogue import Client, load
from tests.e2e.clients.install import installed
from tests.e2e.clients.page import data_of, record
from tests.e2e.clients.run import Result, run_all
from tests.e2e.clients.stack import running
from tests.e2e.images.sources import BuildError
from tests.e2e.strangers.catalogue import Stranger
from tests.e2e.strangers.catalogue import load as strangers


def main() -> int:
    """The exit status."""
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m tests.e2e.clients", description=summary, epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="clients (default: all)")
    parser.add_argument("--install", action="store_true", help="install, and send nothing")
    parser.add_argument("--port-offset", type=int, help="of the stack (default: a free one)")
    options = parser.parse_args()
    catalogue = load()
    if unknown := set(options.names) - {client.name for client in catalogue.clients}:
        parser.error(f"no client {', '.join(sorted(unknown))}")
    chosen = [client for client in catalogue.clients if not options.names or client.name in options.names]
    lacking = {client.name: client.lacks for client in chosen if client.lacks}
    if lacking:
        print("\n".join(f"{name} needs {', '.join(programs)}" for name, programs in lacking.items()), file=sys.stderr)
        return 3
    if options.install:
        return _install([*chosen, *(() if options.names else _services())])
    results = _run(chosen, options.port_offset)
    if not options.names:
        record(data_of(results, catalogue))
    return int(any(_faults(result) for result in results))


def _services() -> list[Stranger]:
    """Those that have to be installed, and can be: the tests name what the others lack."""
    return [stranger for stranger in strangers() if stranger.install and not stranger.missing]


def _install(clients: Sequence[Client | Stranger]) -> int:
    """Two at a time: some wait for a registry while others compile."""
    with ThreadPoolExecutor(2) as pool:
        return max(pool.map(_install_one, clients))


def _install_one(client: Client | Stranger) -> int:
    began = time.monotonic()
    try:
        print(f"{client.name}: {installed(client)} ({time.monotonic() - began:.0f} s)", flush=True)
    except BuildError as error:
        print(f"{client.name}: NOT INSTALLED: {error}", file=sys.stderr, flush=True)
        return 3
    return 0


def _run(clients: Sequence[Client], offset: int | None) -> list[Result]:
    results = []
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), offset) as stack:
        for result in run_all(clients, stack):
            results.append(result)
            state = "; ".join(_faults(result)) or f"{len(result.stored)} ways, everything arrived"
            print(f"{result.client.name} {result.version}: {state}; {result.connections} connections kept", flush=True)
    return results


def _faults(result: Result) -> list[str]:
    counted = [
        f"{case.protocol} {case.compression} {signal}: {count.fault}"
        for case, stored in result.stored.items()
        for signal, count in stored.counts.items()
        if count.fault
    ]
    return [result.fault, *counted] if result.fault else counted


if __name__ == "__main__":
    sys.exit(main())
