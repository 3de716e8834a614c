"""Presets: sets of images that work together, and what a stack is made of unless its spec says otherwise.

They are one data file, ``templates/stacks/presets.yaml``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from obsctl import assets
from obsctl.errors import UsageError
from obsctl.schema.findings import Findings, shown_path
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.scalars import FLAG, TEXT
from obsctl.schema.text import nearest, quoted
from obsctl.schema.types import ListOf, MapOf
from obsctl.spec.scalars import IMAGE, NAME
from obsctl.spec.yaml_source import read_record

FILE = "stacks/presets.yaml"


@record("a preset")
class Preset:
    """Images by product, and the answers to what a spec leaves open."""

    brief: str = key(TEXT, "What it is for.")
    metrics: str = key(NAME, "What stores metrics.")
    logs: str = key(NAME, "What stores log lines.")
    traces: str = key(NAME, "What stores traces.")
    shipper: str = key(NAME, "What follows log files.")
    alerting: bool = key(FLAG, "Whether there is an alert manager.")
    images: Mapping[str, str] = key(MapOf(IMAGE), "Product -> image.")
    name: str = ""


@record("the presets")
class _PresetsFile:
    options: Mapping[str, tuple[str, ...]] = key(MapOf(ListOf(NAME)), "Question -> the answers that a spec may give.")
    presets: Mapping[str, Preset] = key(MapOf(RecordType(Preset)), "Name -> preset.")


def _file() -> _PresetsFile:
    return _read(assets.templates() / FILE)


@functools.cache
def _read(path: Path) -> _PresetsFile:
    return read_record(path, RecordType(_PresetsFile), Findings(shown_path(path)))[0]


def preset_names() -> tuple[str, ...]:
    """The presets there are."""
    return tuple(_file().presets)


def product_names() -> tuple[str, ...]:
    """Every product that a preset has an image of."""
    return tuple(dict.fromkeys(name for preset in _file().presets.values() for name in preset.images))


def role_options() -> Mapping[str, tuple[str, ...]]:
    """What may fill a role, by the key of the spec that chooses it."""
    return _file().options


def load_preset(name: str) -> Preset:
    """The preset of that name. Raises UsageError."""
    preset = _file().presets.get(name)
    if preset is None:
        message = f"there is no preset {quoted(name)}{nearest(name, preset_names())}"
        raise UsageError(message, hint=f"Presets: {', '.join(preset_names())}.")
    return replace(preset, name=name)
