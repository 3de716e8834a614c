"""Decoded JSON as a type, and strict access to its parts. Every accessor raises TypeError for another shape.

Callers write ``mapping(value or {})`` where null means "nothing".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

Json: TypeAlias = Union[bool, int, float, str, Sequence["Json"], Mapping[str, "Json"], None]  # noqa: UP007
JsonObject: TypeAlias = Mapping[str, Json]


def mapping(value: Json) -> JsonObject:
    """A JSON object."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {_name(value)}")
    return value


def items(value: Json) -> Sequence[Json]:
    """The items of a JSON array."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"expected an array, not {_name(value)}")
    return value


def string(value: Json) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise TypeError(f"expected a string, not {_name(value)}")
    return value


def integer(value: Json) -> int:
    """A whole number, also one that is written as a string: JSON numbers lose precision beyond 2^53."""
    if not isinstance(value, int | float | str):
        raise TypeError(f"expected a whole number, not {_name(value)}")
    return int(value)


def number(value: Json) -> float:
    """A number, also one that is written as a string, as JSON has no NaN."""
    if not isinstance(value, int | float | str):
        raise TypeError(f"expected a number, not {_name(value)}")
    return float(value)


def strings(value: Json) -> dict[str, str]:
    """A JSON object whose values are texts, as label sets are."""
    return {key: str(item) for key, item in mapping(value).items()}


def _name(value: Json) -> str:
    return "null" if value is None else type(value).__name__
