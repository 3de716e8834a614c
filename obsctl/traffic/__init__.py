"""Drives requests whose telemetry can be recognised: each with its own trace context and request id."""
