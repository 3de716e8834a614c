"""Metrics of spans: rate, errors and duration by service and operation, and the graph of which service calls which."""
