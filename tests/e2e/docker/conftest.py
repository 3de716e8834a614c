"""The fixtures of these tests are in ``boxes``, where the conformance suite finds them, too."""

from tests.e2e.docker.boxes import engine, lab

__all__ = ["engine", "lab"]
