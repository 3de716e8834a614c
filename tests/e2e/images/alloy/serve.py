#!/usr/bin/env python3
"""In Alloy's place: follows the files that a stack's `config.alloy` names, and sends their lines to Loki as it says.

It understands the few stages that obsctl renders (replace, json, timestamp, labels, structured metadata), and takes
them in that order.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import re2  # expressions of the configuration are Go's, and Python's own module reads some of them otherwise
from follow import Plan, run

PORT = 12345
POSITIONS = Path("/var/lib/alloy/data/positions.json")
_TEXT = r'"(?:[^"\\]|\\.)*"'
_SETTING = re.compile(rf"(\w+)\s*=\s*({_TEXT})")


def read_plan(text: str) -> Plan:
    """The plan in the text of a `config.alloy`."""
    targets = {}
    for block in re.findall(r"\{([^{}]*__path__[^{}]*)\}", text):
        settings = _settings(block)
        targets[settings.pop("__path__")] = settings
    replaced = [_settings(block) for block in re.findall(r"stage\.replace \{(.*?)\n\s*\}", text, re.DOTALL)]
    return Plan(
        targets=targets,
        masks=tuple((re2.compile(each["expression"]), each["replace"]) for each in replaced),
        labels=_names("labels", text),
        metadata=_names("structured_metadata", text),
        url=_settings(text)["url"],
        raw=_raw(text),
    )


def _raw(text: str) -> tuple[int, dict[str, str]] | None:
    """The port of `loki.source.api`, and the labels that it gives to lines."""
    pattern = r"loki\.source\.api .*?listen_port\s*=\s*(\d+).*?labels\s*=\s*\{(.*?)\}"
    found = re.search(pattern, text, re.DOTALL)
    return (int(found[1]), _settings(found[2])) if found else None


def _settings(block: str) -> dict[str, str]:
    return {name: json.loads(value) for name, value in _SETTING.findall(block)}


def _names(stage: str, text: str) -> tuple[str, ...]:
    found = re.search(rf"stage\.{stage} \{{\s*values = \{{(.*?)\}}", text, re.DOTALL)
    return tuple(_settings(found[1])) if found else ()


if __name__ == "__main__":
    sys.exit(run(read_plan(Path(sys.argv[-1]).read_text()), POSITIONS, PORT))
