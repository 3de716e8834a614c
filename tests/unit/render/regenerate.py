"""Write the golden files anew: ``python -m tests.unit.render.regenerate``. Look at the diff before it is committed."""

from __future__ import annotations

import shutil

from obsctl.spec.presets import preset_names
from tests.unit.render.stacks import GOLDEN, default_stack, files, rendered

if __name__ == "__main__":
    for preset in preset_names():
        shutil.rmtree(GOLDEN / preset, ignore_errors=True)
        for path, text in files(rendered(default_stack(preset=preset))).items():
            target = GOLDEN / preset / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
