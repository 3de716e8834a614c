"""A service of gRPC, with OpenTelemetry by hand, for tests that call it."""
