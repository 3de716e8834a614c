"""What a spec wants on each runtime: its desired state, its files, and its plan."""

from __future__ import annotations

from pathlib import Path

from obsctl.events import Event
from obsctl.ops.home import ContainerSite, ProcessSite
from obsctl.spec.load import load_stack


def test_processes_are_planned_in_start_order_and_have_no_files_to_render(folder: Path) -> None:
    target = ProcessSite.of(folder).target(load_stack(folder))
    assert [(step.kind, step.name) for step in target.plan()] == [("start", p) for p in target.desired.ports]
    target.write_files(lambda _event: None)
    assert target.file_changes() == ()
    assert list(folder.iterdir()) == []


def test_files_of_containers_are_written_once_and_edits_are_kept(folder: Path) -> None:
    stack = load_stack(folder)
    target = ContainerSite.of(folder, stack.name).target(stack)
    assert {change.state for change in target.file_changes()} == {"new"}
    events: list[Event] = []
    target.write_files(events.append)
    assert [(e.subject, e.detail) for e in events] == [
        ("deploy/secrets/grafana_admin_password", "made a random password")
    ]
    assert target.file_changes() == []
    for path in ("compose.yaml", "loki/config.yaml"):
        (folder / "deploy" / path).write_text("edited")
    events.clear()
    target.write_files(events.append)
    assert [e.subject for e in events] == ["deploy/compose.yaml", "deploy/loki/config.yaml"]
    assert "obsctl follows obsctl.yaml" in events[0].detail
    assert (folder / "deploy/compose.yaml").read_text() == "edited"
