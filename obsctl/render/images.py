"""Which image a product gets, and which variant of its configuration fits it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from obsctl.backends import Backend, ConfigVariant
from obsctl.errors import SpecError
from obsctl.spec.presets import Preset
from obsctl.spec.stack import Choices

_HUB = ("docker.io/", "index.docker.io/")


def image_of(product: str, preset: Preset, choices: Choices) -> str:
    """The image as the spec wants it: its own word, or the preset's, taken from the mirror if there is one."""
    given = choices.images.get(product)
    return given or mirrored(preset.images[product], choices.registry)


def mirrored(image: str, registry: str) -> str:
    """An image of Docker Hub as a mirror has it (``redis:7`` is ``library/redis:7`` there); "" for no mirror."""
    if not registry:
        return image
    path = next((image.removeprefix(hub) for hub in _HUB if image.startswith(hub)), image)
    return f"{registry}/{path if '/' in path else f'library/{path}'}"


def variant_of(backend: Backend, preset: Preset, choices: Choices) -> tuple[str, ConfigVariant]:
    """The newest variant that is not newer than the image, with its version. Raises SpecError where there is none.

    A tag that says no version is taken for the preset's.
    """
    image = image_of(backend.key, preset, choices)
    version = version_of(image) or version_of(preset.images[backend.key])
    fitting = (first for first in backend.variants if _numbers(first) <= version)
    min_version = max(fitting, key=_numbers, default="")
    variant = backend.variants.get(min_version)
    if variant is None:
        message = f"containers.images.{backend.key}: obsctl has no configuration that fits {image}"
        raise SpecError(message, hint=f"It has some for {_spans(backend.variants)}.")
    return min_version, variant


def _spans(variants: Mapping[str, ConfigVariant | None]) -> str:
    """The versions that there are variants for, in words."""
    ordered = sorted(variants, key=_numbers)
    known = [(first, after) for first, after in zip(ordered, [*ordered[1:], ""], strict=True) if variants[first]]
    return ", ".join(f"{first} up to (not with) {after}" if after else f"{first} and newer" for first, after in known)


def version_of(image: str) -> tuple[int, ...]:
    """The numbers that an image's tag begins with, as in ``v3.14.0`` or ``9-alpine``; empty where it has none."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = re.match(r"v?(\d{1,6}(?:\.\d{1,6})*)", tag)
    return _numbers(found[1]) if found else ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
