"""Functions by name. A plain function gets evaluated arguments; a ranged one also the windows of its range vector."""

from __future__ import annotations

from collections.abc import Mapping

from obsctl.embedded.query.promql.context import Plain, Ranged
from obsctl.embedded.query.promql.functions import (
    dates,
    histograms,
    labelling,
    maths,
    over_time,
    rates,
    regression,
    vectors,
)

PLAIN: Mapping[str, Plain] = {
    **maths.FUNCTIONS,
    **dates.FUNCTIONS,
    **vectors.FUNCTIONS,
    **labelling.FUNCTIONS,
    **histograms.FUNCTIONS,
}
RANGED: Mapping[str, Ranged] = {**over_time.FUNCTIONS, **rates.FUNCTIONS, **regression.FUNCTIONS}

KEEP_NAME = frozenset(("last_over_time", "first_over_time"))
"""Ranged functions whose results are samples of the series: they keep the metric name."""
