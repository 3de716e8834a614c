"""What ``init`` writes into a folder."""

from __future__ import annotations

from collections.abc import Mapping

from obsctl import assets


def init_files() -> Mapping[str, str]:
    """File name -> text. The contract is the sample's own file, so nothing is kept twice."""
    return {
        "obsctl.yaml": (assets.templates() / "stacks" / "init" / "obsctl.yaml").read_text(encoding="utf-8"),
        "contract.yaml": assets.sample_contract().read_text(encoding="utf-8"),
    }
