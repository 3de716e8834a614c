"""A fuzz campaign over every receiver and query endpoint of the embedded server: ``python -m tests.fuzz --help``."""
