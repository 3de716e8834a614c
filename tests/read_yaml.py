"""YAML for tests that read much of it: libyaml's parser, which gives the same values ten times as fast."""

from __future__ import annotations

from typing import Any

import yaml


def read_yaml(text: str) -> Any:
    """The document, as ``yaml.safe_load`` gives it."""
    return yaml.load(text, Loader=yaml.CSafeLoader)
