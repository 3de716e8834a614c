"""Sends probe requests: each has its own trace context and request id, by which its telemetry is found."""
