"""Loki: stores log lines and answers LogQL."""

from __future__ import annotations

from obsctl.backends.base import Backend, Edition, Served
from obsctl.endpoints import Dialect, Role


def _edition() -> Edition:
    return Edition(
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
    ports={"loki": 3100},
    editions={"2.9": _edition(), "3.0": _edition()},
)
