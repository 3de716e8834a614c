"""The images that can be made here, each under the tag that a preset asks for, and those that cannot.

A recipe is one folder here with a Dockerfile, and one value below that says where the files come from. What an image is
not like the official one of that tag in, its ``differs`` says; the report of the end-to-end run repeats it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.images.sources import REPOSITORY, Collector, DebianRoot, GoPrograms, Source, Wheels

FOLDER = Path(__file__).resolve().parent
COLLECTOR = "0.159.0"
SEED_COLLECTOR = "0.98.0"
VICTORIAMETRICS = "1.151.0"  # later ones need a newer Go than Debian has
_VERSION = "github.com/prometheus/common/version.Version"


@dataclass(frozen=True)
class Recipe:
    """An image. ``product`` is its key in ``preset``, ``also`` folders and files that go in beside the recipe's.

    ``like`` names the recipe whose folder and files it takes, under another tag.
    """

    name: str
    product: str
    tag: str
    source: Source
    differs: str
    also: Mapping[str, Path] = field(default_factory=dict)
    preset: str = "current"
    like: str = ""

    @property
    def folder(self) -> Path:
        """Where its Dockerfile is."""
        return FOLDER / (self.like or self.name)


_FOLLOW = {"": FOLDER / "shipper"}
_LOKI = Recipe(
    "loki",
    "loki",
    "grafana/loki:3.7.6",
    Wheels(
        "3.13",
        (
            *("starlette", "uvicorn", "httptools", "uvloop", "grpcio", "protobuf", "opentelemetry-proto"),
            *("googleapis-common-protos", "numpy", "google-re2", "cramjam", "wsproto", "xxhash", "websockets"),
        ),
    ),
    "Not Loki: obsctl's embedded server, which speaks what obsctl uses of Loki's API and reads no Loki file.",
    also={
        f"obsctl/{part}": REPOSITORY / "obsctl" / part
        for part in ("__init__.py", "errors.py", "json_types.py", "access", "languages", "schema", "embedded")
    },
)


def _victoria(name: str, package: str, says: str, image: str) -> Recipe:
    return Recipe(
        name,
        name,
        f"{image}:v{VICTORIAMETRICS}",
        GoPrograms(
            "github.com/VictoriaMetrics/VictoriaMetrics",
            (f"v{VICTORIAMETRICS}",),
            {f"{package}-prod": f"app/{package}"},
            stamp={"github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version": f"{package}-v{VICTORIAMETRICS}"},
        ),
        says,
    )


_VICTORIA = (
    _victoria("victoriametrics", "victoria-metrics", "No shell.", "victoriametrics/victoria-metrics"),
    _victoria("vmalert", "vmalert", "No shell.", "victoriametrics/vmalert"),
)

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        "valkey",
        "redis",
        "valkey/valkey:9.0.4-alpine3.23",
        DebianRoot("forky", ("valkey-server", "valkey-tools")),
        "Debian's build, of the newest 9 that it has, on Debian rather than Alpine.",
    ),
    Recipe(
        "postgres",
        "postgres",
        "postgres:18.4",
        DebianRoot("forky", ("postgresql-18",)),
        "Debian's build, of the newest 18 that it has; the entry point knows the variables of the stack only.",
    ),
    Recipe(
        "python",
        "python",
        "python:3.13-slim",
        DebianRoot(
            "trixie", ("python3", "python3-venv", "python3-pip", "passwd", "apt", "ca-certificates"), certificates=True
        ),
        "Debian's Python 3.13, as /usr/local/bin/python, with the certificates of the machine it was made on.",
    ),
    _LOKI,
    dataclasses.replace(_LOKI, name="seed-loki", tag="grafana/loki:2.9.4", preset="seed", like="loki"),
    Recipe(
        "alloy",
        "alloy",
        "grafana/alloy:v1.18.1",
        Wheels("3.13", ("google-re2",)),
        "Not Alloy: a program that follows the configured files, and knows those stages only that obsctl renders.",
        also=_FOLLOW,
    ),
    Recipe(
        "promtail",
        "promtail",
        "grafana/promtail:2.9.4",
        Wheels("3.13", ("google-re2", "pyyaml")),
        "Not Promtail: a program that follows the configured files, and knows those stages only that obsctl renders.",
        also=_FOLLOW,
        preset="seed",
    ),
    Recipe(
        "qdrant",
        "qdrant",
        "qdrant/qdrant:v1.18.2-unprivileged",
        Wheels("3.13", ("qdrant-client",)),
        "Not Qdrant: its client library's local mode, behind those paths of the server's API that the sample uses.",
    ),
    Recipe(
        "alertmanager",
        "alertmanager",
        "prom/alertmanager:v0.34.0",
        GoPrograms(
            "github.com/prometheus/alertmanager",
            ("v0.34.0",),
            {"alertmanager": "cmd/alertmanager", "amtool": "cmd/amtool"},
            stubs={"ui/app/dist/index.html": "<!doctype html><title>Alertmanager</title>No pages in this build.\n"},
            stamp={_VERSION: "0.34.0"},
        ),
        "No shell; no web pages, which are not in its Go module.",
    ),
    Recipe(
        "prometheus",
        "prometheus",
        "prom/prometheus:v3.14.0",
        GoPrograms(
            "github.com/prometheus/prometheus",
            ("v0.314.0",),  # how Go calls 3.14.0
            {"prometheus": "cmd/prometheus", "promtool": "cmd/promtool"},
            tags=("remove_all_sd",),  # the service discoveries of a dozen clouds: three times the build
            stamp={_VERSION: "3.14.0"},
        ),
        "No shell; no web pages, which are not in its Go module; no service discovery but files and HTTP.",
    ),
    *_VICTORIA,
    Recipe(
        "collector",
        "collector",
        f"otel/opentelemetry-collector-contrib:{COLLECTOR}",
        Collector(FOLDER / "collector" / "manifest.yaml", f"v{COLLECTOR}", "otelcol-contrib"),
        "Only the components that the stack's configuration uses and a few more.",
    ),
    Recipe(
        "jaeger",
        "jaeger",
        "jaegertracing/jaeger:2.20.0",
        GoPrograms(
            "github.com/jaegertracing/jaeger",
            # 2.20.0's tag does not match the module's path, so its commit is asked for; 1.76.0 is the same source as
            # 2.13.0, and holds the same program.
            ("v1.76.1-0.20260720033334-798e4b0fcf22", "v1.76.0"),
            {"jaeger-linux": "cmd/jaeger"},
        ),
        "2.13.0 where the proxy does not serve 2.20.0; no shell; a placeholder for the web pages.",
    ),
    Recipe(
        "seed-prometheus",
        "prometheus",
        "prom/prometheus:v2.53.0",
        DebianRoot("trixie", ("prometheus",), programs=("/usr/bin/promtool",)),
        "Debian's build, of the newest 2.53 that it has, on Debian.",
        also={"prometheus.yml": FOLDER / "prometheus" / "prometheus.yml"},
        preset="seed",
    ),
    Recipe(
        "seed-collector",
        "collector",
        f"otel/opentelemetry-collector:{SEED_COLLECTOR}",
        # By the oldest builder that is served; the modules are those of the tag.
        Collector(FOLDER / "seed-collector" / "manifest.yaml", "v0.101.0", "otelcol"),
        "Only the components that the stack's configuration uses.",
        preset="seed",
    ),
    Recipe(
        "seed-jaeger",
        "jaeger",
        "jaegertracing/all-in-one:1.57",
        GoPrograms("github.com/jaegertracing/jaeger", ("v1.76.0",), {"all-in-one-linux": "cmd/all-in-one"}),
        "1.76.0, the last Jaeger 1, most of which is compiled for the other one already; no shell; no web pages.",
        preset="seed",
    ),
)
"""In the order in which they are made: the quick ones first, and a base before what stands on it."""

UNAVAILABLE: Mapping[str, str] = {
    "promtail": "no package; the shipper is Alloy's stand-in",
    "tempo": "no package; traces go to Jaeger",
    "victoriatraces": "not on the Go module proxy; traces go to Jaeger",
    "grafana": "no package; left out",
}
"""Products of the `current` preset that no package registry has, and what the end-to-end run does without them."""
