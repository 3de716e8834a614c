#!/usr/bin/env python3
"""In Promtail's place: follows the files that a stack's `config.yaml` names, and sends their lines to Loki as it says.

It understands the few stages that obsctl renders (replace, json, timestamp, labels, structured metadata), and takes
them in that order.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import re2  # expressions of the configuration are Go's, and Python's own module reads some of them otherwise
import yaml
from follow import Plan, run

CONFIG = "-config.file="


def read_plan(config: dict[str, Any]) -> Plan:
    """The plan in a `config.yaml`."""
    (job,) = config["scrape_configs"]
    targets = {}
    for each in job["static_configs"]:
        labels = dict(each["labels"])
        targets[labels.pop("__path__")] = labels
    stages = [stage for each in job["pipeline_stages"] for stage in each.items()]
    return Plan(
        targets=targets,
        masks=tuple((re2.compile(s["expression"]), s["replace"]) for name, s in stages if name == "replace"),
        labels=tuple(field for name, s in stages if name == "labels" for field in s),
        metadata=tuple(field for name, s in stages if name == "structured_metadata" for field in s),
        url=config["clients"][0]["url"],
    )


def main() -> int:
    """Follow until SIGTERM."""
    (file,) = (each.removeprefix(CONFIG) for each in sys.argv if each.startswith(CONFIG))
    config = yaml.safe_load(Path(file).read_text())
    kept = Path(config["positions"]["filename"]).with_suffix(".json")
    return run(read_plan(config), kept, config["server"]["http_listen_port"])


if __name__ == "__main__":
    sys.exit(main())
