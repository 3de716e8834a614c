"""Promtail: follows log files and sends their lines to Loki. End of life since March 2026."""

from __future__ import annotations

from obsctl.backends.base import Backend, ConfigVariant, Served
from obsctl.endpoints import Dialect, Role

PROMTAIL = Backend(
    name="promtail",
    exposes=("promtail_*",),
    purpose="Follows the services' log files and sends them to Loki.",
    serves=(Served(Role.SHIPPER, Dialect.HTTP, "shipper", "/ready"),),
    ports={"shipper": 9080},
    when={"shipper": "promtail"},
    after=(Role.LOGS,),
    variants={
        "2.9": ConfigVariant(
            # The image knows no other user; without capabilities this root reads what everybody may read.
            user="0:0",
            memory=128,
            command=("-config.file=/etc/promtail/config.yaml",),
            mounts={"": "/etc/promtail"},
            volumes={"promtail-data": "/run/promtail"},
            metrics=9080,
            reads_logs=True,
        ),
    },
)
