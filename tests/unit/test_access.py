"""Credentials and TLS of a component: references instead of secrets, read where a request is made."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.access.options import AuthOptions, BasicAuth, ComponentAccess, TlsOptions, read_access
from obsctl.access.secret_text import SecretText
from obsctl.errors import UsageError

TOKEN = SecretText("", "env", "TOKEN")
_VALUE = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(str.strip)
_FILE = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
_NAMES = st.text(string.ascii_letters + "_", min_size=1, max_size=20)
_SECRETS = st.one_of(
    st.builds(SecretText, st.just(""), st.just("env"), _NAMES),
    st.builds(SecretText, st.just(""), st.just("file"), _FILE),
)
_PRINTABLE = st.text(string.ascii_letters + string.digits + " $:{}", max_size=20).filter(lambda text: "${" not in text)
_HEADERS = st.dictionaries(
    _NAMES.map("X-{}".format), st.one_of(_SECRETS, st.builds(SecretText, _PRINTABLE)), max_size=3
)


@settings(deadline=None)
@given(
    basic=st.none() | st.builds(BasicAuth, _SECRETS, _SECRETS), headers=_HEADERS, files=st.tuples(_FILE, _FILE, _FILE)
)
def test_what_is_recorded_is_read_back_and_holds_references(
    basic: BasicAuth | None, headers: dict[str, SecretText], files: tuple[str, str, str]
) -> None:
    access = ComponentAccess(TlsOptions(*files, insecure=True), AuthOptions(basic, None, headers))
    assert read_access(access.document()) == access


@given(_VALUE)
def test_secrets_become_headers_where_they_are_asked_for(value: str) -> None:
    auth = AuthOptions(None, TOKEN, {"X-Key": SecretText("key ", "env", "TOKEN")})
    made = {name: text.encode("latin-1").decode() for name, text in auth.request_headers({"TOKEN": value}).items()}
    assert made == {"X-Key": f"key {value}", "Authorization": f"Bearer {value}"}


def test_a_file_is_read_each_time_without_the_line_end_that_editors_add(tmp_path: Path) -> None:
    secret = SecretText("", "file", "token").below(tmp_path)
    (tmp_path / "token").write_text("one\n")
    assert secret.value({}) == "one"
    (tmp_path / "token").write_text("two\r\n")
    assert secret.value({}) == "two"
    assert AuthOptions(BasicAuth(SecretText("me"), secret)).request_headers({}) == {"Authorization": "Basic bWU6dHdv"}


@pytest.mark.parametrize(
    ("secret", "content", "says"),
    [
        (TOKEN, None, "the environment variable TOKEN is not set"),
        (SecretText("", "file", "gone"), None, "the secret in gone cannot be read: no such file or directory"),
        (SecretText("", "file", "t"), b" \n", "t holds no secret: it is empty"),
        (SecretText("", "file", "t"), b"x" * 70_000, "t holds no secret: it is far too long"),
        (SecretText("", "file", "t"), b"a\nb", "${file:t} holds control characters"),
    ],
)
def test_a_secret_that_is_not_there_is_named_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: SecretText, content: bytes | None, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content:
        Path("t").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        secret.value({})
    assert caught.value.message == says
