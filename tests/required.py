"""What a run of the tests must have.

A developer's machine may do without an engine or a product's own binary; a run that is meant to have it, and says so
in ``OBSCTL_REQUIRE``, must not pass without a look.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

VARIABLE = "OBSCTL_REQUIRE"
"""Comma-separated: ``validators`` (promtool, amtool, otelcol-contrib, docker-compose), ``prometheus`` (3.x), ``jaeger``
(2.x), ``victoriametrics`` (vmalert, too), ``engine`` (Docker, and what its tests need), ``clients`` (the tools of every
client of the matrix), ``chromium``."""


def missing(what: str, reason: str) -> NoReturn:
    """Skip with the reason; fail where ``what`` is required."""
    if what in os.environ.get(VARIABLE, "").split(","):
        pytest.fail(f"{reason} ({VARIABLE} asks for {what})")
    pytest.skip(reason)
