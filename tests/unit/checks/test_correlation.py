from __future__ import annotations

from dataclasses import replace

import pytest

from obsctl.checks.base import CheckStatus
from obsctl.checks.correlation_exemplar import CorrelationExemplar
from obsctl.endpoints import Dialect, Endpoint, Endpoints, Feature, Role
from tests.unit.checks.world import healthy


@pytest.mark.parametrize(("without", "status"), [((), CheckStatus.PASS), ((Feature.EXEMPLARS,), CheckStatus.SKIP)])
def test_exemplars_are_not_looked_for_where_the_backend_keeps_none(
    without: tuple[Feature, ...], status: CheckStatus
) -> None:
    metrics = Endpoint("metrics", Role.METRICS, "http://127.0.0.1:1", Dialect.PROMQL, without=without)
    context = replace(healthy().context(1.0), endpoints=Endpoints((metrics,)))
    assert CorrelationExemplar().run(context).status is status
