"""``python -m tests.fuzz --inputs 1000000``: the long run. Exit 1 where it found something."""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.campaign import PARTS, campaign, summary
from tests.fuzz.sockets import send_all

EVERYTHING = {**PARTS, "sockets": (0.03, send_all)}


def main() -> int:
    """Run the campaign, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many in all")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed gives the same inputs")
    parser.add_argument("--only", choices=EVERYTHING, help="one part")
    options = parser.parse_args()
    chosen = {options.only: EVERYTHING[options.only]} if options.only else EVERYTHING
    began = time.monotonic()
    findings = campaign(options.seed, options.inputs, chosen)
    print(*summary(findings), f"seed {options.seed}, {time.monotonic() - began:.0f} s", sep="\n")
    return 1 if findings.kinds else 0


if __name__ == "__main__":
    sys.exit(main())
