"""A bad spec on the command line: the sentence, exit 2, no traceback, nothing started."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Folder

pytestmark = pytest.mark.e2e

CASES = {
    "unknown key": ("version: 1\nprots: {api: 1}\n", 'unknown key "prots"'),
    "wrong type": ("version: 1\nports: 8000\n", "obsctl.yaml:2"),
    "not YAML": ("version: [1\n", "obsctl.yaml:"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("verb", ["up", "verify", "doctor"])
def test_a_bad_spec_is_a_sentence(folder: Folder, case: str, verb: str) -> None:
    text, says = CASES[case]
    (folder.path / "obsctl.yaml").write_text(text)
    done = folder.run(verb)
    told = done.out + done.err
    assert done.status == (1 if verb == "doctor" else 2), done
    assert says in told
    assert "Traceback" not in told
    assert not (folder.path / ".obsctl").exists()
