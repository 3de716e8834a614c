"""Up, again, changed, down: on a real engine."""

from __future__ import annotations

import time
import urllib.request

import pytest

from obsctl.errors import StartError
from obsctl.render.containers import Mount
from obsctl.wait import Deadline, until
from tests.e2e.docker.boxes import IMAGE, OTHER_IMAGE, Lab, box, free_port, slow, web


def get(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return answer.read().decode()


def body(port: int) -> str:
    """What is served, once the server has begun to listen."""

    def asked() -> str:
        try:
            return get(port)
        except OSError:
            return ""

    return until(asked, Deadline.after(10)) or ""


def kinds(steps: object) -> dict[str, str]:
    return {step.name: step.kind for step in steps}  # type: ignore[attr-defined]


def test_a_stack_comes_up_in_the_order_of_its_needs_and_goes_without_a_trace(lab: Lab) -> None:
    port = free_port()
    stack = (
        web("front", port, depends_on={"db": "service_healthy"}, networks=("data", "default"), secrets=("word",)),
        slow("db"),
    )
    assert kinds(lab.runtime.plan(lab.write(*stack))) == {
        "data": "volume",
        "default": "network",
        "front": "create",
        "db": "create",
    }
    assert lab.up(*stack) == ("db", "front")
    assert body(port) == "hello\n"
    # obsctl asks the check itself, ahead of the engine, which says the same a moment later
    assert until(lambda: {o.name: o.health for o in lab.runtime.observe()}["db"] == "healthy", Deadline.after(15))
    observed = {o.name: o for o in lab.runtime.observe()}
    assert {o.state for o in observed.values()} == {"running"}
    assert all(o.memory > 0 and o.image == IMAGE and o.restarts == 0 for o in observed.values())
    assert {e.name: e.url for e in lab.runtime.endpoints()} == {"front": f"http://127.0.0.1:{port}"}
    assert lab.runtime.exit_log("front", 5) == ["hello"]
    assert sorted(lab.down()) == ["db", "front"]
    assert lab.left() == []
    assert lab.runtime.endpoints().all == ()


def test_nothing_is_touched_when_nothing_changed(lab: Lab) -> None:
    stack = (web("front", free_port()), slow("db"))
    lab.up(*stack)
    before = lab.ids()
    assert set(kinds(lab.runtime.plan(lab.write(*stack))).values()) == {"keep"}
    assert lab.up(*stack) == ()
    assert lab.ids() == before


def test_only_what_changed_is_made_anew(lab: Lab) -> None:
    one, two = free_port(), free_port()
    lab.up(web("one", one), web("two", two), slow("db"))
    before = lab.ids()
    assert lab.up(web("one", one, "changed"), web("two", two), slow("db")) == ("one",)
    after = lab.ids()
    assert [name for name in before if before[name] != after[name]] == ["one"]
    assert body(one) == "changed\n"
    assert [c["Names"] for c in lab.containers() if c["Labels"]["com.docker.compose.service"] == "one"] == [
        [f"/{lab.stack}-one-1"]
    ]


def test_a_file_that_its_owner_edited_counts_as_it_is(lab: Lab) -> None:
    port = free_port()
    made = lab.write(web("front", port), slow("db"))
    lab.runtime.apply(made, lab.events.append)
    (lab.root / "front/index.html").write_text("edited\n")
    assert [s.name for s in lab.runtime.plan(made) if s.kind == "replace"] == ["front"]
    assert lab.runtime.apply(made, lab.events.append) == ("front",)
    assert body(port) == "edited\n"


@pytest.mark.parametrize("harm", ["stop", "pause", "kill", "remove", "disconnect"])
def test_what_was_harmed_is_put_right(lab: Lab, harm: str) -> None:
    stack = (web("front", free_port()), box("other"))
    lab.up(*stack)
    before, api = lab.ids(), lab.engine.client
    harms = {
        "stop": lambda: api.stop(before["front"], timeout=0),
        "pause": lambda: api.pause(before["front"]),
        "kill": lambda: api.kill(before["front"]),
        "remove": lambda: api.remove_container(before["front"], force=True),
        "disconnect": lambda: api.disconnect_container_from_network(before["front"], f"{lab.stack}_default"),
    }
    harms[harm]()
    assert lab.up(*stack) == ("front",)
    after = lab.ids()
    assert after["other"] == before["other"]
    assert (after["front"] == before["front"]) == (harm in ("stop", "pause", "kill"))
    assert {o.state for o in lab.runtime.observe(memory=False)} == {"running"}


def test_another_image_under_the_same_name_is_noticed(lab: Lab) -> None:
    api, image = lab.engine.client, f"{lab.stack}:1"
    api.tag(IMAGE, lab.stack, "1")
    try:
        lab.up(box("one", image=image), box("two"))
        api.tag(OTHER_IMAGE, lab.stack, "1", force=True)
        causes = {s.name: s.cause for s in lab.runtime.plan(lab.write(box("one", image=image), box("two")))}
        assert causes["one"] == f"{image} is another image now"
        assert lab.up(box("one", image=image), box("two")) == ("one",)
        lab.down()
    finally:
        api.remove_image(image, force=True)


def test_another_platform_makes_a_container_anew_of_an_image_that_has_to_be_pulled(lab: Lab) -> None:
    lab.up(box("one"))
    image = lab.engine.client.inspect_image(IMAGE)
    same = box("one", platform=f"{image['Os']}/{image['Architecture']}")
    other = box("one", platform="linux/s390x")
    assert kinds(lab.runtime.plan(lab.write(other))) == {IMAGE: "pull", "one": "replace"}
    assert kinds(lab.runtime.plan(lab.write(same))) == {"one": "replace"}


def test_data_outlives_down_unless_volumes_are_asked_for(lab: Lab) -> None:
    lab.up(slow())
    lab.down(volumes=False)
    assert lab.left() == [f"{lab.stack}_data"]
    lab.up(slow())
    lab.down(volumes=True)
    assert lab.left() == []


def test_what_is_no_longer_in_the_spec_is_reported_and_left(lab: Lab) -> None:
    lab.up(box("one"), box("two"))
    assert lab.up(box("one")) == ()
    assert [e.subject for e in lab.events if "not in the spec" in e.detail] == [f"{lab.stack}-two-1"]
    assert set(lab.ids()) == {"one", "two"}
    assert sorted(lab.down()) == ["one", "two"]


def test_containers_are_safe_by_default(lab: Lab) -> None:
    script = "touch /etc/x && echo writable; cat /run/secrets/word; sleep 1000"
    lab.up(box("one", ("/bin/sh", "-c", script), secrets=("word",), mounts=(Mount("volume", "data", "/data", False),)))
    raw = lab.engine.client.inspect_container(lab.ids()["one"])
    host = raw["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] == host["MemorySwap"] == 64 * 1024**2
    assert (host["PidsLimit"], host["Init"], host["RestartPolicy"]["Name"]) == (64, True, "unless-stopped")
    assert host["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}
    said = until(lambda: [x for x in lab.runtime.exit_log("one", 9) if "secret" in x], Deadline.after(10))
    assert said == ["secret of word"]
    assert "writable" not in lab.runtime.exit_log("one", 9)


def test_another_folders_stack_of_the_same_name_is_not_touched(lab: Lab) -> None:
    lab.up(box("one"))
    before = lab.ids()
    other = Lab(lab.engine, lab.path / "other", stack=lab.stack)
    with pytest.raises(StartError, match=f"another stack named '{lab.stack}', made from {lab.root}"):
        other.up(box("one", ("/bin/sleep", "2000")))
    assert other.down() == ()
    assert other.runtime.observe() == ()
    assert lab.ids() == before
    assert f"{lab.stack}_default" in lab.left()


def test_a_missing_file_is_an_error_that_says_how_to_write_it(lab: Lab) -> None:
    made = lab.write(web("front", free_port()))
    (lab.root / "front/index.html").unlink()
    with pytest.raises(StartError, match=r"index\.html cannot be read") as caught:
        lab.runtime.apply(made, lab.events.append)
    assert "obsctl render" in caught.value.hint
    assert lab.left() == []


def test_output_is_merged_in_time_and_followed_across_a_restart(lab: Lab) -> None:
    said = "echo from {0}; sleep 0.3; echo again {0}; sleep 1000"
    lab.up(*(box(name, ("/bin/sh", "-c", said.format(name))) for name in ("one", "two")))
    until(
        lambda: len(list(lab.runtime.logs([], follow=False, cancelled=lambda: False, tail=9))) == 4, Deadline.after(10)
    )
    lines = list(lab.runtime.logs([], follow=False, cancelled=lambda: False, tail=9))
    assert sorted((x.source, x.line) for x in lines) == sorted(
        (name, f"{word} {name}") for name in ("one", "two") for word in ("from", "again")
    )
    assert [x.line for x in lab.runtime.logs(["one"], follow=False, cancelled=lambda: False, tail=1)] == ["again one"]
    ends = time.monotonic() + 20
    followed, seen = [], lab.runtime.logs(["one"], follow=True, cancelled=lambda: time.monotonic() > ends, tail=1)
    for line in seen:
        followed.append(line.line)
        if len(followed) == 1:
            lab.engine.client.restart(lab.ids()["one"], timeout=0)
        if len(followed) == 3:
            break
    assert followed == ["again one", "from one", "again one"]
