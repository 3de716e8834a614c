"""Write the golden files anew: ``python -m tests.unit.render.regenerate``. Look at the diff before it is committed."""

from __future__ import annotations

from tests.unit.render.stacks import alternative_files, alternatives, golden_folder, preset_files, write_golden

if __name__ == "__main__":
    for folder, texts in preset_files().items():
        write_golden(folder, texts)
    for option, choice in alternatives():
        write_golden(golden_folder(option, choice), alternative_files(option, choice))
