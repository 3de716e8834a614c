"""What ``doctor`` looks at, and what it makes of it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from obsctl.ops.doctor import doctor
from obsctl.ops.log_files import unmatched_logs
from obsctl.ops.session import open_session


def looked_at(folder: Path, offset: int | None = None) -> dict[str, tuple[str, str]]:
    found = doctor(folder, port_offset=offset).data["findings"]
    return {f["subject"]: (f["status"], f["detail"]) for f in found}


def test_an_empty_folder_is_looked_at_without_leaving_anything_behind(folder: Path) -> None:
    found = looked_at(folder)
    assert list(found) == [
        "python",
        "disk",
        "docker",
        "spec",
        "runtime",
        "proxy",
        "parts",
        "state folder",
        "processes",
        "ports",
    ]
    assert found["docker"] == ("ok", "no container engine answers")
    assert found["spec"] == ("ok", "built-in default: the sample service")
    assert found["processes"] == ("ok", "none of this stack running")
    assert list(folder.iterdir()) == []


def test_a_spec_that_is_wrong_is_a_problem_with_its_place(folder: Path) -> None:
    (folder / "obsctl.yaml").write_text("version: 1\nname: shop\nrunti: embedded\n")
    result = doctor(folder, port_offset=None)
    assert result.exit_status == 1
    (problem,) = (f for f in result.data["findings"] if f["status"] == "problem")
    assert problem["subject"] == "spec"
    assert "runti" in problem["detail"]


def test_a_port_that_is_taken_is_a_problem(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        first = next(iter(open_session(folder).target.desired.ports["backend"]))
        (folder / "obsctl.yaml").write_text(f"version: 1\nname: shop\nports: {{{first}: {port}}}\n")
        status, detail = looked_at(folder)["ports"]
    assert status == "problem"
    assert f"port {port} ({first}) is taken" in detail


def test_a_stack_of_containers_has_no_orphans_to_look_for(folder: Path) -> None:
    (folder / "obsctl.yaml").write_text("version: 1\nname: shop\nruntime: docker\n")
    found = looked_at(folder)
    assert found["runtime"] == ("ok", "docker, as obsctl.yaml says")
    assert "processes" not in found


def observed(folder: Path, url: str, logs: str = "") -> None:
    """A spec with one service that obsctl does not run."""
    (folder / "contract.yaml").write_text("version: 1\nservice: shop\ncomponents: [web]\n")
    component = f"{{name: web, url: '{url}', logs: '{logs}'}}"
    services = f"services:\n  - {{name: shop, contract: contract.yaml, components: [{component}]}}\n"
    (folder / "obsctl.yaml").write_text(f"version: 1\nruntime: embedded\n{services}")


@pytest.mark.parametrize(
    ("url", "exempt", "status", "said"),
    [
        ("http://shop.example.com", "localhost", "warning", "through the proxy http://proxy:3128"),
        ("http://127.0.0.1:5000", "", "warning", "http_proxy without NO_PROXY=127.0.0.1,localhost"),
        ("http://127.0.0.1:5000", "127.0.0.1", "ok", "none between"),
    ],
)
def test_a_proxy_between_the_stack_and_a_service_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, exempt: str, status: str, said: str
) -> None:
    for name in ("HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://me:secret@proxy:3128")
    monkeypatch.setenv("no_proxy", exempt)
    observed(folder, url)
    found = looked_at(folder)["proxy"]
    assert found[0] == status
    assert said in found[1]
    assert "secret" not in found[1]


def test_a_pattern_of_log_files_that_matches_nothing_is_told(folder: Path) -> None:
    home = folder / "shop [2026]"
    home.mkdir()
    observed(home, "http://127.0.0.1:5000", "logs/**/*.log")
    (sentence,) = unmatched_logs(home)
    assert "logs/**/*.log, where the log lines of web should be" in sentence
    (home / "logs").mkdir()
    (home / "logs" / "a.log").touch()
    assert unmatched_logs(home) == ()
