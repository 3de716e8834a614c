"""``python -m tests.conformance.promql_published``: see ``run``. Exit 0; 1 when one fails; 3 without scripts."""

from __future__ import annotations

import argparse
import sys
import time

from tests.conformance.promql_published import run, servers

FEATURES = (
    "promql-experimental-functions", "promql-delayed-name-removal", "promql-extended-range-selectors",
    "promql-binop-fill-modifiers",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.promql_published", description=run.__doc__)
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help="names without .test (default: all)")
    parser.add_argument("--prometheus", action="store_true", help="ask the real Prometheus")
    parser.add_argument("--features", default="promql-experimental-functions", help="of the real one; 'all' for all")
    options = parser.parse_args()
    texts = {n: text for n, text in run.scripts(download=True).items() if n in (options.scripts or [n])}
    if not texts:
        sys.stderr.write("no scripts: they are in Go's module cache, of github.com/prometheus/prometheus\n")
        return 3
    features = FEATURES if options.features == "all" else options.features.split(",")
    began = time.monotonic()
    with servers.prometheus(*features) if options.prometheus else servers.embedded() as server:
        outcomes = run.run(server, texts)
    for outcome in outcomes:
        if outcome.failed:
            print(f"{outcome.script}.test:{outcome.line}: {outcome.expr}\n    {outcome.failed}")
    print(run.table(outcomes))
    print(f"{time.monotonic() - began:.1f} s")
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
