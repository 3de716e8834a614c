"""The preset `seed`, the versions of the guidance, on a real engine: what it renders for them is what they understand.

Real: collector 0.98.0, Prometheus 2.53, Jaeger 1, PostgreSQL, Valkey. With images made here, Loki, Promtail and Qdrant
are stand-ins, and Grafana is left out; ``tests/e2e/images`` says what is made of what.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from obsctl.runtime.docker.connection import Engine
from obsctl.spec.presets import load_preset
from tests.e2e.docker.stacks import OFFICIAL, Stack, brought_up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
GUIDANCE = ("collector", "prometheus", "loki", "promtail", "jaeger", *(["grafana"] if OFFICIAL else []))
OTHERS = ("postgres", "redis", "qdrant", "python")
"""What the sample needs besides. With images made here, these are the ones of the other preset."""


@pytest.fixture(scope="module")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    images = load_preset("current").images
    borrowed = "" if OFFICIAL else ", ".join(f"{name}: '{images[name]}'" for name in OTHERS)
    more = f", preset: seed, images: {{{borrowed}}}"
    with brought_up(engine, tmp_path_factory.mktemp("seed"), "seed", more) as made:
        yield made


def test_it_is_made_of_the_images_of_the_guidance(stack: Stack) -> None:
    images = load_preset("seed").images
    assert {images[product] for product in GUIDANCE} <= {c["Image"] for c in stack.seen("containers")}
    assert {c["State"] for c in stack.seen("containers")} == {"running"}


def test_every_check_passes(stack: Stack) -> None:
    proven = {"metrics.exact", "traces.complete", "logs.fields", "correlation.exemplar", "privacy.canary"}
    checks = stack.passed()
    assert {checks[name]["status"] for name in proven} == {"pass"}


def test_one_request_is_seen_across_all_of_it(stack: Stack) -> None:
    trace = stack.run("trace", "last", "--json").data
    assert {"api", "worker", "ai"} <= {span["service"] for span in trace["spans"]}
    assert trace["counts"]["orphans"] == 0


def test_up_again_does_nothing(stack: Stack) -> None:
    before = stack.ids()
    assert stack.run("up", "--json").data["started"] == []
    assert stack.ids() == before
