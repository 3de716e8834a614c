"""What every runtime does, whoever runs the processes."""

from __future__ import annotations

import socket
import time

import pytest

from obsctl.errors import StartError
from tests.conformance.runtimes.conftest import Handle, eventually, observed, said, served, states

# Processes outlive the runtime that started them: that is what it is for.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

TEXTS = {"one": "I am one", "two": "I am two"}


def test_up_starts_what_is_wanted_and_says_where_it_is(handle: Handle) -> None:
    assert handle.runtime.observe() == ()
    assert handle.runtime.endpoints().all == ()
    assert sorted(handle.up(TEXTS)) == ["one", "two"]
    assert states(handle) == {"one": "running", "two": "running"}
    assert {e.name: e.url for e in handle.runtime.endpoints()} == {
        name: f"http://127.0.0.1:{handle.ports[name]}" for name in TEXTS
    }
    assert served(handle, "one") == "I am one"
    assert [(e.kind, e.subject) for e in handle.events if e.kind == "started"] != []


def test_what_is_observed_is_what_runs(handle: Handle) -> None:
    before = time.time()
    handle.up(TEXTS)
    for found in handle.runtime.observe():
        assert found.pid > 0
        assert found.memory > 0
        assert found.fingerprint
        assert before - 60 < found.started_at < time.time() + 60


def test_up_again_touches_nothing(handle: Handle) -> None:
    handle.up(TEXTS)
    before = {name: o.pid for name, o in observed(handle).items()}
    assert handle.up(TEXTS) == ()
    assert {name: o.pid for name, o in observed(handle).items()} == before


def test_only_what_changed_is_started_anew(handle: Handle) -> None:
    handle.up(TEXTS)
    before = observed(handle)
    assert handle.up({**TEXTS, "one": "I changed"}) == ("one",)
    after = observed(handle)
    assert after["two"].pid == before["two"].pid
    assert after["one"].pid != before["one"].pid
    assert after["one"].fingerprint != before["one"].fingerprint
    assert served(handle, "one") == "I changed"


def test_what_is_added_is_started(handle: Handle) -> None:
    handle.up(TEXTS)
    assert handle.up({**TEXTS, "three": "I am three"}) == ("three",)
    assert served(handle, "three") == "I am three"


def test_what_died_is_seen_and_started_again(handle: Handle) -> None:
    handle.up(TEXTS)
    handle.kill("one")
    assert eventually(lambda: states(handle) == {"one": "dead", "two": "running"})
    assert handle.up(TEXTS) == ("one",)
    assert states(handle) == {"one": "running", "two": "running"}


def test_a_port_that_is_taken_is_an_error_before_anything_is_changed(handle: Handle) -> None:
    handle.up({"one": "I am one"})
    before = observed(handle)["one"].pid
    with socket.create_server(("127.0.0.1", handle.ports["two"])):
        with pytest.raises(StartError, match=f"port {handle.ports['two']}") as caught:
            handle.up({"one": "I changed", "two": "I am two"})
        assert "--port-offset" in caught.value.hint
    assert {name: o.pid for name, o in observed(handle).items()} == {"one": before}


def test_undo_takes_back_what_up_started_and_nothing_else(handle: Handle) -> None:
    handle.up({"one": "I am one"})
    before = observed(handle)["one"].pid
    started = handle.up(TEXTS)
    handle.runtime.undo(started, handle.events.append)
    assert {name: o.pid for name, o in observed(handle).items()} == {"one": before}


def test_output_is_kept_and_cut_to_the_last_lines(handle: Handle) -> None:
    handle.up(TEXTS)
    assert eventually(lambda: sorted(said(handle)) == sorted(TEXTS.items()))
    assert said(handle, ["two"], tail=1) == [("two", "I am two")]
    assert sorted(handle.runtime.log_names()) == ["one", "two"]


def test_output_is_followed_until_it_is_cancelled(handle: Handle) -> None:
    handle.up({"one": "I am one"})
    assert eventually(lambda: said(handle) == [("one", "I am one")])
    ends, found = time.monotonic() + 15, []
    for line in handle.runtime.logs(
        [], follow=True, cancelled=lambda: len(found) > 1 or time.monotonic() > ends, tail=5
    ):
        found.append(line.line)
        if len(found) == 1:
            handle.kill("one")
            handle.up({"one": "I am one"})
    assert found == ["I am one", "I am one"]


def test_stop_ends_the_named_ones_and_up_brings_them_back(handle: Handle) -> None:
    handle.up(TEXTS)
    assert handle.runtime.stop(["one"], handle.events.append) == ("one",)
    assert states(handle).get("one", "dead") == "dead"
    assert states(handle)["two"] == "running"
    assert handle.up(TEXTS) == ("one",)


def test_down_ends_everything_and_frees_its_ports(handle: Handle) -> None:
    handle.up(TEXTS)
    assert sorted(handle.runtime.down(handle.events.append, volumes=False)) == ["one", "two"]
    assert handle.runtime.observe() == ()
    assert handle.runtime.endpoints().all == ()
    with socket.create_server(("127.0.0.1", handle.ports["one"])):
        pass
    assert handle.runtime.down(handle.events.append, volumes=False) == ()


def test_down_keeps_data_unless_it_is_told_not_to(handle: Handle) -> None:
    handle.up(TEXTS)
    assert eventually(handle.stored)
    handle.runtime.down(handle.events.append, volumes=False)
    assert handle.stored()
    handle.up(TEXTS)
    handle.runtime.down(handle.events.append, volumes=True)
    assert not handle.stored()
