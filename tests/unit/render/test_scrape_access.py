"""How rendered scrapers reach components: TLS, credentials in files, pages on other ports, paths of any text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from obsctl.access.options import AuthOptions, BasicAuth, ScrapeOptions, TlsOptions
from obsctl.access.secret_text import SecretText
from obsctl.errors import SpecError, UsageError
from obsctl.ops.deploy import deployment
from obsctl.render.compose import compose
from obsctl.render.containers import Composition
from obsctl.spec.contract import Contract
from obsctl.spec.presets import load_preset
from obsctl.spec.stack import Choices, Component, Service, Stack
from tests.read_yaml import read_yaml

TOKEN = SecretText("", "env", "TOKEN")
KEY = SecretText("key ", "file", "/etc/shop/key")
TLS = TlsOptions("/etc/shop/ca.pem", "/etc/shop/me.pem", server_name="shop.local", insecure=True)


def composed(component: Component, preset: str = "current", **choices: Any) -> Composition:
    service = Service("shop", Contract("shop", ("web",)), (component,), scrape=ScrapeOptions(follow_redirects=False))
    stack = Stack("shop", Path("/srv/shop"), (service,), choices=replace(Choices(), preset=preset, **choices))
    return compose(stack, load_preset(preset), version="1")


def job(composition: Composition, file: str = "prometheus/prometheus.yml") -> dict[str, Any]:
    (text,) = (found.text for found in composition.files if found.path == file)
    found: dict[str, Any] = next(job for job in read_yaml(text)["scrape_configs"] if job["job_name"] == "web")
    return found


def test_tls_and_credentials_are_options_that_name_files_of_the_container() -> None:
    web = Component(
        "web",
        "https://127.0.0.1:5000",
        metrics="https://localhost:5001/größe%20x",
        tls=TLS,
        auth=AuthOptions(None, TOKEN, {"X-Key": KEY, "X-Tenant": SecretText('"blue"')}),
    )
    composition = composed(web)
    at = "/run/secrets/web_"
    found = job(composition)
    assert found["static_configs"][0]["targets"] == ["host.docker.internal:5001"]
    assert (found["scheme"], found["metrics_path"], found["follow_redirects"]) == ("https", "/größe x", False)
    assert found["tls_config"] == {
        "ca_file": f"{at}ca_file",
        "cert_file": f"{at}cert_file",
        "key_file": f"{at}cert_file",
        "server_name": "shop.local",
        "insecure_skip_verify": True,
    }
    assert found["authorization"] == {"credentials_file": f"{at}bearer"}
    assert found["http_headers"] == {"X-Key": {"files": [f"{at}header_0"]}, "X-Tenant": {"values": ['"blue"']}}
    (prometheus,) = (c for c in composition.containers if c.name == "prometheus")
    assert set(prometheus.secrets) == {f"web_{name}" for name in ("ca_file", "cert_file", "bearer", "header_0")}
    assert set(prometheus.secrets) == set(composition.given_secrets)


@pytest.mark.parametrize("user", [SecretText("me"), SecretText("", "env", "ME")])
def test_a_password_is_a_file_and_a_user_need_not_be(user: SecretText) -> None:
    found = job(composed(Component("web", "http://127.0.0.1:5000", auth=AuthOptions(BasicAuth(user, TOKEN)))))
    name = {"username_file": "/run/secrets/web_username"} if user.source else {"username": "me"}
    assert found["basic_auth"] == {**name, "password_file": "/run/secrets/web_password"}


def test_headers_that_a_scraper_cannot_send_are_refused() -> None:
    secret = Component("web", "http://127.0.0.1:5000", auth=AuthOptions(headers={"X-Key": KEY}))
    plain = replace(secret, auth=AuthOptions(headers={"X-Key": SecretText("a")}))
    with pytest.raises(SpecError, match="the chosen scraper cannot send headers of their own"):
        composed(plain, preset="seed")
    with pytest.raises(SpecError, match="the chosen scraper cannot send headers that are secrets"):
        composed(secret, metrics="victoriametrics")
    found = job(composed(plain, metrics="victoriametrics"), "victoriametrics/scrape.yml")
    assert found["headers"] == ["X-Key: a"]


def test_secrets_are_written_as_they_are_now_where_only_their_owner_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    composition = composed(Component("web", "http://127.0.0.1:5000", auth=AuthOptions(None, TOKEN)))
    monkeypatch.delenv("TOKEN", raising=False)
    with pytest.raises(UsageError, match="TOKEN is not set"):
        deployment(tmp_path, composition).write()
    file = tmp_path / "secrets" / "web_bearer"
    for value in ("a longer one", "short"):
        monkeypatch.setenv("TOKEN", value)
        assert deployment(tmp_path, composition).pending["secrets/web_bearer"] == value.encode()
        assert "secrets/web_bearer" not in deployment(tmp_path, composition).write()
        assert file.read_text() == value
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file() and path != file]
    assert not any("short" in text for text in texts if "web_bearer" in text)
