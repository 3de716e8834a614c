"""``runtime: remote``: a stack that runs elsewhere, behind gateways that demand each kind of credentials."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from obsctl.assets import sample_contract, templates
from tests.e2e.conftest import Done, Folder
from tests.e2e.gate import Gate, gate
from tests.unit.certificates import certificates

pytestmark = pytest.mark.e2e

TOKEN, PASSWORD, TENANT = "a-token-for-metrics", "a-password-for-logs", "shop"
SECRETS = (TOKEN, PASSWORD, base64.b64encode(f"reader:{PASSWORD}".encode()).decode())
LONGEST = 2 * 3600.0
"""No query of ours asks about more than this many seconds."""


@dataclass
class Remote:
    """A folder whose spec names the gateways, and the gateways."""

    folder: Folder
    gates: Mapping[str, Gate]

    def rewrite(self, **changes: Any) -> None:
        """Change keys of the spec."""
        path = self.folder.path / "obsctl.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def spec(stack: Folder, gates: Mapping[str, Gate]) -> dict[str, Any]:
    default = yaml.safe_load((templates() / "stacks/default.yaml").read_text())
    [sample] = default["services"]
    components = [
        {"name": name, "url": f"http://127.0.0.1:{port + stack.offset}"}
        for name, port in (("api", 8000), ("worker", 8001), ("ai", 8002))
    ]
    return {
        "version": 1,
        "runtime": "remote",
        "remote": {
            "deployed": True,
            "metrics": {"url": gates["metrics"].url, "auth": {"bearer": "${env:METRICS_TOKEN}"}},
            "logs": {
                "url": gates["logs"].url,
                "auth": {
                    "basic": {"user": "reader", "password": "${file:secrets/logs}"},
                    "headers": {"X-Scope-OrgID": TENANT},
                },
            },
            "traces": {
                "url": gates["traces"].url,
                "tls": {"ca_file": "ca.pem", "cert_file": "client.pem"},
            },
        },
        "services": [{"name": "jobs", "contract": "contract.yaml", "components": components, "drive": sample["drive"]}],
    }


@pytest.fixture(scope="module")
def remote(stack: Folder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = Folder(tmp_path_factory.mktemp("remote"), 0, env={**stack.env, "METRICS_TOKEN": TOKEN})
    (folder.path / "secrets").mkdir()
    (folder.path / "secrets/logs").write_text(PASSWORD + "\n")
    (folder.path / "contract.yaml").write_text(sample_contract().read_text())
    made = certificates(folder.path, "127.0.0.1", client=True)
    doors: Mapping[str, tuple[int, Mapping[str, str], ssl.SSLContext | None]] = {
        "metrics": (9090, {"Authorization": f"Bearer {TOKEN}"}, None),
        "logs": (3100, {"Authorization": f"Basic {SECRETS[2]}", "X-Scope-OrgID": TENANT}, None),
        "traces": (16686, {}, made.server),
    }
    with contextlib.ExitStack() as open_doors:
        gates = {
            name: open_doors.enter_context(gate(port + stack.offset, headers, tls))
            for name, (port, headers, tls) in doors.items()
        }
        (folder.path / "obsctl.yaml").write_text(yaml.safe_dump(spec(stack, gates)))
        yield Remote(folder, gates)


@pytest.fixture(scope="module")
def verified(remote: Remote) -> Done:
    return remote.folder.run("verify", "--json")


def kept(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in (folder / ".obsctl").rglob("*") if path.is_file())


def test_every_check_passes_as_on_the_stack_itself(verified: Done) -> None:
    apart = {"dashboards.provisioned": "this stack has no dashboard page"}
    assert {c["id"]: c["summary"] for c in verified.data["checks"] if c["status"] != "pass"} == apart
    assert verified.status == 0


@pytest.mark.usefixtures("verified")
def test_it_is_read_only_and_in_bounds(remote: Remote) -> None:
    asked = [request for door in remote.gates.values() for request in door.seen]
    assert {request.method for request in asked} == {"GET"}
    assert all(request.admitted for request in asked)
    assert max(request.seconds for request in asked) <= LONGEST
    assert {request.path.split("/")[1] for request in asked} == {"api", "loki"}


@pytest.mark.usefixtures("verified")
def test_a_trace_is_found_and_the_stack_answers(remote: Remote) -> None:
    assert "POST /matches" in remote.folder.ok("trace", "last").out
    status = remote.folder.ok("status", "--json").data
    assert (status["runtime"], status["processes"]) == ("remote", [])
    assert {e["name"]: e["ready"] for e in status["endpoints"]} == dict.fromkeys(
        ("metrics", "logs", "traces", "api", "worker", "ai"), True
    )


def test_no_secret_is_in_anything_that_is_said_or_kept(remote: Remote, verified: Done) -> None:
    others = [remote.folder.run(*words) for words in (("status",), ("doctor",), ("check", "--no-rule-tests"))]
    said = "".join(done.out + done.err for done in (verified, *others)) + kept(remote.folder.path)
    assert not [secret for secret in SECRETS if secret in said]


def test_a_wrong_token_is_named_as_that(remote: Remote) -> None:
    wrong = Folder(remote.folder.path, 0, env={**remote.folder.env, "METRICS_TOKEN": "wrong"})
    done = wrong.run("verify", "--json", "--only", "metrics.*", "--only", "traces.complete", "--timeout", "3")
    verdicts = {c["id"]: c["status"] for c in done.data["checks"]}
    assert done.status == 3
    assert verdicts["traces.complete"] == "pass"
    assert "401" in json.dumps(done.data)
    status = wrong.run("status", "--json")
    assert status.status == 1
    [metrics] = [e for e in status.data["endpoints"] if e["name"] == "metrics"]
    assert not metrics["ready"]
    assert "401" in metrics["why"]


def test_without_its_rules_what_needs_them_is_skipped(remote: Remote) -> None:
    path = remote.folder.path / "obsctl.yaml"
    before = yaml.safe_load(path.read_text())["remote"]
    remote.rewrite(remote={**before, "deployed": False})
    try:
        done = remote.folder.ok("verify", "--json", "--only", "rules.*", "--only", "dashboards.*", "--only", "traces.*")
    finally:
        remote.rewrite(remote=before)
    verdicts = {c["id"]: (c["status"], c["summary"]) for c in done.data["checks"]}
    assert verdicts["rules.loaded"] == ("skip", "this stack uses no rule of the contract")
    assert verdicts["dashboards.queries"] == ("skip", "this stack shows no dashboard of the contract")
    assert verdicts["traces.complete"][0] == "pass"


def test_up_refuses_politely(remote: Remote) -> None:
    done = remote.folder.run("up")
    assert done.status == 2
    assert "somebody else's" in done.err
    assert remote.folder.run("down").status == 0
