"""Presets: sets of images that work together, and what a stack is made of unless its spec says otherwise.

They are one data file, ``templates/stacks/presets.yaml``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from obsctl import assets
from obsctl.errors import UsageError
from obsctl.spec.contract_load import read_record
from obsctl.spec.findings import Findings, shown_path
from obsctl.spec.kinds import Key, ListOf, MapOf, Parsed, Record
from obsctl.spec.leaves import FLAG, IMAGE, NAME, TEXT
from obsctl.spec.words import nearest, quoted

FILE = "stacks/presets.yaml"

_PRESET = Record(
    "a preset",
    (
        Key("brief", TEXT, "What it is for.", required=True),
        Key("metrics", NAME, "What stores metrics.", required=True),
        Key("logs", NAME, "What stores log lines.", required=True),
        Key("traces", NAME, "What stores traces.", required=True),
        Key("shipper", NAME, "What follows log files.", required=True),
        Key("alerting", FLAG, "Whether there is an alert manager.", required=True),
        Key("images", MapOf(IMAGE), "Product -> image.", required=True),
    ),
)
_PRESETS = Record(
    "the presets",
    (
        Key("options", MapOf(ListOf(NAME)), "Question -> the answers that a spec may give.", required=True),
        Key("presets", MapOf(_PRESET), "Name -> preset.", required=True),
    ),
)


@dataclass(frozen=True)
class Preset:
    """Images by product, and the answers to what a spec leaves open."""

    name: str
    brief: str
    metrics: str
    logs: str
    traces: str
    shipper: str
    alerting: bool
    images: Mapping[str, str]


@functools.cache
def _file() -> Parsed:
    path = assets.templates() / FILE
    return read_record(path, _PRESETS, Findings(shown_path(path)))


def preset_names() -> tuple[str, ...]:
    """The presets there are."""
    return tuple(_file()["presets"])


def product_names() -> tuple[str, ...]:
    """Every product that a preset has an image of."""
    return tuple(dict.fromkeys(name for preset in _file()["presets"].values() for name in preset["images"]))


def role_options() -> Mapping[str, tuple[str, ...]]:
    """What may fill a role, by the key of the spec that chooses it."""
    options: Mapping[str, tuple[str, ...]] = _file()["options"]
    return options


def load_preset(name: str) -> Preset:
    """The preset of that name. Raises UsageError."""
    found: Parsed | None = _file()["presets"].get(name)
    if found is None:
        message = f"there is no preset {quoted(name)}{nearest(name, preset_names())}"
        raise UsageError(message, hint=f"Presets: {', '.join(preset_names())}.")
    return Preset(name, **found.values)
