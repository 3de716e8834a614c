"""What one scrape may bring: limits on samples and labels, in Prometheus' words when one is exceeded."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from obsctl.embedded.config import ScrapeOptions
from obsctl.embedded.prometheus.exposition import Scraped
from obsctl.embedded.prometheus.label_limits import label_fault
from obsctl.languages.labels import Labels


def exceeded(found: Mapping[Labels, Scraped], known: Collection[Labels], rules: ScrapeOptions) -> str:
    """Which limit a scrape exceeds; empty when none. Labels of ``known`` series were looked at before."""
    if rules.sample_limit and len(found) > rules.sample_limit:
        return "sample limit exceeded"
    faults = (_fault(labels, rules) or label_fault((), labels) for labels in found if labels not in known)
    return next(filter(None, faults), "")


def _fault(labels: Labels, rules: ScrapeOptions) -> str:
    metric = json.dumps(dict(labels).get("__name__", ""), ensure_ascii=False)
    most, longest_name, longest_value = rules.label_limit, rules.label_name_length_limit, rules.label_value_length_limit
    if most and len(labels) > most:
        return f"label_limit exceeded (metric: {metric}, number of labels: {len(labels)}, limit: {most})"
    for name, value in labels:
        size, length = len(name.encode()), len(value.encode())
        if longest_name and size > longest_name:
            about = f"metric: {metric}, label name: {name[:200]}, length: {size}, limit: {longest_name}"
            return f"label_name_length_limit exceeded ({about})"
        if longest_value and length > longest_value:
            shown = json.dumps(value[:200], ensure_ascii=False)
            about = f"metric: {metric}, label name: {name}, value: {shown}, length: {length}, limit: {longest_value}"
            return f"label_value_length_limit exceeded ({about})"
    return ""
