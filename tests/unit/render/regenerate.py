"""Write the golden files anew: ``python -m tests.unit.render.regenerate``. Look at the diff before it is committed."""

from __future__ import annotations

from obsctl.spec.presets import preset_names
from tests.unit.render.stacks import (
    GOLDEN,
    alternative_files,
    alternatives,
    default_stack,
    files,
    golden_folder,
    rendered,
    write_golden,
)

if __name__ == "__main__":
    for preset in preset_names():
        write_golden(GOLDEN / preset, files(rendered(default_stack(preset=preset))))
    for option, choice in alternatives():
        write_golden(golden_folder(option, choice), alternative_files(option, choice))
