"""Loki: stores log lines and answers LogQL."""

from __future__ import annotations

from obsctl.backends.base import Accepted, Backend, ConfigVariant, Served, WriteProtocol
from obsctl.endpoints import Dialect, Role


def _variant() -> ConfigVariant:
    return ConfigVariant(
        user="10001:10001",  # from 3.6 on the image has no shell, so readiness is asked from outside
        memory=512,
        command=("-config.file=/etc/loki/config.yaml",),
        mounts={"": "/etc/loki"},
        volumes={"loki-data": "/loki"},
        metrics=3100,
    )


LOKI = Backend(
    name="loki",
    exposes=("loki_*",),
    purpose="Stores log lines, answers LogQL.",
    serves=(Served(Role.LOGS, Dialect.LOGQL, "loki", "/ready"),),
    accepts=(
        Accepted(Role.LOGS, WriteProtocol.LOKI_PUSH, 3100, "/loki/api/v1/push"),
        Accepted(Role.LOGS, WriteProtocol.OTLP_HTTP, 3100, "/otlp"),  # from 3.0 on
    ),
    ports={"loki": 3100},
    when={"logs": "loki"},
    variants={"2.9": _variant(), "3.0": _variant()},
)
