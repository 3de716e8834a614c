"""What happens to files that are there already: what was edited is kept, everything else becomes as rendered."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.cli.app import run
from obsctl.errors import SpecError, StartError, UsageError
from obsctl.ops.render import render
from obsctl.render.desired import File
from obsctl.render.ondisk import RECORD, changes, diff, forced, new_record, read_record, text_hash
from obsctl.result import Result

PATHS = st.sampled_from(["a", "b/c", "d"])
TEXTS = st.dictionaries(PATHS, st.sampled_from(["1\n", "2\n", "3\n"]))


@given(TEXTS, TEXTS, TEXTS)
def test_no_text_of_somebody_else_is_ever_lost(
    rendered: dict[str, str], disk: dict[str, str], written: dict[str, str]
) -> None:
    record = {path: text_hash(text) for path, text in written.items()}
    planned = changes([File(p, t) for p, t in rendered.items()], disk, record)
    for change in planned:
        if change.state in ("changed", "obsolete"):
            assert change.before == written[change.path]
    assert {c.path for c in planned} == set(rendered) | (set(record) & set(disk))


@given(TEXTS, TEXTS, TEXTS)
def test_once_written_nothing_is_left_to_do(
    rendered: dict[str, str], disk: dict[str, str], written: dict[str, str]
) -> None:
    record = {path: text_hash(text) for path, text in written.items()}
    files = [File(p, t) for p, t in rendered.items()]
    planned = forced(changes(files, disk, record))
    after = {**disk, **rendered}
    for change in planned:
        if change.state == "obsolete":
            del after[change.path]
    again = changes(files, after, read_record(new_record(planned, record)))
    assert {c.state for c in again} <= {"same"}


@given(st.text() | st.sampled_from(['{"schema": "obsctl.files/1", "files": [1]}', "[]", "1", '{"files": {"a": "b"}}']))
def test_a_broken_record_is_none(text: str) -> None:
    assert read_record(text) == {}


def test_long_files_are_not_compared_line_by_line() -> None:
    (change,) = changes([File("a", "x\n")], {"a": "y\n" * 6000}, {})
    assert diff([change], "deploy") == "differs: deploy/a (too long to compare line by line)"


def done(folder: Path, **options: Any) -> Result:
    return render(folder, None, **{"preset": None, "check": False, "force": False, **options})


def states(result: Result) -> dict[str, str]:
    return {f["path"]: f["state"] for f in result.data["files"]}


def test_written_files_are_found_in_order(tmp_path: Path) -> None:
    first = done(tmp_path)
    assert (first.exit_status, set(states(first).values())) == (0, {"new"})
    assert done(tmp_path, check=True).exit_status == 0
    assert set(states(done(tmp_path)).values()) == {"same"}


def test_nothing_there_is_a_difference(tmp_path: Path) -> None:
    result = done(tmp_path, check=True)
    assert result.exit_status == 1
    assert "missing: " in result.data["diff"]
    assert not (tmp_path / "deploy").exists()


def test_an_edited_file_is_kept_and_shown_until_forced(tmp_path: Path) -> None:
    done(tmp_path)
    edited = tmp_path / "deploy" / "alertmanager" / "alertmanager.yml"
    text = edited.read_text()
    edited.write_text(text.replace("receiver: default", "receiver: me"))

    check = done(tmp_path, check=True)
    assert (check.exit_status, "-  receiver: me\n+  receiver: default" in check.data["diff"]) == (1, True)
    kept = done(tmp_path)
    assert (kept.exit_status, states(kept)["alertmanager/alertmanager.yml"]) == (1, "edited")
    assert "receiver: me" in edited.read_text()
    assert states(done(tmp_path))["alertmanager/alertmanager.yml"] == "edited"

    assert done(tmp_path, force=True).exit_status == 0
    assert edited.read_text() == text


def test_another_spec_replaces_and_removes_what_it_made(tmp_path: Path) -> None:
    done(tmp_path)
    (tmp_path / "obsctl.yaml").write_text("version: 1\ncontainers: {traces: tempo, shipper: none, alerting: false}\n")
    result = states(done(tmp_path))
    assert result["compose.yaml"] == "changed"
    assert result["tempo/tempo.yaml"] == "new"
    assert {result[p] for p in ("jaeger/config.yaml", "alloy/config.alloy")} == {"obsolete"}
    assert not (tmp_path / "deploy" / "jaeger").exists()


def test_a_file_that_was_there_before_is_not_taken_for_ours(tmp_path: Path) -> None:
    mine = tmp_path / "deploy" / "compose.yaml"
    mine.parent.mkdir()
    mine.write_text("services: {}\n")
    result = done(tmp_path)
    assert (result.exit_status, states(result)["compose.yaml"]) == (1, "edited")
    assert mine.read_text() == "services: {}\n"


def test_a_record_leads_nowhere_outside(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    done(tmp_path)
    record = tmp_path / "deploy" / RECORD
    data = json.loads(record.read_text())
    data["files"] |= {"../victim": text_hash("mine"), str(victim): text_hash("mine")}
    record.write_text(json.dumps(data))
    done(tmp_path)
    assert victim.read_text() == "mine"


def test_the_password_is_random_kept_and_out_of_sight(tmp_path: Path) -> None:
    first = done(tmp_path)
    folder = tmp_path / "deploy" / "secrets"
    secret = (folder / "grafana_admin_password").read_text()
    assert len(secret) >= 24
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"
    done(tmp_path, force=True)
    assert (folder / "grafana_admin_password").read_text() == secret
    other = tmp_path / "other"
    other.mkdir()
    done(other)
    assert (other / "deploy" / "secrets" / "grafana_admin_password").read_text() != secret
    public = [p for p in (tmp_path / "deploy").rglob("*") if p.is_file() and p.parent != folder]
    assert secret not in json.dumps(first.envelope())
    assert not [p for p in public if secret in p.read_text()]


def test_the_preset_of_the_command_wins(tmp_path: Path) -> None:
    (tmp_path / "obsctl.yaml").write_text("version: 1\ncontainers: {preset: current}\n")
    assert done(tmp_path, preset="seed").data["preset"] == "seed"
    with pytest.raises(UsageError, match='there is no preset "sead"; did you mean "seed"'):
        done(tmp_path, preset="sead")


def test_a_relative_log_folder_is_found_from_wherever_the_files_are(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text("version: 1\nservice: shop\ncomponents: [web]\n")
    (tmp_path / "obsctl.yaml").write_text(
        "version: 1\nservices:\n  - name: shop\n    contract: contract.yaml\n"
        '    components: [{name: web, url: "http://127.0.0.1:5000", logs: "logs/*.log"}]\n'
    )
    render(tmp_path, tmp_path / "a" / "b", preset=None, check=False, force=False)
    assert '"../../logs:/var/log/services/web:ro"' in (tmp_path / "a" / "b" / "compose.yaml").read_text()


def test_a_bad_spec_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "obsctl.yaml").write_text("version: 1\ncontainers: {preset: nobody}\n")
    with pytest.raises(SpecError):
        done(tmp_path)
    assert not (tmp_path / "deploy").exists()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "deploy").write_text("a file")
    with pytest.raises(StartError, match=r"cannot write to .*deploy"):
        done(tmp_path)


def test_the_command_says_it_all_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "-C", str(tmp_path), "--json"]) == 0
    envelope = json.loads(capsys.readouterr().out)
    assert envelope["data"]["output"] == str(tmp_path / "deploy")
    assert run(["render", "-C", str(tmp_path), "--check"]) == 0
    assert run(["render", "-C", str(tmp_path), "--check", "--force"]) == 2
    (tmp_path / "deploy" / "compose.yaml").unlink()
    assert run(["render", "-C", str(tmp_path), "--check"]) == 1
