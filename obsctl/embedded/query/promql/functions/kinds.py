"""The two shapes of a function."""

from __future__ import annotations

from collections.abc import Callable

from obsctl.embedded.query.promql.context import Given
from obsctl.embedded.query.vectors.values import Bools, Floats, Value, Windows

Plain = Callable[[Given], Value]
Ranged = Callable[[Given, Windows], tuple[Floats, Bools]]
"""Gives values and where there are any, both (S, T)."""
