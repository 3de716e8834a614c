from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from obsctl.access.options import PLAIN
from obsctl.discovery.draft import Origin
from obsctl.discovery.model import ObservedRequest, ObservedTraffic
from obsctl.errors import StartError, UsageError
from obsctl.ops.draft_origin import served
from obsctl.ops.init import DraftSources, access_of, init
from obsctl.spec.load import load_stack
from tests.unit.certificates import certificates
from tests.unit.clients.canned import Answer, Asked, serving


def test_an_empty_folder_gets_a_spec_and_a_contract_that_load(tmp_path: Path) -> None:
    result = init(tmp_path / "shop", force=False)
    assert result.data["written"] == [str(tmp_path / "shop" / name) for name in ("obsctl.yaml", "contract.yaml")]
    assert load_stack(tmp_path / "shop").services


def test_what_is_there_is_kept_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text("mine")
    with pytest.raises(UsageError, match=r"contract\.yaml exists already"):
        init(tmp_path, force=False)
    assert (tmp_path / "contract.yaml").read_text() == "mine"
    assert not (tmp_path / "obsctl.yaml").exists()
    init(tmp_path, force=True)
    assert (tmp_path / "contract.yaml").read_text() != "mine"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot write to"):
        init(tmp_path / "file" / "shop", force=False)


def test_a_service_needs_a_name_that_a_contract_can_have(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--service: expected lower-case letters"):
        init(tmp_path, force=False, sources=DraftSources(("http://127.0.0.1:1/metrics",), ("My Shop",)))


def test_a_service_behind_tls_and_credentials_is_drafted_and_the_draft_says_how_it_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificates(tmp_path / "certs", "127.0.0.1")
    monkeypatch.setenv("SHOP_KEY", "s3cret")

    def page(asked: Asked) -> Answer:
        known = asked.headers.get("X-Key") == "s3cret"
        text = "# TYPE orders_total counter\norders_total 1\n"
        return Answer(text, 200 if known else 401, {"Content-Type": "text/plain; version=0.0.4"})

    folder = tmp_path / "shop"
    with serving({"/metrics": page, "/healthz": page}, tls=files.server) as server:
        access = access_of(folder, Path(files.ca_file), ["X-Key: ${env:SHOP_KEY}"], insecure=False)
        init(folder, force=False, sources=DraftSources((f"{server.url}/metrics",), access=access))
    component = load_stack(folder).services[0].components[0]
    assert component.tls.ca_file == str(folder / "../certs/ca.pem")
    assert {name: str(text) for name, text in component.auth.headers.items()} == {"X-Key": "${env:SHOP_KEY}"}
    assert component.ready == "/healthz"
    assert "s3cret" not in (folder / "obsctl.yaml").read_text()


@pytest.mark.parametrize("header", ["Authorization: Bearer secret", "X Y: z", "X: ${env:A} b", "no colon here"])
def test_a_header_that_is_none_or_a_secret_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(UsageError, match="--header") as refused:
        access_of(tmp_path, None, [header], insecure=False)
    assert "secret" not in refused.value.message.replace("a secret must not stand here itself", "")


def test_where_metrics_are_in_another_process_spans_tell_where_the_service_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obsctl.ops.draft_origin.listening_beside", lambda _port: ())

    def page(_asked: Asked) -> Answer:
        return Answer(
            "# TYPE orders_total counter\norders_total 1\n", 200, {"Content-Type": "text/plain; version=0.0.4"}
        )

    with serving({"/metrics": page}) as exporter, serving({"/orders": lambda _: Answer("[]"), "/up": page}) as service:
        ports = frozenset([1, urlsplit(service.url).port or 0])
        seen = ObservedRequest("GET", "/orders", 1, 200, ("shop",), ports=ports)
        origin = Origin("shop", exporter.url, "/metrics")
        found, lost = served(origin, ObservedTraffic(("shop",), {}, (seen,)), PLAIN)
    assert (found.url, found.metrics, found.ready) == (service.url, f"{exporter.url}/metrics", "/up")
    assert lost == ""
