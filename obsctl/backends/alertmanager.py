"""Alertmanager: takes alerts from Prometheus, groups and silences them, and tells people."""

from __future__ import annotations

from obsctl.backends.base import Backend, ConfigVariant, Served
from obsctl.endpoints import Dialect, Role

ALERTMANAGER = Backend(
    name="alertmanager",
    exposes=("alertmanager_*",),
    purpose="Groups, silences and routes the alerts that fire.",
    serves=(Served(Role.ALERTS, Dialect.ALERTS, "alerts", "/-/ready"),),
    ports={"alerts": 9093},
    when={"alerting": "yes"},
    variants={
        "0.22": ConfigVariant(
            user="65534:65534",
            memory=128,
            command=(
                "--config.file=/etc/alertmanager/alertmanager.yml",
                "--storage.path=/alertmanager",
                "--web.external-url=@{alerts_url}",
                "--web.route-prefix=/",
                "--cluster.listen-address=",  # one instance: no gossip
            ),
            mounts={"": "/etc/alertmanager"},
            volumes={"alertmanager-data": "/alertmanager"},
            metrics=9093,
        ),
    },
)
