"""The messages of remote write 1.0 (``prometheus.WriteRequest``), built from a table: nothing is generated.

Source: Prometheus' remote write specification 1.0, "Protocol". Where a field says ``bytes`` and the specification has a
message, the two look the same on the wire; it is left packed because the same labels come again with every request,
and are looked up as they are.
"""

from __future__ import annotations

from typing import Any

from obsctl.embedded.http.proto_table import Table, messages

_MESSAGES: Table = {
    "Label": ((1, "name", "string"), (2, "value", "string")),
    "Sample": ((1, "value", "double"), (2, "timestamp", "int64")),
    "Exemplar": ((1, "labels", "*Label"), (2, "value", "double"), (3, "timestamp", "int64")),
    "TimeSeries": (
        *((1, "labels", "*bytes"), (2, "samples", "*Sample")),
        *((3, "exemplars", "*Exemplar"), (4, "histograms", "*bytes")),
    ),
    "MetricMetadata": (
        *((1, "type", "int32"), (2, "metric_family_name", "string")),
        *((4, "help", "string"), (5, "unit", "string")),
    ),
    "WriteRequest": ((1, "timeseries", "*TimeSeries"), (3, "metadata", "*MetricMetadata")),
}

METRIC_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
"""``MetricMetadata.MetricType`` by number."""


_CLASSES = messages("obsctl.remote_write", _MESSAGES)
WriteRequest: Any = _CLASSES["WriteRequest"]
Label: Any = _CLASSES["Label"]
