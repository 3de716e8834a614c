"""VictoriaMetrics: scrapes and stores metrics and answers PromQL; vmalert beside it evaluates the rules.

From 1.137 on it keeps types and help of metrics, without which nobody can tell a counter from a gauge.
"""

from __future__ import annotations

from obsctl.backends.base import Accepted, Backend, ConfigVariant, Served, WriteProtocol
from obsctl.endpoints import Dialect, Feature, Role

_WHEN = {"metrics": "victoriametrics"}

VICTORIAMETRICS = Backend(
    name="victoriametrics",
    exposes=("vm_*",),
    purpose="Scrapes and stores metrics, answers PromQL.",
    serves=(
        Served(
            Role.METRICS,
            Dialect.PROMQL,
            "prometheus",
            "/api/v1/rules",  # answered by vmalert through its proxy: 200 says that both of them are up
            without=(Feature.EXEMPLARS,),
            lag=2.2,  # it makes rows searchable every 2 s, and vmalert writes every 200 ms
        ),
    ),
    accepts=(Accepted(Role.METRICS, WriteProtocol.REMOTE_WRITE, 8428, "/api/v1/write"),),
    scrapes=True,
    ports={"prometheus": 8428},
    when=_WHEN,
    variants={
        "1.137": ConfigVariant(
            user="65534:65534",
            memory=512,
            command=(
                "-promscrape.config=/etc/victoriametrics/scrape.yml",
                "-storageDataPath=/var/tmp/victoria-metrics",
                "-retentionPeriod=@{retention_hours}h",
                "-search.latencyOffset=0s",  # what is stored is found at once, not after half a minute
                # A name asked for too early stays unknown for 10 s otherwise, at each link of a chain of rules.
                "-storage.cacheSizeIndexDBTagFilters=1",
                "-vmalert.proxyURL=http://vmalert:8880",  # rules and alerts, where Prometheus has them
            ),
            mounts={"": "/etc/victoriametrics"},
            # The image has no folder of its own for data; this one of Alpine's is open to every user.
            volumes={"victoriametrics-data": "/var/tmp"},  # noqa: S108 - inside a container
            metrics=8428,
            scrape_headers="lines",
        ),
    },
)

_STORE = "http://victoriametrics:8428"

VMALERT = Backend(
    name="vmalert",
    exposes=("vmalert_*",),
    purpose="Evaluates rules, writes their results back and sends alerts.",
    evaluates_rules=True,
    when=_WHEN,
    after=(Role.METRICS, Role.ALERTS),
    variants={
        "1.137": ConfigVariant(
            user="65534:65534",
            memory=128,
            command=(
                "-rule=/etc/vmalert/rules/*.yml",
                f"-datasource.url={_STORE}",
                f"-remoteWrite.url={_STORE}",
                "-remoteWrite.flushInterval=200ms",  # rules read what other rules wrote
                f"-remoteRead.url={_STORE}",  # waits that go on after a restart
                "-notifier.config=/etc/vmalert/notifiers.yml",
                "-evaluationInterval=@{scrape_interval}",
                "-rule.evalDelay=0s",  # half a minute otherwise
                "-external.url=@{metrics_url}",
            ),
            mounts={"": "/etc/vmalert"},
            metrics=8880,
        ),
    },
)
