"""What processes of the stack inherit: what this machine needs, and nothing that changes the stack."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from obsctl.runtime.environment import FIXED, INHERITED, child_environment

FOREIGN = (
    *("http_proxy", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY", "grpc_proxy", "GRPC_DNS_RESOLVER", "GRPC_VERBOSITY"),
    *("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    *("CURL_CA_BUNDLE", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED", "DATABASE_URL", "REDIS_URL", "QDRANT_URL"),
    *("PGHOST", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHONHOME", "PYTHONOPTIMIZE", "AI_PROVIDER", "HOST"),
)


def test_what_belongs_to_the_users_services_stays_with_them() -> None:
    here = {**dict.fromkeys(FOREIGN, "/elsewhere"), "PATH": "/bin", "LC_ALL": "C.UTF-8", "NO_PROXY": "x"}
    found = child_environment(here, {"HOST": "127.0.0.1"}, Path("/obsctl"))
    assert found == {"PATH": "/bin", "LC_ALL": "C.UTF-8", "HOST": "127.0.0.1", **FIXED}


def test_where_obsctl_itself_was_found_its_processes_look_too() -> None:
    search = "/a:/obsctl/"
    assert child_environment({"PYTHONPATH": search}, {}, Path("/obsctl"))["PYTHONPATH"] == search


@given(st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters="=\0"), min_size=1), st.just("x")))
def test_only_what_is_listed_gets_through(inherited: dict[str, str]) -> None:
    found = child_environment(inherited, {}, Path("/obsctl"))
    assert all(name in FIXED or name in INHERITED or name.startswith("LC_") for name in found)
