"""Scrape targets as ``/api/v1/targets`` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from obsctl.embedded.records import TargetStatus
from obsctl.languages.units import format_prom_duration, format_rfc3339


def targets_data(targets: Sequence[TargetStatus], state: str, pool: str) -> dict[str, Any]:
    """``data``: targets of a scrape pool ("" is all), when ``state`` asks for active ones. Nothing is ever dropped."""
    shown = [_target(t) for t in targets if pool in ("", t.job)] if state in ("any", "active") else []
    counts = None if state == "active" else {t.job: 0 for t in targets}
    return {"activeTargets": shown, "droppedTargets": [], "droppedTargetCounts": counts}


def _target(target: TargetStatus) -> dict[str, Any]:
    url = urlsplit(target.url)
    interval, timeout = (format_prom_duration(round(s * 1000)) for s in (target.interval, target.timeout))
    return {
        "discoveredLabels": {
            "__address__": url.netloc,
            "__metrics_path__": url.path or "/",
            "__scheme__": url.scheme,
            "__scrape_interval__": interval,
            "__scrape_timeout__": timeout,
            "job": target.job,
        },
        "labels": {"instance": url.netloc, "job": target.job} | dict(target.labels),
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": target.last_error,
        "lastScrape": format_rfc3339(target.last_scrape),
        "lastScrapeDuration": target.last_duration,
        "health": target.health,
        "scrapeInterval": interval,
        "scrapeTimeout": timeout,
    }
