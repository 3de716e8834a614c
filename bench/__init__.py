"""Figures, as medians of several runs. Nothing here is asserted."""
