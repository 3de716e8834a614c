"""The format of a page is told by its Content-Type, as Prometheus tells it."""

from __future__ import annotations

import pytest

from obsctl.languages.exposition_lines import ExpositionError, page_is_openmetrics


@pytest.mark.parametrize(
    ("header", "openmetrics"),
    [
        ("text/plain; version=0.0.4; charset=utf-8", False),
        ("text/plain", False),
        ("application/openmetrics-text; version=1.0.0", True),
        ("Application/OpenMetrics-Text", True),
    ],
)
def test_a_page_of_prometheus(header: str, openmetrics: bool) -> None:
    assert page_is_openmetrics(header) == openmetrics


@pytest.mark.parametrize("header", ["", "text/html", "application/json", "text/plain2"])
def test_any_other_page_is_refused(header: str) -> None:
    with pytest.raises(ExpositionError, match="Content-Type"):
        page_is_openmetrics(header)
