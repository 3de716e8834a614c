"""Alloy: follows log files and sends their lines to Loki."""

from __future__ import annotations

from obsctl.backends.base import Accepted, Backend, ConfigVariant, Served, WriteProtocol
from obsctl.endpoints import Dialect, Role

ALLOY = Backend(
    name="alloy",
    exposes=("alloy_*",),
    purpose="Follows the services' log files and sends them to Loki.",
    serves=(Served(Role.SHIPPER, Dialect.HTTP, "shipper", "/-/ready"),),
    ports={"shipper": 12345},
    when={"shipper": "alloy"},
    accepts=(Accepted(Role.LOGS, WriteProtocol.RAW_LINES, 3500, "/loki/api/v1/raw"),),
    after=(Role.LOGS,),
    variants={
        "1.0": ConfigVariant(
            user="473:473",  # the image has this user, but would start as root
            memory=256,
            command=(
                "run",
                "--server.http.listen-addr=0.0.0.0:12345",  # the default is loopback, which nobody outside reaches
                "--storage.path=/var/lib/alloy/data",
                "--disable-reporting",
                "/etc/alloy/config.alloy",
            ),
            mounts={"": "/etc/alloy"},
            volumes={"alloy-data": "/var/lib/alloy/data"},
            metrics=12345,
            reads_logs=True,
        ),
    },
)
