"""obsctl: from nothing to verified observability in one command."""

__version__ = "0.1.0"
