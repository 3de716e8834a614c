"""``docs/clients.md`` says what the last run found, and the last run was of the clients that there are."""

from __future__ import annotations

import pytest

from tests.e2e.clients.catalogue import FOLDER, SIGNALS, load
from tests.e2e.clients.page import PAGE, recorded, render
from tests.e2e.clients.readback import compare

LOCKED = ("package-lock.json", "requirements.txt", "go.sum", "Cargo.pins")


def test_the_page_is_that_of_the_last_run() -> None:
    assert PAGE.read_text(encoding="utf8") == render(recorded()), "run `make clients`"


def test_the_last_run_was_of_every_client_in_every_way() -> None:
    ran = {
        (name, case["protocol"], case["compression"], *(signal for signal in SIGNALS if signal in case))
        for name, client in recorded()["clients"].items()
        for case in client["cases"]
    }
    known = load()
    there = {(c.client, c.protocol, c.compression, *c.signals) for client in known.clients for c in client.cases}
    assert ran == there, "run `make clients`"
    assert recorded()["not_tried"] == known.not_tried


def test_in_the_last_run_everything_arrived() -> None:
    for name, client in recorded()["clients"].items():
        assert not client["fault"], name
        for case in client["cases"]:
            assert "faults" not in case, name
            assert all(stored == sent > 0 for stored, sent in (case[s] for s in SIGNALS if s in case)), (name, case)


@pytest.mark.parametrize("client", load().clients, ids=lambda client: client.name)
def test_a_lock_file_names_no_registry(client) -> None:
    for path in client.folder.iterdir():
        if path.name in LOCKED:
            text = path.read_text(encoding="utf8")
            assert "resolved" not in text, path
            assert "index-url" not in text, path
            assert "registry" not in text, path


def test_each_folder_is_of_a_client() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {client.folder.name for client in load().clients}


@pytest.mark.parametrize(
    ("stored", "fault"),
    [
        ([0, 1, 2], ""),
        ([2, 0, 1], ""),
        ([0, 2], "1 missing, as 1"),
        ([0, 1, 1, 2], "1 too many, as 1"),
        ([0, 1, 9], "1 missing, as 2; 1 too many, as 9"),
        ([0, 1, "2"], "1 missing, as 2; 1 too many, as '2'"),
        ([], "3 missing, as 0"),
    ],
)
def test_what_is_not_there_once_is_a_fault(stored, fault) -> None:
    count = compare([0, 1, 2], stored)
    assert (count.sent, count.stored, count.fault) == (3, len(stored), fault)
